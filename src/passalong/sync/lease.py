"""Who may work on a run: one worker at a time, proven by the run's epoch and a lease kept by heartbeats."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from passalong.core.clock import now
from passalong.integrations.registry import integration
from passalong.sync import owners
from passalong.sync.models import WORKABLE, Connection, Phase, Run, RunStatus, Sync, Trigger
from passalong.sync.signals import run_finished

LEASE = timedelta(seconds=15)
HEARTBEAT = 2.0


class LeaseLostError(Exception):
    """Another worker has taken the run over; nothing this one still holds may be committed."""


@dataclass(frozen=True)
class Claim:
    """A run in this worker's hands, with all that it needs read once."""

    run_id: UUID
    epoch: int
    workspace_id: UUID
    sync: Sync
    connection: Connection
    preview: bool
    phase: str
    api_calls: int
    instruction: dict[str, Any]
    trigger: str = Trigger.MANUAL
    full: bool = False
    retry_of: UUID | None = None
    only: tuple[str, ...] = ()
    rivals: bool = False

    @property
    def hinted(self) -> bool:
        """Whether this run reads just the contacts that the CRM told of."""
        return self.trigger == Trigger.WEBHOOK and bool(self.only)

    @property
    def crm(self) -> str:
        """What people call the other side, such as "Intercom"."""
        return integration(self.connection.provider).title


def claim(run_id: UUID) -> Claim | None:
    """Take a run over if nobody living holds it; its epoch grows, which locks out whoever held it before."""
    moment = now()
    with transaction.atomic():
        run = (
            Run.everywhere.select_for_update(of=("self",))
            .select_related("sync__connection", "sync__campaign")
            .filter(Q(lease_until=None) | Q(lease_until__lt=moment), pk=run_id, status__in=WORKABLE)
            .first()
        )
        if run is None:
            return None
        run.epoch += 1
        run.lease_until = moment + LEASE
        run.status = RunStatus.RUNNING
        run.started_at = run.started_at or moment
        run.save(update_fields=["epoch", "lease_until", "status", "started_at"])
    return Claim(
        run_id=run.pk,
        epoch=run.epoch,
        workspace_id=run.workspace_id,
        sync=run.sync,
        connection=run.sync.connection,
        preview=run.is_preview,
        phase=run.phase,
        api_calls=run.api_calls,
        instruction=run.instruction,
        trigger=run.trigger,
        full=run.full,
        retry_of=run.retry_of_id,
        only=tuple(run.only),
        rivals=owners.has_rivals(run.sync_id),
    )


@dataclass(frozen=True)
class Orders:
    """What people have asked of a run meanwhile, and how far it is: contacts done in its phase."""

    cancel: bool
    pause: bool
    phase: str = ""
    done: int = 0


def keep(held: Claim, **changes: Any) -> Orders:
    """Extend the lease and set columns of the run; raises LeaseLostError when it is no longer ours."""
    moment = now()
    kept = Run.everywhere.filter(pk=held.run_id, epoch=held.epoch, status__in=WORKABLE).update(
        lease_until=moment + LEASE, **changes
    )
    if not kept:
        raise LeaseLostError
    columns = ("cancel_requested", "sync__paused_at", "phase", "read", "written", "write_backs_failed")
    cancel, paused_at, phase, read, written, unwritten = Run.everywhere.values_list(*columns).get(
        pk=held.run_id
    )
    done = written + unwritten if phase == Phase.WRITE_BACK else read
    return Orders(cancel, paused_at is not None and not held.preview, phase, done)


def let_go(held: Claim, **columns: Any) -> bool:
    """Give the run up, setting its last columns; False when it was no longer ours."""
    mine = Run.everywhere.filter(pk=held.run_id, epoch=held.epoch, status__in=WORKABLE)
    with transaction.atomic():
        given = bool(mine.update(lease_until=None, waiting_until=None, **columns))
        if given and "finished_at" in columns and not held.preview:
            run_finished.send(sender=Run, run_id=held.run_id)
    return given


@transaction.atomic
def go_on_if_resumed(held: Claim) -> None:
    """Queue a paused run whose sync was resumed before the pause was stored; the rescue job finds it."""
    # The lock waits for a resume that is under way and has not seen this run paused.
    sync = Sync.everywhere.select_for_update().get(pk=held.sync.pk)
    if sync.paused_at is None:
        Run.everywhere.filter(pk=held.run_id, status=RunStatus.PAUSED).update(status=RunStatus.QUEUED)


def abandoned_runs() -> list[UUID]:
    """Runs that should be worked on and that no living worker holds."""
    moment = now()
    nobody = Q(lease_until__lt=moment) | Q(lease_until=None, created_at__lt=moment - timedelta(seconds=3))
    found = Run.everywhere.filter(nobody, status__in=WORKABLE).order_by(F("id"))
    return list(found.values_list("pk", flat=True)[:100])
