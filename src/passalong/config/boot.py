"""Gives a process its database and Django, in that order: Django reads the address once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from passalong.config.settings import settings

if TYPE_CHECKING:
    from passalong.postgres.embedded import Server

DJANGO_SETTINGS = "passalong.config.django"


@contextmanager
def database() -> Iterator["Server | None"]:
    """Sees to it that `DATABASE_URL` is set: by the operator, or to the embedded server, shared or started.

    Gives our share in the embedded server, or None when the database is the operator's own.
    """
    if settings().database_url:
        yield None
        return
    from passalong.postgres import embedded

    with embedded.start(settings().data_path) as server:
        os.environ["DATABASE_URL"] = server.url
        settings.cache_clear()
        try:
            yield server
        finally:
            del os.environ["DATABASE_URL"]
            settings.cache_clear()


def set_up_django() -> None:
    """Load Django; `DATABASE_URL` must be final by now."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", DJANGO_SETTINGS)
    django.setup()


def require_database() -> None:
    """Problem `database_unreachable` at once, where the pool would keep trying and logging for a while."""
    import psycopg

    from passalong.core.problems import Problem

    try:
        psycopg.connect(settings().database_url or "", connect_timeout=10).close()
    except psycopg.OperationalError as error:
        raise Problem(
            503,
            "database_unreachable",
            "The database does not answer",
            f"The database cannot be reached: {str(error).strip().splitlines()[0]}",
            "Check that it runs and that DATABASE_URL is right.",
        ) from error


@contextmanager
def application() -> Iterator[None]:
    """Database and Django with its tables in place, for a command that works with rows."""
    with database():
        require_database()
        set_up_django()
        from passalong.config.schema import migrate, pending

        if pending():
            migrate()
        try:
            yield
        finally:
            disconnect()


def disconnect() -> None:
    """Close this thread's connection and the pool with its threads: before a fork, and at the end."""
    from django.db import connections
    from django.db.backends.postgresql.base import DatabaseWrapper

    connection = connections["default"]
    connection.close()
    assert isinstance(connection, DatabaseWrapper)  # noqa: S101 - the only database there is
    connection.close_pool()
