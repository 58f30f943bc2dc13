"""Segments: rules over contacts, re-evaluated with the time and not only with the contact (§4)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from passalong.sandbox.intercom import fields
from passalong.sandbox.intercom.clock import DAY, Clock
from passalong.sandbox.intercom.contact import Contact
from passalong.sandbox.intercom.index import CLOCK, Index, Leaf, Stamp, Test

_ROLE = {"user": "user", "contact": "lead"}  # a segment of leads says "contact" (§4.2)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a segment. `days` are counted back from the clock: since = at most `low` days ago,
    between = more than `low` and at most `high` days ago."""

    field: str
    operator: Literal["=", "!=", "since", "between", "known", "never"]
    value: Any = None
    low: float = 0
    high: float = 0


class Segment(msgspec.Struct, frozen=True):
    id: str
    name: str
    person_type: str
    rules: tuple[Rule, ...]
    created_at: int
    updated_at: int

    def wire(self, count: int | None = None) -> dict[str, Any]:
        body: dict[str, Any] = {
            "type": "segment",
            "id": self.id,
            "name": self.name,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "person_type": self.person_type,
        }
        if count is not None:
            body["count"] = count
        return body

    def depends(self) -> tuple[str, ...]:
        return ("role", CLOCK, *(fields.stored_name(rule.field) for rule in self.rules))

    def test(self, now: int) -> Test:
        role = _ROLE[self.person_type]
        tests = [_rule_test(rule, now) for rule in self.rules]
        return lambda contact: contact.role == role and all(test(contact) for test in tests)


def _rule_test(rule: Rule, now: int) -> Test:
    get = fields.getter(rule.field)
    if rule.operator == "since":
        start = now - rule.low * DAY
        return lambda c: (at := get(c)) is not None and at >= start
    if rule.operator == "between":
        late, early = now - rule.low * DAY, now - rule.high * DAY
        return lambda c: (at := get(c)) is not None and early <= at < late
    simple: dict[str, Callable[[Contact], bool]] = {
        "=": lambda c: bool(get(c) == rule.value),
        "!=": lambda c: bool(get(c) != rule.value),
        "known": lambda c: get(c) is not None,
        "never": lambda _: False,
    }
    return simple[rule.operator]


_ACTIVE = (Rule("last_seen_at", "since", low=30),)
_NEW = (Rule("created_at", "since", low=7),)
_SLIPPING = (Rule("last_seen_at", "between", low=30, high=60),)
_PRESET: list[tuple[str, str, tuple[Rule, ...]]] = [
    ("Active", "user", _ACTIVE),
    ("New", "user", _NEW),
    ("Slipping Away", "user", _SLIPPING),
    ("Active", "contact", _ACTIVE),
    ("New", "contact", _NEW),
    ("Slipping Away", "contact", _SLIPPING),
    ("Pro plan", "user", (Rule("custom_attributes.plan", "=", "pro"),)),
    ("Nobody yet", "user", (Rule("id", "never"),)),
]


class Segments:
    """The segments of the workspace and who is in each, kept until a field in its rules changes."""

    def __init__(self, index: Index, clock: Clock, seed: int) -> None:
        self.by_id: dict[str, Segment] = {}
        self._index, self._clock, self._seed = index, clock, seed
        self._members: dict[str, tuple[Stamp, frozenset[str]]] = {}
        for name, person_type, rules in _PRESET:
            self.add(name, person_type, rules)

    def add(self, name: str, person_type: str, rules: tuple[Rule, ...]) -> Segment:
        at = self._clock.base - 400 * DAY + len(self.by_id)
        text = f"{self._seed}:{person_type}:{name}:{len(self.by_id)}"
        tail = hashlib.sha256(text.encode()).hexdigest()[:16]
        segment = Segment(f"{at:08x}{tail}", name, person_type, rules, at, at)
        self.by_id[segment.id] = segment
        return segment

    def remove(self, segment_id: str) -> bool:
        self._members.pop(segment_id, None)
        return self.by_id.pop(segment_id, None) is not None

    def members(self, segment: Segment) -> frozenset[str]:
        stamp = self._index.stamp(segment.depends())
        cached = self._members.get(segment.id)
        if cached is not None and cached[0] == stamp:
            return cached[1]
        test = segment.test(self._clock.segment_now())
        found = frozenset(i for i, c in self._index.docs.items() if test(c))
        self._members[segment.id] = (stamp, found)
        return found

    def of(self, contact_id: str) -> list[Segment]:
        """The segments a contact is in, from the same index as the search (§4.2)."""
        return [s for s in self.by_id.values() if contact_id in self.members(s)]

    def leaf(self, segment_id: str) -> Leaf | None:
        segment = self.by_id.get(segment_id)
        if segment is None:
            return None

        def make() -> Test:
            members = self.members(segment)
            return lambda contact: contact.id in members

        return Leaf(("segment_id", segment), "segment_id", segment.depends(), make)
