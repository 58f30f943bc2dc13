"""The look-alike of Intercom inside the test's own process: the real integration, no network, no waiting."""

import asyncio
import hashlib
import hmac
import itertools
from typing import Any

import httpx2
import msgspec

from passalong.integrations import registry
from passalong.integrations.intercom import pace
from passalong.integrations.intercom.manifest import Intercom
from passalong.sandbox.intercom import notify
from passalong.sandbox.intercom.app import make_app
from passalong.sandbox.intercom.contact import Contact, domain_of
from passalong.sandbox.intercom.settings import Settings
from passalong.sandbox.intercom.state import ACTIVE, ARCHIVED, DELETED, Workspace
from passalong.sandbox.intercom.writes import absorb

NOW = 1_790_000_000
SECRET = "the-app's-client-secret"
_seeds = itertools.count(1)


class Heard:
    """Stands where the sandbox sends notifications from, and keeps them for the test to deliver."""

    def __init__(self) -> None:
        self.target = object()
        self.notes: list[tuple[str, Any]] = []

    def emit(self, topic: str, item: dict[str, Any]) -> None:
        self.notes.append((topic, item))


class NoWait:
    """A clock whose sleepers wake at once, later by as much as they wanted to sleep."""

    def __init__(self) -> None:
        self.at = float(NOW)

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += max(seconds, 0.0)
        await asyncio.sleep(0)

    def clock(self) -> pace.Clock:
        return pace.Clock(now=self.now, sleep=self.sleep, chance=lambda: 0.01)


class InsideSandbox:
    """One workspace of the look-alike. Its verbs are what teammates and time do to it."""

    def __init__(self, **settings: Any) -> None:
        self.space = Workspace(
            seed=next(_seeds), now=NOW, settings=Settings(timezone="America/Los_Angeles", **settings)
        )
        self.space.limit.limit = 1_000_000
        self.heard = Heard()
        self.space.webhooks = self.heard  # type: ignore[assignment]
        self.app = make_app(self.space)
        self.waits = NoWait()
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        self.integration = Intercom(
            lambda: "http://sandbox.example",
            clock=self.waits.clock(),
            client_secret=lambda: SECRET,
            transport=transport,
        )
        registry.register("intercom", self.integration)

    def token(self, name: str) -> str:
        """A token that may do everything."""
        from passalong.sandbox.intercom.auth import SCOPES

        self.space.tokens.add(name, SCOPES)
        return name

    def add(self, **fields: Any) -> str:
        """A new contact; its id."""
        self.tick()
        at = int(self.space.clock.now())
        contact = Contact(
            id=self.space.new_id(at),
            workspace_id=self.space.id_code,
            created_at=at,
            updated_at=at,
            email_domain=domain_of(fields.get("email")),
            **fields,
        )
        self.space.insert(contact)
        notify.notify(self.space, f"contact.{contact.role}.created", contact)
        return contact.id

    def patch(self, contact_id: str, **fields: Any) -> None:
        """As a teammate would."""
        self.tick()
        old = self.space.contacts[contact_id]
        new = self.space.replace(contact_id, {"updated_at": int(self.space.clock.now()), **fields})
        notify.notify_update(self.space, old, new)

    def move(self, contact_id: str, verb: str) -> None:
        """archive, unarchive, delete."""
        self.tick()
        status = {"archive": ARCHIVED, "unarchive": ACTIVE, "delete": DELETED}[verb]
        topic = {"archive": "archived", "unarchive": "unarchive", "delete": "deleted"}[verb]
        self.space.set_status(contact_id, status)
        notify.notify(self.space, f"contact.{topic}", self.space.contacts[contact_id])

    def merge(self, source: str, into: str) -> None:
        """The lead becomes part of the user."""
        self.tick()
        absorb(self.space, self.space.contacts[source], self.space.contacts[into])

    def tick(self, seconds: float = 1) -> None:
        """Nothing happens in the same second."""
        self.space.clock.advance(seconds)

    @property
    def puts(self) -> int:
        """Writes to contacts so far."""
        return sum(n for name, n in self.space.counters.calls.items() if name.startswith("PUT /contacts/"))

    def active(self) -> dict[str, Contact]:
        """The contacts that are neither archived, deleted nor merged."""
        found = self.space.contacts
        return {one: found[one] for one in found if self.space.status.get(one, ACTIVE) == ACTIVE}

    def deliveries(self) -> list[tuple[dict[str, str], bytes]]:
        """What was announced since the last look, signed, as headers and body."""
        notes, self.heard.notes = self.heard.notes, []
        return [self._delivery(topic, item) for topic, item in notes]

    def _delivery(self, topic: str, item: Any) -> tuple[dict[str, str], bytes]:
        uid = f"notif_{self.space.seed}_{next(_seeds)}"
        body = msgspec.json.encode(
            {
                "type": "notification_event",
                "app_id": self.space.id_code,
                "data": {"type": "notification_event_data", "item": item},
                "id": uid,
                "topic": topic,
            }
        )
        signature = "sha1=" + hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
        return {"X-Hub-Signature": signature}, body
