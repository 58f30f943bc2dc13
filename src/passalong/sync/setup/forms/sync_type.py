"""Step 5, Type: once or again and again, and then what happens to people who leave."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from passalong.core.problems import FieldProblem
from passalong.sync.models import OnLeave, SyncType
from passalong.sync.setup.drafts import OTHER, timing
from passalong.sync.setup.forms.base import Answer, Setup, at, text

TYPES = (
    (
        SyncType.ONE_TIME,
        _("One-time sync"),
        _("Runs once, now. You can run it again by hand whenever you like; nobody is doubled."),
    ),
    (
        SyncType.ONGOING,
        _("Ongoing sync"),
        _("Runs by itself from now on, so that changes in Intercom arrive here."),
    ),
)
LEAVING = (
    (OnLeave.KEEP, _("Keep them"), _("Their referral link goes on working.")),
    (
        OnLeave.DEACTIVATE,
        _("Deactivate their link"),
        _("Their link says that the programme is closed for them, and works again when they come back."),
    ),
    (
        OnLeave.REMOVE,
        _("Remove them"),
        _("They are deleted here. Whoever has referrals is deactivated instead, so that none is lost."),
    ),
)
INTERVALS = ("15", "60", "360", "1440")
USUAL = "60"


def typed(setup: Setup, posted: Any) -> Answer:  # noqa: ARG001
    """The type, how often, and the leaving rule, as they were typed."""
    return answer_in(posted)


def answer_in(posted: Any) -> Answer:
    """The same from any form that holds setup/_type.html."""
    return {
        "type": text(posted, "type", 20),
        "every": text(posted, "every", 10) or USUAL,
        "minutes": text(posted, "minutes", 10).strip(),
        "on_leave": text(posted, "on_leave", 20) or str(OnLeave.KEEP),
    }


def act(setup: Setup, answer: Answer, action: str, posted: Any) -> tuple[Answer, str]:  # noqa: ARG001
    """There is no other button here."""
    return answer, ""


def problems(setup: Setup, answer: Answer) -> Sequence[FieldProblem]:  # noqa: ARG001
    """A type must be chosen, and an ongoing sync needs an interval that services.py takes."""
    found = []
    if answer["type"] not in SyncType.values:
        found.append(FieldProblem("type", "Choose how often the sync runs."))
    if not 5 <= timing(answer).get("interval_minutes", 5) <= 60 * 24 * 31:
        found.append(FieldProblem("interval_minutes", "Choose between 5 minutes and 31 days."))
    return found


def answer_of(sync_type: str, minutes: int, on_leave: str) -> Answer:
    """The answer that says what a sync has now."""
    known = str(minutes) in INTERVALS
    return {
        "type": sync_type,
        "every": str(minutes) if known else OTHER,
        "minutes": "" if known else str(minutes),
        "on_leave": on_leave,
    }


def context(setup: Setup, answer: Answer, wrong: Sequence[FieldProblem]) -> dict[str, Any]:  # noqa: ARG001
    """The choices."""
    return {**choices(answer), "errors": errors_of(wrong)}


def choices(answer: Answer) -> dict[str, Any]:
    """What setup/_type.html shows, for an answer that may still be empty."""
    return {
        "types": TYPES,
        "type": answer.get("type") or TYPES[0][0],
        "intervals": [(key, every(int(key)).capitalize()) for key in INTERVALS]
        + [(OTHER, _("Another interval"))],
        "every": answer.get("every") or USUAL,
        "minutes": answer.get("minutes", ""),
        "leaving": LEAVING,
        "on_leave": answer.get("on_leave") or OnLeave.KEEP,
    }


def every(minutes: int) -> str:
    """An interval: every hour, every 6 hours, every 45 minutes."""
    if minutes % 1440 == 0:
        days = minutes // 1440
        return ngettext("every day", "every %(n)d days", days) % {"n": days}
    if minutes % 60 == 0:
        hours = minutes // 60
        return ngettext("every hour", "every %(n)d hours", hours) % {"n": hours}
    return ngettext("every minute", "every %(n)d minutes", minutes) % {"n": minutes}


def errors_of(wrong: Sequence[FieldProblem]) -> dict[str, list[str]]:
    """The messages by place in setup/_type.html."""
    return {"type": at(wrong, "type"), "minutes": at(wrong, "interval_minutes")}
