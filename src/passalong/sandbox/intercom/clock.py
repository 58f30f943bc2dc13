"""One clock for the whole sandbox: people age and retries fall due on demand, not by waiting."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

DAY = 86_400


def today() -> int:
    """Midnight UTC: two sandboxes started on one day with one seed hold the same people."""
    return int(time.time()) // DAY * DAY


@dataclass
class Clock:
    """`base` anchors the people and the segments; `now` is what new writes are stamped with."""

    base: int
    pinned: bool = False
    offset: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def starting(cls, now: int | None) -> Clock:
        return cls(base=today()) if now is None else cls(base=now, pinned=True)

    def now(self) -> float:
        if self.pinned:
            return self.base + self.offset + (time.monotonic() - self.started)
        return time.time() + self.offset

    def segment_now(self) -> int:
        """Stands still unless advanced: a membership that moved by itself could not be compared."""
        return int(self.base + self.offset)

    def advance(self, seconds: float) -> None:
        self.offset += seconds
