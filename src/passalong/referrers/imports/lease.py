"""Who may work on an import: one worker at a time, proven by its epoch and a lease that each chunk renews."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from passalong.core.clock import now
from passalong.referrers.imports.models import WORKABLE, Import, ImportStatus

# A chunk takes a fraction of a second; reading a large file up to the checkpoint, a few.
LEASE = timedelta(seconds=20)


class LeaseLostError(Exception):
    """Another worker has the import, or it is gone; nothing this one still holds may be committed."""


@dataclass(frozen=True)
class Claim:
    """An import in this worker's hands."""

    upload: Import
    epoch: int


def claim(upload_id: UUID) -> Claim | None:
    """Take an import over if nobody living has it; its epoch grows, which locks out whoever had it before."""
    moment = now()
    free = Q(lease_until=None) | Q(lease_until__lt=moment)
    with transaction.atomic():
        rows = Import.everywhere.select_for_update().filter(free, pk=upload_id, status__in=WORKABLE)
        upload = rows.first()
        if upload is None:
            return None
        upload.epoch += 1
        upload.lease_until = moment + LEASE
        upload.status = ImportStatus.RUNNING
        upload.started_at = upload.started_at or moment
        upload.save(update_fields=["epoch", "lease_until", "status", "started_at"])
    return Claim(upload, upload.epoch)


def let_go(held: Claim) -> None:
    """Give an unfinished import back, for the next worker."""
    mine = Import.everywhere.filter(pk=held.upload.pk, epoch=held.epoch, status=ImportStatus.RUNNING)
    mine.update(lease_until=None)


def abandoned() -> list[UUID]:
    """Imports that should be worked on and that no living worker holds."""
    nobody = Q(lease_until=None) | Q(lease_until__lt=now())
    rows = Import.everywhere.filter(nobody, status__in=WORKABLE).order_by("id")
    return list(rows.values_list("pk", flat=True)[:100])
