"""Who is this, and who speaks for them? Pure decisions that do not depend on the order of arrival."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from passalong.sync.mapping import InboundRow, Values, differs, merged
from passalong.sync.records import Scalar

LeadKey = tuple[int, int, str]
Decided = Literal["created", "updated", "unchanged", "duplicate"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A contact that may lead a referrer. `mapped` is None for one known only from an earlier run."""

    external_id: str
    role: str
    last_seen_at: int | None
    mapped: Values | None = None


@dataclass(slots=True)
class Group:
    """Everyone who is one referrer. `base` holds the referrer's mapped fields before the run, None if new."""

    base: Mapping[str, Scalar] | None
    candidates: list[Candidate] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who leads, what became of each contact of this run, and the referrer's values at the end.

    `values` is None when nobody of this run speaks for the referrer.
    """

    leader: str
    outcomes: dict[str, Decided]
    values: Values | None


def lead_key(candidate: Candidate) -> LeadKey:
    """Sorts the leading contact first: a user before a lead, then the latest seen, then the smallest id."""
    seen = -1 if candidate.last_seen_at is None else candidate.last_seen_at
    return (0 if candidate.role == "user" else 1, -seen, candidate.external_id)


def decide(rows: Sequence[InboundRow], group: Group) -> Verdict:
    """The verdict for a group, from everything known of it and nothing else."""
    leader = min(group.candidates, key=lead_key)
    outcomes: dict[str, Decided] = {
        candidate.external_id: "duplicate" for candidate in group.candidates if candidate.mapped is not None
    }
    if leader.mapped is None:
        return Verdict(leader.external_id, outcomes, None)
    values = merged(rows, group.base, leader.mapped)
    outcomes[leader.external_id] = _outcome(group.base, values)
    return Verdict(leader.external_id, outcomes, values)


def _outcome(base: Mapping[str, Scalar] | None, values: Values) -> Decided:
    if base is None:
        return "created"
    return "updated" if differs(values, base) else "unchanged"


@dataclass(frozen=True, slots=True)
class EmailChange:
    """A referrer whose leading contact has another address now. `key` names the record it came from."""

    key: int
    referrer: str
    new: str


def settle_emails(
    changes: Iterable[EmailChange], holders: Mapping[str, str], released: Mapping[str, str]
) -> tuple[list[EmailChange], list[EmailChange]]:
    """Which address changes can happen, in an order that never collides, and which cannot.

    `holders` says which referrer holds each wanted address now; `released` is the present address of each
    referrer that wants another one. An address is free once its holder has moved away. Where two want the
    same one, neither gets it: which of them is right is for a person to say.
    """
    wanted: dict[str, list[EmailChange]] = {}
    for change in sorted(changes, key=lambda change: change.key):
        wanted.setdefault(change.new, []).append(change)
    refused = [change for rivals in wanted.values() if len(rivals) > 1 for change in rivals]
    waiting = [rivals[0] for rivals in wanted.values() if len(rivals) == 1]
    taken = dict(holders)
    done: list[EmailChange] = []
    while True:
        free = [change for change in waiting if taken.get(change.new, change.referrer) == change.referrer]
        if not free:
            return done, refused + waiting
        for change in free:
            taken.pop(released[change.referrer], None)
        done += free
        waiting = [change for change in waiting if change not in free]
