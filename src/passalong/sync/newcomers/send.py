"""The job that makes newcomers known: one at a time for a connection, proven by a lease in a row."""

import asyncio
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from django.db import connection as database

from passalong.config.settings import settings
from passalong.core.crypto import UndecryptableError
from passalong.core.dbthread import DbThread
from passalong.core.ids import new_id
from passalong.integrations.registry import integration
from passalong.sync import connections
from passalong.sync.errors import ConfigError, CredentialsError, SyncError, first_of
from passalong.sync.models import Connection
from passalong.sync.newcomers import store
from passalong.sync.newcomers.deliver import AFTER_PERSON, Postman
from passalong.sync.newcomers.store import waiting

LEASE_SECONDS = 15
HEARTBEAT_SECONDS = 4
AGAIN = timedelta(minutes=1)

TAKE = """
INSERT INTO sync_turn AS t (connection_id, holder, until)
VALUES (%(connection)s, %(holder)s, now() + make_interval(secs => %(lease)s))
ON CONFLICT (connection_id) DO UPDATE SET holder = EXCLUDED.holder, until = EXCLUDED.until
WHERE t.holder = EXCLUDED.holder OR t.until < now()
"""
GIVE_BACK = "UPDATE sync_turn SET until = now() WHERE connection_id = %(connection)s AND holder = %(holder)s"

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """Another job sends for this connection by now."""


class Sender(NamedTuple):
    """Which job sends for which connection."""

    connection_id: UUID
    id: UUID

    def run(self, statement: str) -> bool:
        """Whether the lease was touched."""
        with database.cursor() as cursor:
            cursor.execute(
                statement, {"connection": self.connection_id, "holder": self.id, "lease": LEASE_SECONDS}
            )
            return bool(cursor.rowcount)


async def send(connection_id: UUID) -> None:
    """Make known everybody who is due until nobody is; does nothing while another job is at it."""
    db, beat = DbThread(), DbThread()
    sender = Sender(connection_id, new_id())
    try:
        if await db(sender.run, TAKE):
            try:
                await _send_all(sender, db, beat)
            finally:
                await asyncio.shield(db(sender.run, GIVE_BACK))
    except LeaseLostError:
        log.warning("newcomers are sent by another job", connection=str(connection_id))
    finally:
        await db.close()
        await beat.close()


async def _send_all(sender: Sender, db: DbThread, beat: DbThread) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            heart = group.create_task(_keep_on(sender, beat))
            await _drain(sender, db)
            heart.cancel()
    except BaseExceptionGroup as failures:
        await _stop(sender, db, first_of(failures))


async def _keep_on(sender: Sender, beat: DbThread) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        if not await beat(sender.run, TAKE):
            raise LeaseLostError


async def _drain(sender: Sender, db: DbThread) -> None:
    connection = await db(Connection.everywhere.get, pk=sender.connection_id)
    opened = integration(connection.provider).open(
        connection.credentials,
        interactive=False,
        timezone=connection.timezone,
        patience=settings().outage_patience_seconds,
    )
    async with opened as session:
        postman = Postman(session, db)
        while parcels := await db(store.take, sender.connection_id):
            await postman.deliver(parcels)


async def _stop(sender: Sender, db: DbThread, reason: BaseException) -> None:
    """Something keeps anybody from being made known: who is left waits."""
    match reason:
        case UndecryptableError() | CredentialsError():
            await db(connections.needs_attention, sender.connection_id)
        case SyncError():
            log.warning("newcomers wait", connection=str(sender.connection_id), code=reason.code)
            asked = getattr(reason, "after", None)
            after = AFTER_PERSON if isinstance(reason, ConfigError) else AGAIN
            wait = timedelta(seconds=asked) if asked else after
            await db(store.put_off_all, sender.connection_id, wait, reason)
        case _:
            raise reason


__all__ = ["send", "waiting"]
