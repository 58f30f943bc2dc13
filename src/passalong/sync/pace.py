"""How fast a run goes lately: the last half minute counts, pauses and waits before it do not."""

import math

MEMORY_SECONDS = 10.0


class Pace:
    """Contacts a second, smoothed. A new phase counts something else, so it begins anew."""

    def __init__(self) -> None:
        self.rate: float | None = None
        self._last: tuple[str, int, float] | None = None

    def look(self, phase: str, done: int, at: float) -> float | None:
        """The rate after seeing that `done` contacts of this phase are done at the monotonic second `at`."""
        before, self._last = self._last, (phase, done, at)
        if before is None or before[0] != phase:
            self.rate = None
            return None
        elapsed = at - before[2]
        if elapsed <= 0:
            return self.rate
        now = (done - before[1]) / elapsed
        weight = 1 - math.exp(-elapsed / MEMORY_SECONDS)
        self.rate = now if self.rate is None else self.rate + weight * (now - self.rate)
        return self.rate
