"""Notifications as the real service sends them: signed, at most twice, in no promised order (§7)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import heapq
import hmac
import itertools
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec

from passalong.sandbox.intercom.clock import Clock

USER_AGENT = "intercom-parrot-service-client/1.0"
_LOG = 10_000
_POLL = 0.05  # seconds: how soon a retry that fell due by advancing the clock is noticed
_GATHER = 0.05  # seconds: how long reordering waits for a second notification


class Target(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where to and how. Only this machine: a look-alike must not knock on anybody's door."""

    url: str
    secret: str = "sandbox-client-secret"  # noqa: S105 - public by design, as is the token
    topics: list[str] | None = None
    duplicates: bool = False
    reorder: bool = False
    timeout: float = 5.0
    retry_after: float = 60.0

    def __post_init__(self) -> None:
        if urlsplit(self.url).hostname not in ("127.0.0.1", "localhost"):
            msg = "webhooks are only sent to 127.0.0.1"
            raise ValueError(msg)


class Notification(msgspec.Struct, kw_only=True):
    type: str = "notification_event"
    app_id: str
    data: dict[str, Any]
    links: dict[str, Any] = {}
    id: str
    topic: str
    delivery_status: str = "pending"
    delivery_attempts: int = 1
    delivered_at: int = 0
    first_sent_at: int
    created_at: int
    self_: None = msgspec.field(default=None, name="self")


class Delivery(msgspec.Struct):
    """One line of the log: what the endpoint answered, or None for no answer."""

    id: str
    topic: str
    attempt: int
    status: int | None


def iso(second: int) -> str:
    """Webhook items carry text where REST carries seconds (§7)."""
    return datetime.fromtimestamp(second, UTC).isoformat(timespec="milliseconds")


def with_iso_times(item: dict[str, Any]) -> dict[str, Any]:
    return {k: iso(v) if k.endswith("_at") and isinstance(v, int) else v for k, v in item.items()}


def sign(secret: str, body: bytes) -> str:
    """SHA-1 as the vendor does it (§7)."""
    return "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


class Webhooks:
    def __init__(self, app_id: str, clock: Clock) -> None:
        self.target: Target | None = None
        self.disabled = False
        self.log: list[Delivery] = []
        self._app_id, self._clock = app_id, clock
        self._due: list[tuple[float, int, Notification]] = []
        self._order = itertools.count()
        self._made = 0
        self._sending = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        return len(self._due) + self._sending

    def aim(self, target: Target | None) -> None:
        self.target, self.disabled = target, False
        self._due.clear()

    def emit(self, topic: str, item: dict[str, Any]) -> None:
        """Queue one notification, if anybody listens."""
        target = self.target
        if target is None or self.disabled or (target.topics is not None and topic not in target.topics):
            return
        self._made += 1
        now = int(self._clock.now())
        digest = hashlib.sha256(f"{self._app_id}:{self._made}".encode()).hexdigest()
        note = Notification(
            app_id=self._app_id,
            data={"type": "notification_event_data", "item": item},
            id=f"notif_{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}",
            topic=topic,
            first_sent_at=now,
            created_at=now,
        )
        for _ in range(2 if target.duplicates else 1):
            self._push(self._clock.now(), msgspec.structs.replace(note))

    def _push(self, due: float, note: Notification) -> None:
        heapq.heappush(self._due, (due, next(self._order), note))
        if self._task is None or self._task.done():
            with contextlib.suppress(RuntimeError):  # no loop in unit tests: they look at the queue
                self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        async with httpx2.AsyncClient(trust_env=False) as client:
            while self._due and self.target is not None and not self.disabled:
                if self._due[0][0] > self._clock.now():
                    await asyncio.sleep(_POLL)
                    continue
                target, batch = self.target, await self._batch(self.target)
                for left, note in zip(range(len(batch), 0, -1), batch, strict=True):
                    self._sending = left
                    await self._deliver(client, target, note)
                self._sending = 0

    async def _batch(self, target: Target) -> list[Notification]:
        """One notification, or with reordering all that are due, the newest first."""
        if not target.reorder:
            return [heapq.heappop(self._due)[2]]
        await asyncio.sleep(_GATHER)
        batch = []
        while self._due and self._due[0][0] <= self._clock.now():
            batch.append(heapq.heappop(self._due)[2])
        return batch[::-1]

    async def _deliver(self, client: httpx2.AsyncClient, target: Target, note: Notification) -> None:
        if self.disabled or self.target is not target:
            return
        note.delivered_at = int(self._clock.now())
        body = msgspec.json.encode(note)
        headers = {
            "content-type": "application/json",
            "user-agent": USER_AGENT,
            "x-hub-signature": sign(target.secret, body),
        }
        try:
            answer = await client.post(target.url, content=body, headers=headers, timeout=target.timeout)
            status: int | None = answer.status_code
        except httpx2.HTTPError:
            status = None
        self.log.append(Delivery(note.id, note.topic, note.delivery_attempts, status))
        del self.log[:-_LOG]
        self._conclude(target, note, status)

    def _conclude(self, target: Target, note: Notification, status: int | None) -> None:
        if status == 410:  # "gone" ends the subscription (§7)
            self.disabled = True
            self._due.clear()
        elif (status is None or not 200 <= status < 300) and note.delivery_attempts == 1:
            note.delivery_attempts, note.delivery_status = 2, "retry"
            self._push(self._clock.now() + target.retry_after, note)

    async def drain(self, patience: float = 5.0) -> bool:
        """Wait until nothing is due any more; retries that lie in the future are left alone."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not self._sending and not (self._due and self._due[0][0] <= self._clock.now()):
                return True
            await asyncio.sleep(0.01)
        return False
