"""The search index: what searches and lists see, which may be minutes behind what was written (§3.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from passalong.sandbox.intercom.clock import Clock
from passalong.sandbox.intercom.contact import Contact
from passalong.sandbox.intercom.fields import getter, stored_name

Test = Callable[[Contact], bool]
Stamp = tuple[int, ...]

EXISTENCE = "*"  # bumped when a contact comes or goes
CLOCK = "@clock"  # a segment's rule looks at the time
_KEPT = 128  # ordered id lists in the cache: 16 partitions in flight and their shared beginnings fit


@dataclass(frozen=True, slots=True)
class Order:
    """A sort with nulls last and ties by id, so that value and id together make a cursor (§3.2)."""

    field: str
    ascending: bool


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition. `key` names it in the cache; `depends` are the fields whose change may alter it;
    `span` is set where the condition is lo <= value < hi."""

    key: Hashable
    field: str
    depends: tuple[str, ...]
    make: Callable[[], Test]
    span: tuple[float, float] | None = None


class Index:
    """Holds one state of every listed contact, and ordered id lists per query until a relevant field changes.

    Invalidation is a counter per field: a thousand writes of one attribute cost a thousand additions, and
    leave a walk sorted by `created_at` untouched.
    """

    def __init__(self, clock: Clock) -> None:
        self.docs: dict[str, Contact] = {}
        self.lag = 0.0
        self._clock = clock
        self._versions: defaultdict[str, int] = defaultdict(int)
        self._pending: deque[tuple[float, str, Contact | None, frozenset[str]]] = deque()
        self._lists: OrderedDict[Hashable, tuple[Stamp, list[str]]] = OrderedDict()

    def put(self, contact_id: str, contact: Contact | None, changed: frozenset[str]) -> None:
        """Announce a new state, or with None that the contact is no longer listed."""
        if self.lag or self._pending:
            self._pending.append((self._clock.now() + self.lag, contact_id, contact, changed))
        else:
            self._apply(contact_id, contact, changed)

    def settle(self) -> None:
        """Let in what is due."""
        while self._pending and (not self.lag or self._pending[0][0] <= self._clock.now()):
            _, contact_id, contact, changed = self._pending.popleft()
            self._apply(contact_id, contact, changed)

    def _apply(self, contact_id: str, contact: Contact | None, changed: frozenset[str]) -> None:
        if contact is None:
            if self.docs.pop(contact_id, None) is not None:
                self._versions[EXISTENCE] += 1
            return
        if contact_id not in self.docs:
            self._versions[EXISTENCE] += 1
        self.docs[contact_id] = contact
        self.touch(changed)

    def touch(self, names: frozenset[str]) -> None:
        for name in names:
            self._versions[name] += 1

    def stamp(self, names: tuple[str, ...]) -> Stamp:
        return (
            self._versions[EXISTENCE],
            *(self._clock.segment_now() if name == CLOCK else self._versions[name] for name in names),
        )

    def ids(self, order: Order, leaves: tuple[Leaf, ...]) -> list[str]:
        """The ids of all contacts that meet every leaf, in order. Every prefix of the leaves is cached:
        searches that differ in the last one share the work of the others."""
        depends = (stored_name(order.field), *(name for leaf in leaves for name in leaf.depends))
        stamp = self.stamp(depends)
        key = (order, tuple(leaf.key for leaf in leaves))
        cached = self._lists.get(key)
        if cached is not None and cached[0] == stamp:
            self._lists.move_to_end(key)
            return cached[1]
        found = self._sorted(order) if not leaves else self._narrow(order, leaves)
        self._lists[key] = (stamp, found)
        if len(self._lists) > _KEPT:
            self._lists.popitem(last=False)
        return found

    def _narrow(self, order: Order, leaves: tuple[Leaf, ...]) -> list[str]:
        wider, leaf = self.ids(order, leaves[:-1]), leaves[-1]
        if leaf.span is not None and leaf.field == order.field and order.ascending:
            return self._slice(wider, getter(order.field), leaf.span)
        test, docs = leaf.make(), self.docs
        return [i for i in wider if test(docs[i])]

    def _slice(self, ids: list[str], get: Callable[[Contact], Any], span: tuple[float, float]) -> list[str]:
        def reaches(bound: float) -> Callable[[str], bool]:
            return lambda i: (value := get(self.docs[i])) is None or value >= bound

        start = bisect_left(ids, True, key=reaches(span[0]))
        # nulls stand behind every value, and every bound is met by them
        return ids[start : bisect_left(ids, True, lo=start, key=reaches(span[1]))]

    def _sorted(self, order: Order) -> list[str]:
        get = getter(order.field)
        values = sorted((i, get(c)) for i, c in self.docs.items() if get(c) is not None)
        nulls = sorted(i for i, c in self.docs.items() if get(c) is None)
        values.sort(key=lambda pair: pair[1], reverse=not order.ascending)
        return [i for i, _ in values] + nulls

    def after(self, ids: list[str], order: Order, value: Any, contact_id: str) -> int:
        """Where a walk goes on behind (value, id), whether or not that contact is still there (§3.4)."""
        get = getter(order.field)

        def is_after(i: str) -> bool:
            own = get(self.docs[i])
            if own is None or value is None:
                return own is None and (value is not None or i > contact_id)
            if own == value:
                return i > contact_id
            return bool(own > value) if order.ascending else bool(own < value)

        return bisect_left(ids, True, key=is_after)
