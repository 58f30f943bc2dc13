"""One rate budget per access token, kept to by everything in this process and fed by Intercom's own headers.

The headers count every worker and every app of the workspace, so they are the shared store (§6): fixed
windows of ten seconds, `X-RateLimit-Reset` two seconds behind the window's end.
"""

import asyncio
import hashlib
import random
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from weakref import WeakValueDictionary

# Never fewer than two: a call that Intercom leaves hanging must not hold up all the others.
FEWEST, START, MOST = 2, 8, 16
WINDOW_SECONDS = 10.0
RESERVE = 0.10  # left to people waiting at a page, and to the customer's other apps
LONGEST_WAIT = 60.0
RESET_LAG = 2  # seconds; measured on 517 of 525 recorded answers (§6)


class Clock(NamedTuple):
    """Time and chance, so that tests need neither."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    def ticks(self) -> float:
        """Seconds that no correction of the clock moves. Time that a test gives needs none."""
        return time.monotonic() if self.now is time.time else self.now()


class Rate(NamedTuple):
    """What one answer said. `reset` is translated to our own clock."""

    limit: int
    remaining: int
    reset: float
    aligned: bool


def rate(headers: Mapping[str, str], now: float) -> Rate | None:
    """The rate headers of an answer, or None when they are missing or make no sense."""
    try:
        limit, remaining, reset = (
            int(headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "reset")
        )
    except (KeyError, ValueError):
        return None
    aligned = reset % WINDOW_SECONDS == RESET_LAG
    return Rate(limit, remaining, reset - _skew(headers, now), aligned) if limit > 0 else None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait, from a `Retry-After` of either kind (RFC 9110 §10.2.3); None without a sensible one.
    Intercom sends none (§6), but a gateway before it may."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        return parsedate_to_datetime(said).timestamp() - _skew(headers, now) - now
    except (ValueError, TypeError, OverflowError):
        return None


def _skew(headers: Mapping[str, str], now: float) -> float:
    """How far Intercom's clock is ahead of ours; under two seconds is only the header's coarseness."""
    try:
        skew = parsedate_to_datetime(headers["date"]).timestamp() - now
    except (KeyError, ValueError, TypeError):
        return 0.0
    return skew if abs(skew) >= 2 else 0.0


class _Waiter(NamedTuple):
    loop: asyncio.AbstractEventLoop
    ready: asyncio.Future[None]


class Budget:
    """Calls in flight and calls left. Used from several threads, each with its own event loop."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.allowed = START
        self.in_flight = 0
        self._now = now
        self._lock = threading.Lock()
        self._rate: Rate | None = None
        self._waiters: deque[_Waiter] = deque()
        self._changed_at = now()
        self._cut_at = float("-inf")
        self._trust_alignment = True

    async def acquire(self) -> None:
        """Take one of the places in flight, waiting for it in turn."""
        with self._lock:
            if self.in_flight < self.allowed and not self._waiters:
                self.in_flight += 1
                return
            loop = asyncio.get_running_loop()
            waiter = _Waiter(loop, loop.create_future())
            self._waiters.append(waiter)
        await self._wait(waiter)

    async def _wait(self, waiter: _Waiter) -> None:
        try:
            await waiter.ready
        except asyncio.CancelledError:
            with self._lock:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
            if waiter.ready.done() and not waiter.ready.cancelled():
                self.release()
            raise

    def acquire_at_once(self) -> None:
        """A person is waiting: go beside the queue."""
        with self._lock:
            self.in_flight += 1

    def release(self) -> None:
        with self._lock:
            self.in_flight -= 1
            self._admit()

    def _admit(self) -> None:
        """Hand free places to waiters. The lock is held."""
        while self._waiters and self.in_flight < self.allowed:
            waiter = self._waiters.popleft()
            try:
                waiter.loop.call_soon_threadsafe(self._grant, waiter.ready)
            except RuntimeError:  # its event loop is gone, and it with it
                continue
            self.in_flight += 1

    def _grant(self, ready: asyncio.Future[None]) -> None:
        if ready.done():  # cancelled meanwhile
            self.release()
        else:
            ready.set_result(None)

    def opens_at(self) -> float | None:
        """The time until which background calls hold back, or None when they may go."""
        with self._lock:
            rate = self._rate
            if rate is None:
                return None
            opens = self._window_end(rate)
            # Further away than was ever believed: the clock was set back since.
            if not 0 < opens - self._now() <= LONGEST_WAIT:
                return None
            free = rate.remaining - self.in_flight > rate.limit * RESERVE
            return None if free else opens

    def _window_end(self, rate: Rate) -> float:
        return rate.reset - RESET_LAG if rate.aligned and self._trust_alignment else rate.reset

    def heard(self, rate: Rate | None, began: float) -> None:
        """Learn from an answer to a call that began then; answers may arrive out of order."""
        with self._lock:
            if rate is not None:
                self._learn(rate._replace(reset=min(rate.reset, self._now() + LONGEST_WAIT)), began)
            if self._now() - self._changed_at >= WINDOW_SECONDS:
                self.allowed = min(MOST, self.allowed + 1)
                self._changed_at = self._now()
                self._admit()

    def _learn(self, rate: Rate, began: float) -> None:
        known = self._rate
        if known is None or rate.reset > known.reset + 1:
            self._rate = rate
        elif rate.reset >= known.reset - 1:
            if began >= self._window_end(known):  # the window was not over yet: wait for the whole time
                self._trust_alignment = False
            self._rate = rate._replace(remaining=min(rate.remaining, known.remaining))

    def strained(self, began: float) -> None:
        """A 429 or a time-out: halve, once for all calls that were under way together."""
        with self._lock:
            if began < self._cut_at:
                return
            self.allowed = max(FEWEST, self.allowed // 2)
            self._cut_at = self._changed_at = self._now()


_budgets: WeakValueDictionary[tuple[str, str], Budget] = WeakValueDictionary()
_budgets_lock = threading.Lock()


def shared(host: str, token: str, now: Callable[[], float]) -> Budget:
    """The budget of this token at this host; all sessions of the process get the same one."""
    key = (host, hashlib.sha256(token.encode()).hexdigest())
    with _budgets_lock:
        budget = _budgets.get(key)
        if budget is None:
            budget = _budgets[key] = Budget(now)
        return budget
