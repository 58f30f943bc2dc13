"""Who changed what, and when: written in the transaction of the change, read as a timeline."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from passalong.accounts.models import AuditEntry
from passalong.accounts.scope import current_workspace_id


def note(subject: UUID, verb: str, who: str, changes: list[dict[str, Any]] | None = None) -> AuditEntry:
    """Keep that `who` did `verb` (such as `sync.changed`) to this row; `changes` as from `differences`."""
    return AuditEntry.objects.create(
        workspace_id=current_workspace_id(), subject=subject, verb=verb, who=who, changes=changes or []
    )


def note_each(entries: Iterable[tuple[UUID, str, str, list[dict[str, Any]]]]) -> None:
    """The same for many rows at once."""
    workspace = current_workspace_id()
    AuditEntry.objects.bulk_create(
        AuditEntry(workspace_id=workspace, subject=subject, verb=verb, who=who, changes=changes)
        for subject, verb, who, changes in entries
    )


def forget(subjects: Sequence[UUID]) -> None:
    """Drop what is kept about these rows: they are going, and names and addresses stand in their changes."""
    AuditEntry.objects.filter(subject__in=subjects).delete()


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`[{field, before, after}]` for every key of `after` whose value is another one now."""
    return [
        {"field": key, "before": before.get(key), "after": value}
        for key, value in after.items()
        if before.get(key) != value
    ]


def timeline(subject: UUID) -> QuerySet[AuditEntry]:
    """Everything done to this row, newest first."""
    return AuditEntry.objects.filter(subject=subject).order_by("-id")
