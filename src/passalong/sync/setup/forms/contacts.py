"""Step 2, Contacts: which people of the account."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from passalong.core.problems import FieldProblem
from passalong.sync.facts import POLICY_DEFAULTS
from passalong.sync.records import Segment
from passalong.sync.setup.forms.base import Answer, Setup, at, text
from passalong.sync.validation import audience_problems

KINDS = (
    ("leads", _("Only leads"), _("People who have written or left an address but have no account with you.")),
    ("users", _("Only users"), _("People who have an account with you.")),
    ("all", _("All contacts"), _("Leads and users.")),
    ("segments", _("A specific segment"), _("Members of one or more of the segments you keep in Intercom.")),
)
POLICY = (
    ("unsubscribed", _("People who unsubscribed from emails")),
    ("bounced", _("People whose emails bounced")),
    ("spam", _("People marked as spam")),
)
GROUPS = (("user", _("Segments of users")), ("lead", _("Segments of leads")))


def typed(setup: Setup, posted: Any) -> Answer:  # noqa: ARG001
    """The kind, the ticked segments, and what to do with people who should not be written to."""
    kind = text(posted, "kind", 20)
    chosen, excluded = posted.getlist("segment")[:500], posted.getlist("exclude")[:500]
    policy = {key: text(posted, key, 10) or default for key, default in POLICY_DEFAULTS.items()}
    return {
        "kind": kind,
        "chosen": chosen,
        "excluded": excluded,
        "audience": {
            "kind": kind,
            "segment_ids": chosen if kind == "segments" else [],
            "exclude_segment_ids": excluded if kind == "segments" else [],
        },
        "policy": {key: value if value in ("include", "skip") else "skip" for key, value in policy.items()},
    }


def act(setup: Setup, answer: Answer, action: str, posted: Any) -> tuple[Answer, str]:  # noqa: ARG001
    """Read the segments again."""
    if action == "refresh":
        setup.look_again()
    return answer, "segments"


def problems(setup: Setup, answer: Answer) -> Sequence[FieldProblem]:
    """What is wrong with the audience, and segments that are gone."""
    audience = answer["audience"]
    if not audience["kind"]:
        return [FieldProblem("audience.kind", "Choose which contacts become referrers.")]
    names = {segment.id: segment.name for segment in setup.segments()}
    found = [_named(problem, names) for problem in audience_problems(audience)]
    wanted = [*audience["segment_ids"], *audience["exclude_segment_ids"]]
    if names and any(segment not in names for segment in wanted):
        gone = "A segment you chose is no longer in Intercom. Choose again."
        found.append(FieldProblem("audience.segment_ids", gone))
    return found


def context(setup: Setup, answer: Answer, wrong: Sequence[FieldProblem]) -> dict[str, Any]:
    """The four choices with counts, the segments with theirs, the policy."""
    chosen, excluded = answer.get("chosen", []), answer.get("excluded", [])
    policy = answer.get("policy", POLICY_DEFAULTS)
    sizes = setup.sizes()
    return {
        "kinds": [(key, title, line, sizes.get(key)) for key, title, line in KINDS],
        "kind": answer.get("kind", ""),
        "segments": _by_kind(setup.segments(), chosen, excluded),
        "policy": policy_rows(policy),
        "errors": {
            "kind": at(wrong, "audience.kind"),
            "segments": at(wrong, "audience.segment_ids") + at(wrong, "audience.exclude_segment_ids"),
        },
    }


def policy_rows(policy: Mapping[str, str]) -> list[dict[str, Any]]:
    """What setup/_policy.html shows."""
    return [
        {"key": key, "label": label, "value": policy.get(key) or POLICY_DEFAULTS[key]}
        for key, label in POLICY
    ]


def _by_kind(segments: Sequence[Segment], chosen: list[str], excluded: list[str]) -> list[tuple[Any, Any]]:
    """Users' segments, then leads': two segments of one name are told apart by where they stand."""
    rows = [
        (s.person_type, {"segment": s, "chosen": s.id in chosen, "excluded": s.id in excluded})
        for s in segments
    ]
    groups = [(title, [row for kind, row in rows if kind == key]) for key, title in GROUPS]
    return [(title, found) for title, found in groups if found]


def _named(problem: FieldProblem, names: dict[str, str]) -> FieldProblem:
    """Segments by name: their ids mean nothing to a marketer."""
    message = problem.message
    for key, name in names.items():
        message = message.replace(f"Segment {key} ", f"“{name}” ")
    return FieldProblem(problem.field, message)
