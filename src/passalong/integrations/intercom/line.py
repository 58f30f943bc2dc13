"""One HTTP exchange with Intercom: paced before, learned from after, and sorted into answer or trouble."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx2
import msgspec

from passalong.core import http
from passalong.integrations.intercom import errors, pace
from passalong.integrations.intercom.retry import Hold, Traffic

# Pinned: without it the app's own setting decides the shapes (§1). Dates are matched by day up to here.
VERSION = "2.16"
HOSTS = {
    "us": "https://api.intercom.io",
    "eu": "https://api.eu.intercom.io",
    "au": "https://api.au.intercom.io",
}
INTERACTIVE_READ_SECONDS = 10.0
_SENDABLE = re.compile(r"[\x21-\x7e]+")
_NO_TOKEN = 401
_TOO_MANY = 429
# Refusals are JSON, and those that take somebody or something away say why (§9). Others are a gateway's.
_JSON = frozenset([400, 409, 422])
_EXPLAINED = frozenset([403, 404, 410])


class Reply(NamedTuple):
    """An answer that means something: 2xx or a refusal. `link` is the header of that name."""

    status: int
    content: bytes
    link: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class LimitedError(Exception):
    """429. `wait` is in seconds; None when the headers do not tell, or tell of a moment that is over."""

    def __init__(self, wait: float | None) -> None:
        super().__init__()
        self.wait = wait


class BrokenError(Exception):
    """No answer, or one that makes no sense."""


class Line:
    """The way to one workspace with one token."""

    def __init__(
        self,
        token: str,
        base_url: str,
        traffic: Traffic,
        *,
        interactive: bool,
        clock: pace.Clock,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._token = token.strip()
        self._traffic, self._interactive, self._clock = traffic, interactive, clock
        self._http = self._opened(transport)
        self.move(base_url)

    def _opened(self, transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
        seconds = INTERACTIVE_READ_SECONDS if self._interactive else http.READ_SECONDS
        headers = {"Accept": "application/json", "Intercom-Version": VERSION, "User-Agent": "Passalong"}
        if self._sendable():
            headers["Authorization"] = f"Bearer {self._token}"
        return http.client("", headers, read_seconds=seconds, transport=transport)

    def _sendable(self) -> bool:
        """A token with blanks or letters beyond ASCII cannot stand in a header, nor be a real one."""
        return _SENDABLE.fullmatch(self._token) is not None

    def move(self, base_url: str) -> None:
        """Talk to this host from now on."""
        self._base_url = base_url.rstrip("/")
        self._budget = pace.shared(self._base_url, self._token, self._clock.now)

    async def close(self) -> None:
        await self._http.aclose()

    async def exchange(
        self, method: str, path: str, params: Mapping[str, str], body: Any, hold: Hold
    ) -> Reply:
        """Raises LimitedError and BrokenError; everything else is a Reply."""
        if not self._sendable():
            return Reply(_NO_TOKEN, b"")
        request = self._request(method, path, params, body)
        budget = self._budget
        await self._enter(budget, hold)
        began = self._clock.now()
        self._traffic.calls += 1
        try:
            return self._sorted(await http.send(self._http, request), budget, began)
        except http.UnreachableError as error:
            if error.timed_out:
                budget.strained(began)
            raise BrokenError(str(error)) from None
        finally:
            budget.release()

    def _request(self, method: str, path: str, params: Mapping[str, str], body: Any) -> httpx2.Request:
        url = self._base_url + path
        if body is None:
            return self._http.build_request(method, url, params=dict(params) or None)
        headers = {"Content-Type": "application/json"}
        return self._http.build_request(method, url, content=msgspec.json.encode(body), headers=headers)

    async def _enter(self, budget: pace.Budget, hold: Hold) -> None:
        """Background work waits for its turn and leaves the reserve alone; a person's call goes at once."""
        if self._interactive:
            budget.acquire_at_once()
            return
        await budget.acquire()
        while (opens := budget.opens_at()) is not None:
            budget.release()
            hold.until(opens, "rate_limited")
            # A little jitter, so that not every worker knocks in the same instant.
            wait = min(pace.LONGEST_WAIT, opens - self._clock.now())
            await self._clock.sleep(wait + self._clock.chance() / 2)
            hold.clear()
            await budget.acquire()

    def _sorted(self, response: httpx2.Response, budget: pace.Budget, began: float) -> Reply:
        now = self._clock.now()
        rate = pace.rate(response.headers, now)
        budget.heard(rate, began)
        if response.status_code == _TOO_MANY:
            budget.strained(began)
            wait = pace.retry_after(response.headers, now)
            if wait is None and rate is not None:
                wait = rate.reset - now
            raise LimitedError(wait if wait is not None and wait > 0 else None)
        if response.status_code in (408,) or response.status_code >= 500 or 300 <= response.status_code < 400:
            raise BrokenError(f"it answered with status {response.status_code}")
        if not _is_its_word(response.status_code, response.content):
            raise BrokenError(f"something before it answered with status {response.status_code}")
        return Reply(response.status_code, response.content, response.headers.get("link", ""))


def _is_its_word(status: int, content: bytes) -> bool:
    """Whether Intercom itself answered: a gateway's 404 taken for its word would be somebody deleted."""
    if status in _EXPLAINED:
        return errors.explained(content)
    return status not in _JSON or content.lstrip().startswith(b"{")
