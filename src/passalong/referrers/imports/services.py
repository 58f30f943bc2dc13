"""Verbs for uploads; each is what one button or one API call does."""

from collections.abc import Mapping
from datetime import timedelta
from typing import BinaryIO

from django.db import transaction

from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from passalong.core.problems import FieldProblem, invalid
from passalong.referrers.imports import problems, storage
from passalong.referrers.imports.kinds import kind_named
from passalong.referrers.imports.models import WORKABLE, Import, ImportStatus
from passalong.referrers.imports.table import inspect
from passalong.referrers.services import normal_email

DRAFTS_KEPT = timedelta(days=1)


def receive(
    campaign: Campaign,
    name: str,
    file: BinaryIO,
    *,
    size: int,
    started_by: str = "",
    kind: str = "referrers",
) -> Import:
    """Read a file to its end once and keep it as a draft with suggested columns; Problem 422 if it cannot be
    taken."""
    if size > problems.FILE_BYTES:
        raise problems.too_large()
    table = inspect(file)
    if any(normal_email(column) for column in table.columns):
        raise problems.no_header()
    if not table.total:
        raise problems.no_rows()
    with transaction.atomic():
        upload = Import.objects.create(
            campaign=campaign,
            kind=kind,
            file_name=_storable(name)[:255] or "upload.csv",
            encoding=table.layout.encoding,
            delimiter=table.layout.delimiter,
            columns=table.columns,
            sample=table.sample,
            mapping=kind_named(kind).suggested(table.columns),
            total=table.total,
            started_by=started_by[:255],
        )
        storage.keep(upload.pk, file)
    return upload


@transaction.atomic
def start(
    upload: Import,
    targets: Mapping[str, str | None] | None,
    *,
    overwrite: bool = False,
    qualified: bool = False,
) -> Import:
    """Queue a draft. `targets` is what each column becomes, by its name; columns left out are not read.
    None: as suggested. An import that was started before is left alone."""
    from passalong.referrers.tasks import enqueue

    upload = Import.objects.select_for_update().get(pk=upload.pk)
    if not upload.is_draft:
        return upload
    if targets is not None:
        upload.mapping = _mapping(upload.columns, targets)
    kind_named(upload.kind).check(upload.columns, upload.mapping)
    upload.overwrite, upload.qualified = overwrite, qualified
    upload.status = ImportStatus.QUEUED
    upload.created_at = now()
    upload.sample = []  # seen; people's data is kept no longer than it is needed
    upload.save(update_fields=["mapping", "overwrite", "qualified", "status", "created_at", "sample"])
    enqueue(upload.pk)
    return upload


@transaction.atomic
def cancel(upload: Import) -> Import:
    """Stop where it is; what it has done stays. An import that has ended is left alone."""
    upload = Import.objects.select_for_update().get(pk=upload.pk)
    if upload.status == ImportStatus.RUNNING:
        upload.cancel_requested = True
        upload.save(update_fields=["cancel_requested"])
    elif upload.status in WORKABLE:
        storage.drop(upload.pk)
        upload.status, upload.finished_at = ImportStatus.CANCELLED, now()
        upload.save(update_fields=["status", "finished_at"])
    return upload


def discard(upload: Import) -> None:
    """Forget a draft with its file."""
    Import.objects.filter(pk=upload.pk, status=ImportStatus.DRAFT).delete()


def drop_old_drafts() -> int:
    """Forget the drafts of every workspace that nobody went on with; returns how many."""
    old = Import.everywhere.filter(status=ImportStatus.DRAFT, created_at__lt=now() - DRAFTS_KEPT)
    ids = list(old.values_list("pk", flat=True)[:1000])
    old.filter(pk__in=ids).delete()
    return len(ids)


def _storable(name: str) -> str:
    """Without what no database takes."""
    return name.replace("\0", "").encode(errors="replace").decode().strip()


def _mapping(columns: list[str], targets: Mapping[str, str | None]) -> list[str]:
    unknown = [name for name in targets if name not in columns]
    if unknown:
        message = "The file has no column of this name."
        raise invalid(
            [FieldProblem(f"mapping.{name[:100]}", message) for name in unknown],
            code="unknown_column",
            detail=f"The file has no column “{unknown[0][:100]}”.",
        )
    return [(targets.get(column) or "").strip() for column in columns]
