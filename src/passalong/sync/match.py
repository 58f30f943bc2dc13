"""Who is this, and who speaks for them? Pure decisions that do not depend on the order of arrival."""

from collections.abc import Collection, Mapping, Sequence
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


def settle_emails(
    changes: Mapping[str, str], holders: Mapping[str, str], unsure: Collection[str] = ()
) -> tuple[dict[str, set[str]], set[str]]:
    """Who ends with each address that somebody wants, and who must keep the present one.

    `changes` says which address each referrer wants instead of the present one, `holders` who holds an
    address now. Two who end with one address are one person. Whoever moves away holds nothing any more, so
    a chain (a→b while b→c) and a swap join nobody. Of `unsure` holders nobody knows whether the address is
    theirs still: whoever wants it has to wait, and so has whoever wants theirs.
    """
    waiting: set[str] = set()
    while True:
        moving = {who: address for who, address in changes.items() if who not in waiting}
        kept = {who for who in holders.values() if who not in moving and (who in unsure or who in waiting)}
        late = {who for who, address in moving.items() if holders.get(address) in kept}
        if not late:
            break
        waiting |= late
    ends: dict[str, set[str]] = {}
    for who, address in moving.items():
        ends.setdefault(address, set()).add(who)
    for address, holder in holders.items():
        if holder not in moving and address in ends:
            ends[address].add(holder)
    return ends, waiting
