"""Brings the database's tables up to this release, once, however many processes ask at the same time."""

import time

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from passalong.core.problems import Problem

# Any number will do, as long as nothing else in this database uses it.
LOCK = 0x70617373


def migrate() -> None:
    """Apply what is missing. Others that ask meanwhile wait, and then find nothing to do."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            call_command("migrate", interactive=False, verbosity=0)
            call_command("createcachetable", verbosity=0)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def pending() -> list[str]:
    """Names of the steps the database still lacks, such as `sync.0002_schedule`."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    names = [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]
    cache = settings.CACHES["default"]["LOCATION"]
    return names if cache in connection.introspection.table_names() else [*names, cache]


def wait_until_current(seconds: float = 60) -> None:
    """Wait for whoever migrates; Problem `migrations_pending` when nobody does in time."""
    deadline = time.monotonic() + seconds
    while missing := _missing():
        if time.monotonic() > deadline:
            raise Problem(
                503,
                "migrations_pending",
                "The database is not ready",
                f"The database lacks {', '.join(missing[:3])}{' and more' if len(missing) > 3 else ''}.",
                "Run: passalong migrate",
            )
        time.sleep(0.5)


def _missing() -> list[str]:
    try:
        with transaction.atomic():
            return pending()
    except OperationalError:
        connection.close()
        return ["an answer"]
