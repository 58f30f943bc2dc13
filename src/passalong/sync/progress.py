"""How far an ongoing sync has read: which changes are new to it, and when everybody is read again.

All moments of changes are the CRM's own (`updated_at`), compared with each other and never with our clock:
the two may differ by anything. What is new shows in searches some minutes late, so a moment counts as read
only when a reading began that long after the moment was first seen, or when something later by as much was
seen. Whoever changes while we read is met by the next reading, because it starts from what was the latest
change before this one began.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import QuerySet

from passalong.core.clock import now
from passalong.sync.lease import Claim
from passalong.sync.models import Run, Sync, SyncType

LAG = timedelta(minutes=10)
RECONCILE_EVERY = timedelta(days=1)


def since(held: Claim) -> int | None:
    """From when on this run reads changes; None when it reads everybody: asked to, never done under these
    settings, or not for a day."""
    sync = Sync.everywhere.get(pk=held.sync.pk)
    if held.full or sync.type != SyncType.ONGOING or sync.reconciled_at is None:
        return None
    if sync.reconciled_at < now() - RECONCILE_EVERY or sync.read_as != digest(held.instruction):
        return None
    return sync.read_until


def conclude(held: Claim, *, complete: bool) -> None:
    """Remember how far a run over everybody, or over what changed, has read. Safe to repeat."""
    if held.preview or held.retry_of or held.hinted or not complete:
        return
    run = Run.everywhere.get(pk=held.run_id)
    sync = Sync.everywhere.get(pk=held.sync.pk)
    if run.started_at is None or (sync.newest_seen_at is not None and sync.newest_seen_at >= run.started_at):
        return
    if run.since is None:
        sync.reconciled_at, sync.read_as = run.started_at, digest(held.instruction)
    if run.newest is not None:
        # A contact may bear a moment that is still to come; what changes before it must not go unseen.
        newest = min(run.newest, int(run.started_at.timestamp()))
        sync.read_until = _read_until(sync, run, newest)
        sync.newest_seen, sync.newest_seen_at = newest, now()
    sync.save(update_fields=["reconciled_at", "read_as", "read_until", "newest_seen", "newest_seen_at"])


def _read_until(sync: Sync, run: Run, newest: int) -> int:
    """Never past what was the latest change when the run began."""
    reached = [newest - int(LAG.total_seconds())]
    if run.since is not None:
        reached.append(run.since)
    before, seen = sync.newest_seen_at, sync.newest_seen
    if before is not None and seen is not None and run.started_at and run.started_at - before >= LAG:
        reached.append(min(seen, newest))
    return max(reached)


def forget(syncs: QuerySet[Sync]) -> None:
    """Have the next run of these read everybody: something may have been missed."""
    syncs.update(reconciled_at=None)


def digest(instruction: Mapping[str, Any]) -> str:
    """A name for an instruction that differs when anything in it does."""
    body = msgspec.json.encode(instruction, order="deterministic")
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def missed(sync_id: UUID) -> None:
    """A run over contacts that the CRM told of did not end well: look at everybody next time."""
    forget(Sync.everywhere.filter(pk=sync_id))
