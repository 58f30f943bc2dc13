"""What every page of the wizard shows around its form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from passalong.core.problems import FieldProblem, Problem
from passalong.sync.models import SyncDraft
from passalong.sync.setup import drafts

NAMES: dict[str, Promise] = {
    "source": _("Source"),
    "contacts": _("Contacts"),
    "map-in": _("Map in"),
    "map-back": _("Map back"),
    "type": _("Type"),
    "review": _("Review"),
}
NOT_CONNECTED = _("Intercom is not connected, and nothing was kept")
NOT_TRIED = "Not checked yet."
REGIONS = (("us", _("United States")), ("eu", _("Europe")), ("au", _("Australia")))


@dataclass(frozen=True)
class Step:
    """One step in the stepper: done, current, open or locked."""

    number: int
    name: Promise
    state: str
    url: str


def stepper(draft: SyncDraft, current: str) -> list[Step]:
    """The six steps as the person may walk them."""
    return [_step(draft, current, number, key) for number, key in enumerate(drafts.STEPS, 1)]


def _step(draft: SyncDraft, current: str, number: int, key: str) -> Step:
    if key == current:
        return Step(number, NAMES[key], "current", "")
    if drafts.is_locked(draft, key):
        return Step(number, NAMES[key], "locked", "")
    state = "done" if key in draft.answers.get("done", []) else "open"
    return Step(number, NAMES[key], state, address(draft, key))


def address(draft: SyncDraft, key: str) -> str:
    """A step's address."""
    if key == "review":
        return reverse("setup:review", args=[draft.pk])
    return reverse("setup:step", args=[draft.pk, key])


def step_page(
    draft: SyncDraft, name: str, wrong: Sequence[FieldProblem], problem: Problem | None
) -> dict[str, Any]:
    """The frame of a step: stepper, title, version, and the summary of what is wrong."""
    return {
        **_around(draft, name),
        "problem": problem_notice(problem) or wrong_notice(wrong),
        "regions": REGIONS,
    }


def review_page(draft: SyncDraft, problem: Problem | None) -> dict[str, Any]:
    """The frame of the review."""
    return {
        **_around(draft, "review"),
        "problem": problem_notice(problem),
        "sync_id": draft.answers.get("sync_id", ""),
    }


def _around(draft: SyncDraft, name: str) -> dict[str, Any]:
    return {
        "draft": draft,
        "campaign": draft.campaign,
        "tab": "syncs",
        "step_title": NAMES[name],
        "steps": stepper(draft, name),
    }


def problem_notice(problem: Problem | None) -> dict[str, Any] | None:
    """A Problem for the notice at the top."""
    if problem is None:
        return None
    checks = failed_checks(problem)
    if checks:
        return {"detail": NOT_CONNECTED, "code": problem.code, "checks": checks}
    return {
        "detail": problem.detail,
        "next_step": problem.next_step,
        "code": problem.code,
        "links": [
            {"message": error.message, "target": ""}
            for error in problem.errors
            if error.message != problem.detail
        ],
    }


def failed_checks(problem: Problem) -> list[dict[str, Any]]:
    """What a connection was refused for, by name; `open`: an earlier failure kept it from being tried."""
    return [
        {
            "name": error.field.removeprefix("checks."),
            "ok": False,
            "open": error.message == NOT_TRIED,
            "detail": error.message,
        }
        for error in problem.errors
        if error.field.startswith("checks.")
    ]


def wrong_notice(wrong: Sequence[FieldProblem]) -> dict[str, Any] | None:
    """What is wrong in the form, for the notice at the top; each links to its place."""
    if not wrong:
        return None
    links = [{"message": item.message, "target": _target(item.field)} for item in wrong]
    return {"detail": _("Something here needs your attention"), "next_step": "", "code": "", "links": links}


def _target(place: str) -> str:
    """The id on the page that belongs to a place such as `inbound[2].from`."""
    if place.startswith("inbound["):
        return f"row-{place[8:].partition(']')[0]}"
    return "rows" if place.startswith(("inbound", "outbound")) else "choices"
