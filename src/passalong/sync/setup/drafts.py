"""The stored draft behind the wizard: what was answered, how far it got, and who changed it last."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet, UUIDField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from passalong.accounts import audit
from passalong.accounts.models import User
from passalong.campaigns.models import Campaign
from passalong.core.problems import Problem, not_found
from passalong.sync import services
from passalong.sync.facts import POLICY_DEFAULTS
from passalong.sync.models import ACTIVE, Connection, OnLeave, Run, RunKind, Sync, SyncDraft, SyncType

OTHER = "other"
STEPS = ("source", "contacts", "map-in", "map-back", "type", "review")
ANSWERED = STEPS[:-1]

Answer = dict[str, Any]


def listed_syncs(campaign: Campaign | None = None) -> QuerySet[Sync]:
    """Syncs that a person has started: not those a draft only keeps for its preview."""
    made = Cast(KeyTextTransform("sync_id", "answers"), UUIDField())
    hidden = SyncDraft.objects.filter(answers__has_key="sync_id").annotate(made=made).values("made")
    rows = Sync.objects.exclude(pk__in=hidden)
    return rows if campaign is None else rows.filter(campaign=campaign)


def begin(campaign: Campaign, user: Any) -> SyncDraft:
    """A new draft, or the untouched one this person has left in this campaign."""
    untouched = SyncDraft.objects.filter(campaign=campaign, created_by=user, answers={}).first()
    return untouched or SyncDraft.objects.create(campaign=campaign, created_by=user)


def find(draft_id: UUID) -> SyncDraft | None:
    """The draft with its campaign, if it is still being set up."""
    rows = SyncDraft.objects.select_related("campaign").exclude(answers__has_key="edits")
    return rows.filter(pk=draft_id).first()


def open_drafts(campaign: Campaign) -> QuerySet[SyncDraft]:
    """Drafts of new syncs that somebody has answered something in."""
    rows = SyncDraft.objects.filter(campaign=campaign).exclude(answers={}).exclude(answers__has_key="edits")
    return rows.select_related("created_by").order_by("-updated_at")


def connection_of(draft: SyncDraft) -> Connection | None:
    """The connection chosen in the first step."""
    chosen = draft.answers.get("source", {}).get("connection_id")
    return Connection.objects.filter(pk=chosen).first() if chosen else None


def first_open(draft: SyncDraft) -> str:
    """The first step that still needs an answer; review when none does."""
    done = draft.answers.get("done", [])
    return next((step for step in ANSWERED if step not in done), "review")


def is_locked(draft: SyncDraft, step: str) -> bool:
    """Whether an earlier step must be answered before this one."""
    return STEPS.index(step) > STEPS.index(first_open(draft))


def save(draft: SyncDraft, version: int, step: str, answer: Answer, *, done: bool) -> None:
    """Keep an answer. Raises Problem 409 `draft_changed` when somebody else saved since `version`."""
    answers = {**draft.answers, step: answer}
    finished = [name for name in answers.get("done", []) if name != step]
    if step == "source" and answer != draft.answers.get("source"):
        # Segments and fields of another account mean nothing: what builds on them is to be looked at again.
        finished = []
    answers["done"] = [*finished, step] if done else finished
    answers.pop("preview", None)
    rows = SyncDraft.objects.filter(pk=draft.pk, version=version)
    if not rows.update(answers=answers, version=F("version") + 1):
        draft.refresh_from_db()
        raise _changed()
    draft.refresh_from_db()
    _keep_ready(draft)


def prepare(draft: SyncDraft) -> Sync:
    """The sync the draft describes, made or brought up to date; it stays out of lists until it is started."""
    connection = connection_of(draft)
    if connection is None:
        raise not_found("connection")
    sync = Sync.objects.filter(pk=draft.answers.get("sync_id")).first()
    if sync is not None and sync.connection_id != connection.pk:
        _drop(sync)
        sync = None
    if sync is not None:
        return services.change_sync(sync, instruction(draft), who=None, ask=False)
    sync = services.create_sync(draft.campaign, connection, instruction(draft), who=None, ask=False)
    _note(draft, sync_id=str(sync.pk))
    return sync


def instruction(draft: SyncDraft) -> dict[str, Any]:
    """The draft's answers in the shape of the REST contract."""
    answers = draft.answers
    back = answers.get("map-back", {})
    return {
        "audience": answers.get("contacts", {}).get("audience", {}),
        "contact_policy": answers.get("contacts", {}).get("policy", POLICY_DEFAULTS),
        "inbound": inbound(answers.get("map-in", {})),
        "outbound": outbound(back) if back.get("on") else [],
        **timing(answers.get("type", {})),
    }


def inbound(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The map in, without what only the page remembers."""
    keys = ("from", "to", "mode", "name_format", "default")
    return [{key: row.get(key) or None for key in keys} for row in answer.get("rows", [])]


def outbound(answer: Mapping[str, Any]) -> list[dict[str, str]]:
    """The map back: facts that have a field to go to."""
    return [{"from": fact, "to": key} for fact, key in answer.get("rows", {}).items() if key]


def timing(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The type, and of an ongoing sync the interval and the leaving rule; what is no number is 0 minutes."""
    kind = answer.get("type", "one_time")
    if kind != SyncType.ONGOING:
        return {"type": kind}
    said = str(answer.get("minutes") if answer.get("every") == OTHER else answer.get("every", ""))
    minutes = int(said) if said.isascii() and said.isdigit() else 0
    return {"type": kind, "interval_minutes": minutes, "on_leave": answer.get("on_leave", OnLeave.KEEP)}


def start_preview(draft: SyncDraft, started_by: str) -> Run:
    """Count what the sync would do; an earlier preview that still runs is called off."""
    sync = prepare(draft)
    _call_off_previews(sync)
    run = services.start_preview(sync, started_by=started_by)
    _note(draft, preview=str(run.pk))
    return run


def preview_of(draft: SyncDraft) -> Run | None:
    """The preview of the answers as they are now, if one was started."""
    chosen = draft.answers.get("preview")
    return Run.objects.filter(pk=chosen, kind=RunKind.PREVIEW).first() if chosen else None


def start(draft: SyncDraft, sync_id: UUID | None, started_by: str) -> Run:
    """Start the sync and end the draft. A second click finds the run that the first one started."""
    with transaction.atomic():
        locked = SyncDraft.objects.select_for_update(of=("self",)).filter(pk=draft.pk).first()
        if locked is None:
            return started_before(sync_id)
        sync = prepare(locked)
        _call_off_previews(sync)
        run = services.start_run(sync, started_by=started_by)
        audit.note(sync.pk, "sync.created", started_by)
        locked.delete()
    return run


def started_before(sync_id: UUID | None) -> Run:
    """The run of a sync whose draft is gone because it was started."""
    runs = Run.objects.filter(kind=RunKind.RUN).order_by("-pk")
    run = runs.filter(sync_id=sync_id).first() if sync_id else None
    if run is None:
        raise not_found("sync being set up")
    return run


@transaction.atomic
def discard(draft: SyncDraft) -> None:
    """Throw the draft away, and the sync that only it knew of."""
    sync = Sync.objects.filter(pk=draft.answers.get("sync_id")).first()
    draft.delete()
    if sync is not None:
        _drop(sync)


def author(draft: SyncDraft) -> str:
    """Who began it, as an email address."""
    user: User | None = draft.created_by
    return user.email if user else ""


def _keep_ready(draft: SyncDraft) -> None:
    """Once every step is answered the sync exists, so that a double click on Start can be told apart."""
    if first_open(draft) != "review":
        return
    try:
        prepare(draft)
    except Problem:
        return  # Review says what is wrong when it is asked for a preview or a start.


def _note(draft: SyncDraft, **notes: str) -> None:
    draft.answers = {**draft.answers, **notes}
    SyncDraft.objects.filter(pk=draft.pk).update(answers=draft.answers)


def _call_off_previews(sync: Sync) -> None:
    for run in Run.objects.filter(sync=sync, kind=RunKind.PREVIEW, status__in=ACTIVE):
        services.cancel_run(run)


def _drop(sync: Sync) -> None:
    _call_off_previews(sync)
    sync.delete()


def _changed() -> Problem:
    return Problem(
        409,
        "draft_changed",
        "Changed by somebody else",
        "Somebody else has changed this sync since you opened the page. Nothing of yours was saved yet.",
        "What you typed is still below. Press Next again to keep it, or load the page again to see theirs.",
    )
