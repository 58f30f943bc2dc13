"""How long to go on asking, and what to show meanwhile: long in the background, briefly for a person."""

from collections.abc import Iterator
from contextlib import contextmanager

from passalong.integrations.intercom import errors
from passalong.integrations.intercom.pace import LONGEST_WAIT, Clock

TRIES = 4
BASE_SECONDS, CAP_SECONDS = 0.5, 8.0
OUTAGE_CAP_SECONDS = 30.0
INTERACTIVE_SECONDS = 10.0  # to an answer or an outage
INTERACTIVE_LIMITED_SECONDS = 20.0
DEFAULT_PATIENCE = 900.0


class Traffic:
    """What a session shows of its calls: how many, and whether it is being held back."""

    def __init__(self) -> None:
        self.calls = 0
        self.waiting_until: float | None = None
        self.waiting_code: str | None = None
        self._holds: dict[int, tuple[float, str]] = {}
        self._next = 0

    @contextmanager
    def hold(self) -> Iterator["Hold"]:
        """One call's part in it; ends with the call."""
        self._next += 1
        hold = Hold(self, self._next)
        try:
            yield hold
        finally:
            hold.clear()

    def note(self, key: int, held: tuple[float, str] | None) -> None:
        if held is None:
            self._holds.pop(key, None)
        else:
            self._holds[key] = held
        latest = max(self._holds.values(), default=None)
        self.waiting_until, self.waiting_code = latest or (None, None)


class Hold:
    """One call being held back, or not."""

    def __init__(self, traffic: Traffic, key: int) -> None:
        self._traffic, self._key = traffic, key

    def until(self, moment: float, code: str) -> None:
        self._traffic.note(self._key, (moment, code))

    def clear(self) -> None:
        self._traffic.note(self._key, None)


class Persistence:
    """The tries of one call."""

    def __init__(self, clock: Clock, hold: Hold, *, interactive: bool, patience: float) -> None:
        self._clock, self._hold = clock, hold
        self._interactive, self._patience = interactive, patience
        self._began = clock.ticks()
        self._failed_since: float | None = None
        self._failures = self._limits = 0

    async def limited(self, wait: float | None) -> None:
        """After a 429: wait as long as told, for ever if need be; a person is not kept waiting."""
        self._limits += 1
        wait = max(1.0, min(LONGEST_WAIT, 2.0 ** (self._limits - 1) if wait is None else wait))
        if self._interactive and self._clock.ticks() + wait - self._began > INTERACTIVE_LIMITED_SECONDS:
            raise errors.rate_limited(wait)
        await self.pause(wait + self._clock.chance(), "rate_limited")

    async def broken(self, reason: str) -> None:
        """After no answer or a useless one: a few quick tries, then those of an outage, then give up."""
        self._failures += 1
        now = self._clock.ticks()
        if self._failed_since is None:
            self._failed_since = now
        lasting = self._failures >= TRIES
        delay = self._delay(lasting=lasting)
        if self._gives_up(now - self._failed_since, delay, lasting=lasting):
            raise errors.unavailable(reason)
        if lasting:
            await self.pause(delay, "crm_unavailable")
        else:
            await self._clock.sleep(delay)

    def _gives_up(self, lasted: float, delay: float, *, lasting: bool) -> bool:
        if self._interactive:
            return lasting or self._clock.ticks() - self._began + delay > INTERACTIVE_SECONDS
        return lasting and lasted + delay > self._patience

    def _delay(self, *, lasting: bool) -> float:
        """Full jitter while brief; in an outage at least half the wait, so that nobody hammers."""
        chance = self._clock.chance()
        if not lasting:
            return chance * min(CAP_SECONDS, BASE_SECONDS * 2.0 ** (self._failures - 1))
        exponent = min(self._failures - TRIES, 10)
        return (0.5 + chance / 2) * min(OUTAGE_CAP_SECONDS, BASE_SECONDS * 2.0 ** (exponent + 3))

    async def pause(self, delay: float, code: str) -> None:
        self._hold.until(self._clock.now() + delay, code)
        await self._clock.sleep(delay)
