"""The shapes of a run, of what became of each contact in it, and of a preview."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel

from passalong.api.schemas import Failure, Moment, Scalar, failure
from passalong.core.ids import public_id
from passalong.sync.models import Run, RunRecord, RunStatus

OutcomeName = Literal["created", "updated", "unchanged", "duplicate", "skipped", "failed", "left"]
WriteBackName = Literal["none", "pending", "written", "unchanged", "failed"]
COUNTS = (
    "read",
    "created",
    "updated",
    "unchanged",
    "duplicate",
    "skipped",
    "failed",
    "left",
    "write_backs_due",
    "written",
    "write_backs_failed",
)


class CountsOut(BaseModel):
    """`read` is always created + updated + unchanged + duplicate + skipped + failed."""

    read: int
    created: int
    updated: int
    unchanged: int
    duplicate: int
    skipped: int
    failed: int
    left: int
    write_backs_due: int
    written: int
    write_backs_failed: int


class RunOut(BaseModel):
    """One execution of a sync."""

    id: str
    sync_id: str
    retry_of: str | None
    trigger: Literal["manual", "schedule", "webhook", "retry"]
    status: Literal["queued", "running", "waiting", "paused", "succeeded", "partial", "failed", "cancelled"]
    phase: Literal["plan", "read", "write_back", "done"]
    total: int | None
    counts: CountsOut
    api_calls: int
    started_at: Moment | None
    finished_at: Moment | None
    error: Failure | None


class RecordOut(BaseModel):
    """What became of one contact in one run."""

    external_id: str
    email: str | None
    referrer_id: str | None
    outcome: OutcomeName
    reason: str | None
    message: str | None
    write_back: WriteBackName


class SampleOut(BaseModel):
    """One contact of a preview; `values` are the referrer's fields it would give."""

    external_id: str
    email: str | None
    outcome: OutcomeName
    reason: str | None
    values: dict[str, Scalar]


class PreviewOut(BaseModel):
    """What a run right now would count. While `complete` is false, ask again; `error` says why it could not
    be counted."""

    id: str
    complete: bool
    read: int
    total: int | None
    new: int
    updated: int
    unchanged: int
    duplicate: int
    skipped: dict[str, int]
    failed: int
    write_backs: int
    sample: list[SampleOut]
    error: Failure | None


def run_out(run: Run) -> dict[str, Any]:
    """A run as the contract shows it."""
    columns = ("trigger", "status", "phase", "total", "api_calls", "started_at", "finished_at")
    return {
        "id": public_id("run", run.pk),
        "sync_id": public_id("sync", run.sync_id),
        "retry_of": public_id("run", run.retry_of_id) if run.retry_of_id else None,
        **{key: getattr(run, key) for key in columns},
        "counts": {key: getattr(run, key) for key in COUNTS},
        "error": failure(run.error),
    }


def record_out(record: RunRecord) -> dict[str, Any]:
    """A record as the contract shows it."""
    return {
        "external_id": record.external_id,
        "email": record.email or None,
        "referrer_id": public_id("referrer", record.referrer_id) if record.referrer_id else None,
        "outcome": record.outcome,
        "reason": record.reason or None,
        "message": record.message or None,
        "write_back": record.write_back,
    }


def preview_out(run: Run, skipped: Mapping[str, int], sample: Sequence[RunRecord]) -> PreviewOut:
    """A preview as the contract shows it."""
    return PreviewOut(
        id=public_id("preview", run.pk),
        complete=run.is_finished,
        read=run.read,
        total=run.total,
        new=run.created,
        updated=run.updated,
        unchanged=run.unchanged,
        duplicate=run.duplicate,
        skipped=dict(skipped),
        failed=run.failed,
        write_backs=run.write_backs_due,
        sample=[SampleOut.model_validate(_sample(record)) for record in sample],
        error=_preview_error(run),
    )


def _sample(record: RunRecord) -> dict[str, Any]:
    keys = ("external_id", "email", "outcome", "reason")
    shown = record_out(record)
    return {**{key: shown[key] for key in keys}, "values": record.mapped or {}}


def _preview_error(run: Run) -> Failure | None:
    if run.status == RunStatus.CANCELLED and not run.error:
        return Failure(
            code="preview_cancelled", message="This preview was stopped.", next_step="Start another one."
        )
    return failure(run.error)
