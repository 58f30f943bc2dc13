"""A clock that only moves when somebody sleeps, and an Intercom that answers from a list."""

import json
from collections.abc import Callable
from typing import Any

import httpx2

from passalong.integrations.intercom.pace import Clock
from passalong.integrations.intercom.session import IntercomSession, Settings

TOKEN = "dG9rOnNlY3JldA=="
START = 1_790_000_003.0


class FakeTime:
    def __init__(self) -> None:
        self.moment = START
        self.naps: list[float] = []
        self.watch: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.watch()
        self.naps.append(round(seconds, 3))
        self.moment += seconds

    def clock(self, chance: float = 0.0) -> Clock:
        return Clock(self.now, self.sleep, lambda: chance)


Answer = httpx2.Response | Exception


def answer(body: Any = None, status: int = 200, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx2.Response(
        status, content=content, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def refused(status: int, code: str, message: str = "") -> httpx2.Response:
    body = {"type": "error.list", "request_id": "002h", "errors": [{"code": code, "message": message}]}
    return answer(body, status)


def limited(time: FakeTime, seconds: float) -> httpx2.Response:
    reset = str(int(time.now() + seconds))
    return answer(
        {"type": "error.list", "errors": [{"code": "rate_limit_exceeded"}]},
        429,
        x_ratelimit_limit="167",
        x_ratelimit_remaining="0",
        x_ratelimit_reset=reset,
    )


def page(contacts: list[dict[str, Any]], total: int | None = None, following: Any = None) -> httpx2.Response:
    pages = {"type": "pages", "page": 1, "per_page": 150, "total_pages": 1}
    if following is not None:
        pages["next"] = following
    total = len(contacts) if total is None else total
    return answer({"type": "list", "data": contacts, "total_count": total, "pages": pages})


class FakeIntercom:
    """Answers the calls of a path with its list in turn; the last one stays."""

    def __init__(self, **routes: list[Answer]) -> None:
        self.routes: dict[str, list[Answer]] = dict(routes)
        self.asked: list[httpx2.Request] = []

    def on(self, route: str, *answers: Answer) -> "FakeIntercom":
        self.routes[route] = list(answers)
        return self

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        for route in (
            f"{request.method} {request.url.host}{request.url.path}",
            f"{request.method} {request.url.path}",
        ):
            if route in self.routes:
                return _next(self.routes[route])
        raise AssertionError(f"nobody expected {request.method} {request.url}")

    def calls(self) -> list[str]:
        return [f"{r.method} {r.url.path}" for r in self.asked]

    def bodies(self) -> list[Any]:
        return [json.loads(r.content) for r in self.asked if r.content]


def _next(answers: list[Answer]) -> httpx2.Response:
    chosen = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(chosen, Exception):
        raise chosen
    # A response can be read only once.
    return httpx2.Response(chosen.status_code, content=chosen.content, headers=chosen.headers)


def session(
    intercom: Callable[[httpx2.Request], httpx2.Response],
    time: FakeTime,
    *,
    token: str = TOKEN,
    region: str | None = "us",
    interactive: bool = False,
    patience: float | None = None,
    timezone: str | None = "UTC",
    chance: float = 0.0,
) -> IntercomSession:
    asked = Settings(token, region, None, interactive=interactive, timezone=timezone, patience=patience)
    return IntercomSession(asked, time.clock(chance), httpx2.MockTransport(intercom))
