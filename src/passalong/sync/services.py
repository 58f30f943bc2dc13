"""Verbs for syncs and runs; each is what one button or one API call does."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from passalong.accounts import audit
from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from passalong.core.ids import public_id
from passalong.core.problems import FieldProblem, Problem, invalid
from passalong.sync import connections, schedule
from passalong.sync.models import (
    ACTIVE,
    Connection,
    OnLeave,
    Run,
    RunKind,
    RunRecord,
    RunStatus,
    Sync,
    SyncDraft,
    SyncType,
    Trigger,
)
from passalong.sync.signals import run_finished
from passalong.sync.validation import Instruction, validated

INSTRUCTION = ("audience", "inbound", "outbound", "contact_policy")
STORED = (*INSTRUCTION, "field_types")
_NAME_LIMIT = 150
NOTED = ("name", *INSTRUCTION, "type", "interval_minutes", "on_leave")


def create_sync(
    campaign: Campaign, connection: Connection, body: Mapping[str, Any], *, who: str | None, ask: bool = True
) -> Sync:
    """A sync of this campaign. `body` has the contract's shape; a bad map is Problem 422 naming the row.

    `who` is for the timeline, here and below; None: of a draft, of which nothing is noted before its start.
    Without `ask` the fields as last read must do, and the CRM is not waited for.
    """
    connections.require_connected(connection)
    body = {**body, "name": body.get("name") or None}
    instruction = _validated(connection, body, ask=ask)
    sync = Sync(workspace_id=campaign.workspace_id, campaign=campaign, connection=connection)
    for key, value in {**instruction, **_valid_options(body)}.items():
        setattr(sync, key, value)
    sync.name = body["name"] or f"{connection.account_name}, {_audience_words(sync.audience)}"
    with transaction.atomic():
        sync.save(force_insert=True)
        if who is not None:
            audit.note(sync.pk, "sync.created", who)
    return sync


def change_sync(sync: Sync, changes: Mapping[str, Any], *, who: str | None, ask: bool = True) -> Sync:
    """Change any part of a sync; it takes effect on the next run, a run under way keeps its instruction."""
    values = _valid_options(changes)
    if any(key in changes for key in INSTRUCTION):
        body = {key: changes.get(key, getattr(sync, key)) for key in INSTRUCTION}
        values |= _validated(sync.connection, body, ask=ask)
    with transaction.atomic():
        before = Sync.objects.select_for_update().filter(pk=sync.pk).values(*NOTED).get()
        if "outbound" in values and values["outbound"] != before["outbound"]:
            values["declared_at"] = now()
        for key, value in {**before, **values}.items():
            setattr(sync, key, value)
        if any(before[key] != getattr(sync, key) for key in ("type", "interval_minutes")):
            sync.next_run_at = values["next_run_at"] = _next_run_at(sync)
        sync.save(update_fields=[*values, "updated_at"])
        changed = audit.differences(before, {key: values[key] for key in NOTED if key in values})
        if who is not None and changed:
            audit.note(sync.pk, "sync.changed", who, changed)
    return sync


def _next_run_at(sync: Sync) -> datetime | None:
    """When a sync whose schedule was changed runs next: a sync that was never started waits for that."""
    started = Run.objects.filter(sync=sync, kind=RunKind.RUN).exists()
    return schedule.first_due(sync, now()) if started and sync.type == SyncType.ONGOING else None


def delete_sync(sync: Sync, *, who: str) -> None:
    """Remove a sync with its history. Its referrers and their links to contacts stay."""
    if Run.objects.filter(sync=sync, status__in=ACTIVE).exists():
        raise Problem(
            409,
            "run_in_progress",
            "Run in progress",
            "This sync is running.",
            "Cancel the run first; what it has done stays.",
        )
    with transaction.atomic():
        audit.note(sync.pk, "sync.deleted", who, [{"field": "name", "before": sync.name, "after": None}])
        SyncDraft.objects.filter(answers__edits=str(sync.pk)).delete()
        sync.delete()


def start_run(
    sync: Sync,
    *,
    trigger: str = Trigger.MANUAL,
    started_by: str = "",
    full: bool = False,
    retry_of: Run | None = None,
    only: Sequence[str] = (),
) -> Run:
    """Queue a run. One at a time: Problem 409 `run_in_progress` (its id in `errors`) while one is active.

    The first run of an ongoing sync also starts its schedule. `retry_of` and `only`: see retry_run.
    """
    connections.require_connected(sync.connection)
    if sync.paused_at is not None:
        raise Problem(
            409, "sync_paused", "Sync paused", "This sync is paused.", "Resume it, then start the run."
        )
    with transaction.atomic():
        about = {"retry_of": retry_of, "only": list(only)}
        run = _enqueue(sync, RunKind.RUN, trigger=trigger, started_by=started_by, full=full, **about)
        if sync.type == SyncType.ONGOING:
            due = schedule.first_due(sync, now())
            Sync.objects.filter(pk=sync.pk, next_run_at=None).update(next_run_at=due)
    return run


def start_preview(sync: Sync, *, started_by: str = "") -> Run:
    """Queue a run that decides everything and changes nothing, here or in the CRM. It reads whom a run
    started now would read."""
    connections.require_connected(sync.connection)
    return _enqueue(sync, RunKind.PREVIEW, trigger=Trigger.MANUAL, started_by=started_by)


def retry_run(run: Run, *, started_by: str = "", only: Sequence[str] = ()) -> Run:
    """Queue a run over the contacts that failed in this one, or of them just those with the ids in `only`.

    It follows the sync as it is now, so a corrected map counts. Problem 409 `nothing_to_retry` when none of
    them failed, `run_in_progress` while this run or another one of the sync is active.
    """
    if not run.is_finished:
        raise _in_progress(run)
    failed = RunRecord.objects.unsuccessful().filter(run=run)
    if only:
        failed = failed.filter(external_id__in=only)
    if not failed.exists():
        raise Problem(
            409,
            "nothing_to_retry",
            "Nothing to retry",
            "No contact failed in this run." if not only else "None of these contacts failed in this run.",
            "To read everybody again, start a run.",
        )
    return start_run(run.sync, trigger=Trigger.RETRY, started_by=started_by, retry_of=run, only=only)


def cancel_run(run: Run) -> Run:
    """Ask an active run to stop where it is; what it has done stays. Finished runs are left alone."""
    with transaction.atomic():
        locked = Run.objects.select_for_update().get(pk=run.pk)
        if locked.status in (RunStatus.QUEUED, RunStatus.PAUSED):
            locked.status = RunStatus.CANCELLED
            locked.finished_at = now()
        locked.cancel_requested = not locked.is_finished or locked.cancel_requested
        locked.save(update_fields=["status", "finished_at", "cancel_requested"])
        if locked.is_finished and not run.is_finished and not run.is_preview:
            run_finished.send(sender=Run, run_id=run.pk)
    return locked


@transaction.atomic
def pause_sync(sync: Sync, *, who: str) -> Sync:
    """Hold the sync: its run stops at the next page boundary and keeps its place."""
    if Sync.objects.filter(pk=sync.pk, paused_at=None).update(paused_at=now()):
        audit.note(sync.pk, "sync.paused", who)
    Run.objects.filter(sync=sync, kind=RunKind.RUN, status=RunStatus.QUEUED).update(status=RunStatus.PAUSED)
    sync.refresh_from_db()
    return sync


@transaction.atomic
def resume_sync(sync: Sync, *, who: str) -> Sync:
    """Let the sync go on; a paused run continues where it stopped."""
    from passalong.sync.tasks import enqueue

    if Sync.objects.filter(pk=sync.pk).exclude(paused_at=None).update(paused_at=None):
        audit.note(sync.pk, "sync.resumed", who)
    for run in Run.objects.filter(sync=sync, kind=RunKind.RUN, status=RunStatus.PAUSED).select_for_update():
        run.status = RunStatus.QUEUED
        run.lease_until = None
        run.save(update_fields=["status", "lease_until"])
        enqueue(run.pk)
    sync.refresh_from_db()
    return sync


def _validated(connection: Connection, body: Mapping[str, Any], *, ask: bool) -> Instruction:
    """Checked against the fields as last read, and if that fails as they are now in the CRM."""
    crm = connections.title(connection)
    if not ask:
        return validated(body, connections.known_fields(connection), crm)
    try:
        return validated(body, connections.fields(connection, refresh=False), crm)
    except Problem as stale:
        try:
            fresh = connections.fields(connection, refresh=True)
        except Problem:
            raise stale from None
        return validated(body, fresh, crm)


def _enqueue(sync: Sync, kind: str, **columns: Any) -> Run:
    from passalong.sync.tasks import enqueue

    instruction = {key: getattr(sync, key) for key in STORED}
    try:
        with transaction.atomic():
            run = Run(workspace_id=sync.workspace_id, sync=sync, kind=kind, instruction=instruction)
            for key, value in columns.items():
                setattr(run, key, value)
            run.save(force_insert=True)
            enqueue(run.pk)
    except IntegrityError:
        active = Run.objects.filter(sync=sync, kind=RunKind.RUN, status__in=ACTIVE).first()
        raise _in_progress(active) from None
    return run


def _in_progress(active: Run | None) -> Problem:
    run_id = public_id("run", active.pk) if active else ""
    return Problem(
        409,
        "run_in_progress",
        "Run in progress",
        f"This sync is running already ({run_id}).",
        "Wait for it to finish, or cancel it first.",
        [FieldProblem("run_id", run_id)],
    )


def _valid_options(body: Mapping[str, Any]) -> dict[str, Any]:
    errors = []
    names = ("name", "type", "interval_minutes", "on_leave")
    options = {key: body[key] for key in names if body.get(key) is not None}
    if not 0 < len(options.get("name", "any").strip()) <= _NAME_LIMIT:
        errors.append(FieldProblem("name", f"Give the sync a name of at most {_NAME_LIMIT} characters."))
    if options.get("type", SyncType.ONE_TIME) not in SyncType.values:
        errors.append(FieldProblem("type", "Say one_time or ongoing."))
    if not 5 <= options.get("interval_minutes", 60) <= 60 * 24 * 31:
        errors.append(FieldProblem("interval_minutes", "Choose between 5 minutes and 31 days."))
    if options.get("on_leave", OnLeave.KEEP) not in OnLeave.values:
        errors.append(FieldProblem("on_leave", "Say keep, deactivate or remove."))
    if errors:
        raise invalid(errors, code="invalid_sync")
    return options


def _audience_words(audience: Mapping[str, Any]) -> str:
    words = {"leads": "only leads", "users": "only users", "all": "all contacts"}
    count = len(audience["segment_ids"])
    return words.get(audience["kind"], "one segment" if count == 1 else f"{count} segments")
