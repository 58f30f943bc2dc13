"""Changing the maps of a sync that is there: each person's own draft, until it is saved.

An edit is a SyncDraft that names its sync under `edits`. `base` holds the maps as they were when it began:
saving over somebody else's change is noticed by it, whichever way the change came.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from passalong.accounts import audit
from passalong.core.problems import Problem
from passalong.sync import services
from passalong.sync.models import Sync, SyncDraft
from passalong.sync.setup import drafts
from passalong.sync.setup.forms.map_in import NAMES

STEPS = ("map-in", "map-back")
MAPS = ("inbound", "outbound")

Rows = list[dict[str, Any]]


def begin(sync: Sync, user: Any) -> SyncDraft:
    """This person's edit of the sync: the one they left, or a new one when nothing was changed in it."""
    left = mine(sync, user)
    if left is not None and is_touched(left):
        return left
    _of(sync).filter(created_by=user).delete()
    return SyncDraft.objects.create(campaign=sync.campaign, created_by=user, answers=_answers(sync))


def mine(sync: Sync, user: Any) -> SyncDraft | None:
    """The edit this person has begun, if any."""
    return _of(sync).filter(created_by=user).select_related("campaign").order_by("-pk").first()


def others(sync: Sync, user: Any) -> list[SyncDraft]:
    """Edits in which other people have changed something and not saved it yet."""
    rows = _of(sync).exclude(created_by=user).select_related("created_by").order_by("-updated_at")
    return [draft for draft in rows[:10] if is_touched(draft)]


def is_touched(draft: SyncDraft) -> bool:
    """Whether saving it would change anything."""
    return bool(maps(draft) != draft.answers["base"])


def maps(draft: SyncDraft) -> dict[str, Rows]:
    """Both maps as they would be saved."""
    base, answers = draft.answers["base"], draft.answers
    return {
        "inbound": _inbound(base["inbound"], answers["map-in"]),
        "outbound": _outbound(base["outbound"], answers["map-back"]),
    }


def second_fields(draft: SyncDraft) -> Rows:
    """Rows for which the page has no place, since their fact goes to another field too: they stay."""
    rows = draft.answers["base"]["outbound"]
    first = _first_fields(rows)
    return [row for row in rows if first[row["from"]] != row["to"]]


def keep(draft: SyncDraft, version: int, step: str, answer: Mapping[str, Any]) -> None:
    """Keep an answer. Problem 409 `draft_changed` when it was saved in another window since `version`."""
    answers = {**draft.answers, step: answer}
    kept = SyncDraft.objects.filter(pk=draft.pk, version=version).update(
        answers=answers, version=F("version") + 1
    )
    draft.refresh_from_db()
    if not kept:
        raise _two_windows()


def jot(draft: SyncDraft, version: int, step: str, answer: Mapping[str, Any]) -> None:
    """Keep what is being typed, for whoever leaves the page; the page itself stays as good as it was."""
    answers = {**draft.answers, step: answer}
    SyncDraft.objects.filter(pk=draft.pk, version=version).update(answers=answers)


def save(draft: SyncDraft, who: str) -> Sync:
    """Change the sync and end the edit. Problem 409 `mapping_changed` when somebody else did meanwhile;
    saving once more then replaces theirs."""
    base = draft.answers["base"]
    with transaction.atomic():
        sync = (
            Sync.objects.select_for_update(of=("self",))
            .select_related("connection")
            .get(pk=UUID(draft.answers["edits"]))
        )
        now = {key: getattr(sync, key) for key in MAPS}
        if now == base:
            wanted = maps(draft)
            changes = {key: wanted[key] for key in MAPS if wanted[key] != base[key]}
            services.change_sync(sync, changes, who=who, ask=False)
            draft.delete()
            return sync
    SyncDraft.objects.filter(pk=draft.pk).update(answers={**draft.answers, "base": now})
    raise _overtaken(sync)


def discard(sync: Sync, user: Any) -> None:
    """Forget what this person has not saved."""
    _of(sync).filter(created_by=user).delete()


def _of(sync: Sync) -> QuerySet[SyncDraft]:
    return SyncDraft.objects.filter(answers__edits=str(sync.pk))


def _answers(sync: Sync) -> dict[str, Any]:
    """The whole sync as the wizard's forms know it."""
    audience = sync.audience
    return {
        "edits": str(sync.pk),
        "base": {key: getattr(sync, key) for key in MAPS},
        "source": {"connection_id": str(sync.connection_id)},
        "contacts": {
            "kind": audience["kind"],
            "chosen": audience["segment_ids"],
            "excluded": audience["exclude_segment_ids"],
            "audience": audience,
            "policy": sync.contact_policy,
        },
        "map-in": {"rows": [_typed(row) for row in sync.inbound]},
        "map-back": {"on": bool(sync.outbound), "rows": _first_fields(sync.outbound)},
        "type": {"type": sync.type},
        "done": list(drafts.ANSWERED),
    }


def _typed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the form would send it untouched."""
    default = row.get("default")
    return {
        "from": row["from"],
        "to": row["to"],
        "mode": row.get("mode") or "overwrite",
        "name_format": (row.get("name_format") or "whole") if row["to"] in NAMES else "",
        "default": "" if default is None else str(default),
    }


def _inbound(base: Rows, answer: Mapping[str, Any]) -> Rows:
    """Rows nobody touched stay exactly as they were, with types and formats the form cannot tell."""
    before = {tuple(_typed(row).values()): row for row in base}
    return [before.get(tuple(_typed(row).values()), row) for row in drafts.inbound(answer)]


def _outbound(base: Rows, answer: Mapping[str, Any]) -> Rows:
    if not answer["on"]:
        return []
    first = _first_fields(base)
    second = [row for row in base if first[row["from"]] != row["to"]]
    rows = [*drafts.outbound(answer), *second]
    unchanged = len(rows) == len(base) and all(row in base for row in rows)
    return base if unchanged else rows


def _first_fields(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Fact → field; of a fact that goes to two fields, the first."""
    return {row["from"]: row["to"] for row in reversed(rows)}


def _two_windows() -> Problem:
    return Problem(
        409,
        "draft_changed",
        "Changed in another window",
        "You have changed this mapping in another window since you opened this one.",
        "What this window shows is still below. Press Save again to keep it, or load the page again.",
    )


def _overtaken(sync: Sync) -> Problem:
    last = audit.timeline(sync.pk).filter(verb="sync.changed").first()
    who = last.who if last else "Somebody else"
    return Problem(
        409,
        "mapping_changed",
        "Changed by somebody else",
        f"{who} has changed this mapping since you began. Nothing of yours was saved yet.",
        "Yours is still below. Press Save again to replace theirs, or Cancel to keep theirs.",
    )
