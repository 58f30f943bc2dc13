"""When a sync runs again without anybody pressing a button: a row says it, a clock tick obeys it."""

from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection as database
from django.db import transaction

from passalong.accounts.scope import in_workspace
from passalong.core.clock import now
from passalong.core.problems import Problem
from passalong.sync.errors import CredentialsError
from passalong.sync.models import (
    ACTIVE,
    Connection,
    ConnectionStatus,
    Phase,
    Run,
    RunKind,
    RunStatus,
    Sync,
    SyncType,
    Trigger,
)

MOST_AT_ONCE = 50
# Locked in the order in which pages of a run lock these rows.
HURRY = """
UPDATE sync_writeback SET due_at = now() WHERE id IN (
    SELECT w.id FROM sync_writeback w JOIN sync_sync s ON s.id = w.sync_id
    WHERE s.connection_id = %s AND w.pending AND w.due_at > now()
    ORDER BY w.external_id, w.id FOR UPDATE OF w)
"""
SPREAD = timedelta(minutes=5)
SOON, SOON_SPREAD = timedelta(minutes=5), timedelta(minutes=10)


def first_due(sync: Sync, moment: datetime) -> datetime:
    """One interval after `moment`, and up to a tenth of it (five minutes at most) later.

    How much later follows from the sync's id, so that a hundred syncs started together do not stay together.
    """
    interval = timedelta(minutes=sync.interval_minutes)
    return moment + interval + min(interval / 10, SPREAD) * _share(sync.pk)


def next_due(sync: Sync, moment: datetime) -> datetime:
    """The first time after `moment` in whole intervals from when it was due: runs missed become one."""
    interval = timedelta(minutes=sync.interval_minutes)
    due = sync.next_run_at or moment
    missed = max(moment - due, timedelta()) // interval
    return due + interval * (missed + 1)


def catch_up(connection: Connection) -> None:
    """A connection works again: its ongoing syncs read everybody now, whatever was told or due meanwhile, and
    one-time syncs whose run was ended by the loss run again."""
    syncs = Sync.everywhere.filter(connection=connection)
    ongoing = syncs.filter(type=SyncType.ONGOING).exclude(next_run_at=None)
    ongoing.update(next_run_at=now(), reconciled_at=None)
    for sync in syncs.filter(type=SyncType.ONE_TIME, paused_at=None):
        last = Run.everywhere.filter(sync=sync, kind=RunKind.RUN).order_by("-id").first()
        if last is not None and _was_lost(last):
            _run_again(sync, last)


def _was_lost(run: Run) -> bool:
    """Whether dead credentials ended it before everybody was read, and nobody wanted it to end. What it could
    not write back goes out without another run."""
    ended = run.status == RunStatus.FAILED and run.phase != Phase.WRITE_BACK and not run.cancel_requested
    return ended and (run.error or {}).get("code") in CredentialsError.CODES


def _run_again(sync: Sync, last: Run) -> None:
    from passalong.sync import services

    trigger = Trigger.RETRY if last.retry_of_id else Trigger.SCHEDULE
    with in_workspace(sync.workspace_id), suppress(Problem):
        services.start_run(sync, trigger=trigger, full=last.full, retry_of=last.retry_of, only=last.only)


def soon(sync: Sync) -> None:
    """An outage ended the run of an ongoing sync: it need not wait for its turn, which may be a day away."""
    due = now() + SOON + SOON_SPREAD * _share(sync.pk)
    waiting = Sync.everywhere.filter(pk=sync.pk, type=SyncType.ONGOING, next_run_at__gt=due)
    waiting.update(next_run_at=due)


def hurry(connection: Connection) -> None:
    """Somebody may have mended what kept us from writing: what waits to be sent is tried again at once."""
    with database.cursor() as cursor:
        cursor.execute(HURRY, [connection.pk])


def start_due() -> int:
    """Start every ongoing sync whose time has come; returns how many.

    A sync that is running already skips its turn. One whose connection needs attention stays due, so it runs
    as soon as the connection is healed.
    """
    started = 0
    for sync_id in _due(now()):
        started += _start(sync_id)
    return started


def _due(moment: datetime) -> list[UUID]:
    rows = Sync.everywhere.filter(
        next_run_at__lte=moment,
        paused_at=None,
        type=SyncType.ONGOING,
        connection__status=ConnectionStatus.CONNECTED,
    )
    return list(rows.order_by("next_run_at").values_list("pk", flat=True)[:MOST_AT_ONCE])


@transaction.atomic
def _start(sync_id: UUID) -> bool:
    """One transaction moves the time on and queues the run: neither can happen without the other."""
    from passalong.sync import services

    moment = now()
    rows = Sync.everywhere.select_for_update(of=("self",), skip_locked=True).select_related("connection")
    sync = rows.filter(pk=sync_id, next_run_at__lte=moment, paused_at=None, type=SyncType.ONGOING).first()
    if sync is None:
        return False
    active = Run.everywhere.filter(sync=sync, kind=RunKind.RUN, status__in=ACTIVE).first()
    if active is not None and active.trigger == Trigger.WEBHOOK:
        # Short, and perhaps one after the other: the turn stays due and comes before the next of them.
        return False
    Sync.everywhere.filter(pk=sync.pk).update(next_run_at=next_due(sync, moment))
    if active is not None:
        return False
    with in_workspace(sync.workspace_id):
        try:
            services.start_run(sync, trigger=Trigger.SCHEDULE)
        except Problem:
            # Somebody started it, paused it or disconnected the account in this very moment.
            return False
    return True


def _share(sync_id: UUID) -> float:
    return sync_id.int % 1000 / 1000
