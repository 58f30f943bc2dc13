"""Step 5, Type: how often the sync runs."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from passalong.core.problems import FieldProblem
from passalong.sync.setup.forms.base import Answer, Setup, at, text

TYPES = (
    (
        "one_time",
        _("One-time sync"),
        _("Runs once, now. You can run it again by hand whenever you like; nobody is doubled."),
    ),
)


def typed(setup: Setup, posted: Any) -> Answer:  # noqa: ARG001
    """The chosen type."""
    return {"type": text(posted, "type", 20)}


def act(setup: Setup, answer: Answer, action: str, posted: Any) -> tuple[Answer, str]:  # noqa: ARG001
    """There is no other button here."""
    return answer, ""


def problems(setup: Setup, answer: Answer) -> Sequence[FieldProblem]:  # noqa: ARG001
    """One of the types must be chosen."""
    known = [key for key, _title, _line in TYPES]
    return [] if answer["type"] in known else [FieldProblem("type", "Choose how often the sync runs.")]


def context(setup: Setup, answer: Answer, wrong: Sequence[FieldProblem]) -> dict[str, Any]:  # noqa: ARG001
    """The choices."""
    chosen = answer.get("type") or TYPES[0][0]
    return {"types": TYPES, "type": chosen, "errors": {"type": at(wrong, "type")}}
