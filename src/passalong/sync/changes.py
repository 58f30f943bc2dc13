"""Facts that change outside of runs reach the CRM in seconds: wished for with the change, sent together.

A change waits a moment for others of the same person, so that a hundred friends in a rush cost one write.
What is sent is worked out from the facts at that time; a wish that comes in between stays and follows. One
job sends for a connection at a time, proven by a lease in the connection's row; if two ever overlap, each
stale sending leaves its wish open, and the last word is right.
"""

import asyncio
import math
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import structlog
from django.db import connection as database
from django.db import transaction

from passalong.campaigns.models import Campaign
from passalong.config.settings import settings
from passalong.core.crypto import UndecryptableError
from passalong.core.dbthread import DbThread
from passalong.core.ids import new_id
from passalong.integrations.registry import integration
from passalong.sync import connections, owners
from passalong.sync import rows as sql
from passalong.sync.errors import CredentialsError, SyncError, first_of
from passalong.sync.mapping import OutboundRow, outgoing
from passalong.sync.models import ACTIVE, Connection
from passalong.sync.write_back import (
    GATHER_SECONDS,
    WISHED,
    Courier,
    Wish,
    again_after,
    settle,
    wish_of,
    wished_facts,
)

SOON_SECONDS = 5.0
BATCH = 200
LEASE_SECONDS = 15
HEARTBEAT_SECONDS = 4

# Locked in the order in which pages of a run lock these rows. A wish that an active run still has to send
# stays its own; any other goes out by itself.
_WISH = """
UPDATE sync_writeback AS w SET pending = true, version = w.version + 1, updated_at = now(),
    run_id = CASE WHEN w.pending THEN w.run_id END,
    due_at = coalesce(w.due_at, now() + make_interval(secs => %(gather)s))
FROM (
    SELECT w.id, s.connection_id FROM sync_writeback w JOIN sync_sync s ON s.id = w.sync_id
    WHERE {about} AND EXISTS (
        SELECT 1 FROM jsonb_array_elements(s.outbound) AS o WHERE o->>'from' = ANY(%(facts)s))
    ORDER BY w.external_id, w.id FOR NO KEY UPDATE OF w) AS k
WHERE w.id = k.id RETURNING k.connection_id
"""
WISH_FOR_REFERRERS = _WISH.format(about="w.referrer_id = ANY(%(ids)s)")
WISH_FOR_CAMPAIGNS = _WISH.format(about="s.campaign_id = ANY(%(ids)s)")

_DUE = """
FROM sync_writeback w
JOIN sync_sync s ON s.id = w.sync_id
JOIN sync_connection c ON c.id = s.connection_id
LEFT JOIN sync_run r ON r.id = w.run_id
WHERE w.pending AND w.due_at IS NOT NULL AND c.status = 'connected' AND s.paused_at IS NULL
    AND (r.id IS NULL OR r.status <> ALL(%(active)s))
"""
WAITING = f"SELECT DISTINCT s.connection_id {_DUE} AND w.due_at <= now() + interval '1 second'"
NEXT = f"SELECT extract(epoch FROM min(w.due_at) - now())::float {_DUE} AND s.connection_id = %(connection)s"  # noqa: S608
TAKE = f"""
SELECT {WISHED}, g.name, w.outbound, w.field_types, w.sync_id FROM (
    SELECT w.*, s.outbound, s.field_types, s.campaign_id {_DUE}
    AND s.connection_id = %(connection)s AND w.due_at <= now() ORDER BY w.due_at LIMIT %(limit)s) AS w
JOIN campaigns_campaign g ON g.id = w.campaign_id
JOIN referrers_referrer f ON f.id = w.referrer_id
"""  # noqa: S608 - constants
LATER = f"""
UPDATE sync_writeback SET due_at = now() + make_interval(secs => %(after)s), problem = %(problem)s::jsonb
WHERE id IN (SELECT w.id {_DUE} AND s.connection_id = %(connection)s ORDER BY w.external_id FOR UPDATE OF w)
"""  # noqa: S608 - constants
LEASE = """
UPDATE sync_connection SET sender = %(sender)s, sending_until = now() + make_interval(secs => %(lease)s)
WHERE id = %(connection)s AND (sender = %(sender)s OR sending_until IS NULL OR sending_until < now())
"""
RELEASE = "UPDATE sync_connection SET sending_until = NULL WHERE id = %(connection)s AND sender = %(sender)s"

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """Another job sends for this connection by now."""


# Wishing


def on_facts_changed(referrers: Iterable[UUID], facts: Iterable[str], **_signal: Any) -> None:
    """These facts of these referrers changed, in the transaction that is under way."""
    _wish(WISH_FOR_REFERRERS, referrers, facts)


def on_renamed(campaign: Campaign, **_signal: Any) -> None:
    """The campaign's name changed, in the transaction that is under way."""
    _wish(WISH_FOR_CAMPAIGNS, [campaign.pk], ["campaign_name"])


def _wish(statement: str, ids: Iterable[UUID], facts: Iterable[str]) -> None:
    from passalong.sync.tasks import enqueue_changes

    named = {"ids": list(ids), "facts": list(facts), "gather": GATHER_SECONDS}
    with transaction.atomic(), database.cursor() as cursor:
        concerned = {row[0] for row in sql.select(cursor, statement, **named)}
    for connection_id in concerned:
        # After the commit: a job that is waiting already has not begun to look then, and will see this.
        transaction.on_commit(lambda one=connection_id: enqueue_changes(one))  # type: ignore[misc]


# Sending


class Sender(NamedTuple):
    """Who sends for which connection. The lease is kept by `keep`."""

    connection_id: UUID
    id: UUID

    def names(self, **more: Any) -> dict[str, Any]:
        """Parameters of the statements above."""
        active = [str(status) for status in ACTIVE]
        return {"connection": self.connection_id, "sender": self.id, "active": active, **more}


def waiting() -> list[UUID]:
    """Connections with changes to send."""
    with database.cursor() as cursor:
        return [row[0] for row in sql.select(cursor, WAITING, active=[str(status) for status in ACTIVE])]


async def send(connection_id: UUID) -> None:
    """Send every change for a connection until none is left; does nothing while another job is at it."""
    db, beat = DbThread(), DbThread()
    sender = Sender(connection_id, new_id())
    try:
        # Whoever finds the lease taken goes home; so whoever gives it back looks once more.
        while await db(next_due, sender) <= SOON_SECONDS and await db(keep, sender):
            try:
                await _send_all(sender, db, beat)
            finally:
                await asyncio.shield(db(let_go, sender))
    except LeaseLostError:
        log.warning("changes are sent by another job", connection=str(connection_id))
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
        if not await beat(keep, sender):
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
        courier = Courier(session)
        while (wait := await db(next_due, sender)) <= SOON_SECONDS:
            if wait > 0:
                await asyncio.sleep(wait)
            else:
                await _send_some(sender, db, courier)


async def _send_some(sender: Sender, db: DbThread, courier: Courier) -> None:
    wishes = await db(take, sender)
    try:
        await courier.deliver(wishes)
    finally:
        await asyncio.shield(db(record, [wish for wish in wishes if wish.state != "pending"]))


async def _stop(sender: Sender, db: DbThread, reason: BaseException) -> None:
    """Something keeps the whole connection from being written to: what is left waits."""
    match reason:
        case UndecryptableError() | CredentialsError():
            await db(connections.needs_attention, sender.connection_id)
        case SyncError():
            log.warning("changes wait", connection=str(sender.connection_id), code=reason.code)
            await db(put_off, sender, reason)
        case _:
            raise reason


def next_due(sender: Sender) -> float:
    """Seconds until the next change is due; infinite when there is none."""
    with database.cursor() as cursor:
        [[wait]] = sql.select(cursor, NEXT, **sender.names())
    return math.inf if wait is None else wait


def keep(sender: Sender) -> bool:
    """Take or extend the lease; False when it is somebody else's."""
    with database.cursor() as cursor:
        cursor.execute(LEASE, sender.names(lease=LEASE_SECONDS))
        return bool(cursor.rowcount)


def let_go(sender: Sender) -> None:
    """Give the lease back."""
    with database.cursor() as cursor:
        cursor.execute(RELEASE, sender.names())


def take(sender: Sender) -> list[Wish]:
    """The next changes that are due, with what their contacts should say by now.

    Only fields that a run has seen are written: what was mapped since waits for the next run, which compares
    before it writes.
    """
    with database.cursor() as cursor:
        rows = sql.select(cursor, TAKE, **sender.names(limit=BATCH))
        syncs = {row[12] for row in rows}
        left = {one: owners.yielded(cursor, one, [row[1] for row in rows if row[12] == one]) for one in syncs}
    return [_wish_of(row, left[row[12]]) for row in rows]


def _wish_of(row: tuple[Any, ...], left: set[tuple[str, str]]) -> Wish:
    name, outbound, types = row[9:12]
    plan = msgspec.convert(sql.decoded(outbound), list[OutboundRow])
    wish = wish_of(row, outgoing(plan, sql.decoded(types), wished_facts(row, name)))
    wanted = owners.ours(wish.wanted, wish.external_id, left)
    wish.wanted = {key: value for key, value in wanted.items() if key in wish.remote}
    return wish


def record(wishes: list[Wish]) -> None:
    """Store what became of changes."""
    with transaction.atomic(), database.cursor() as cursor:
        settle(cursor, wishes)


def put_off(sender: Sender, error: SyncError) -> None:
    """Try everything of this connection again after a while; longer when a person has to act first."""
    problem = msgspec.json.encode(error.as_dict()).decode()
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(LATER, sender.names(after=again_after(error), problem=problem))
