"""A CRM in memory that keeps every promise of sync/port.py, or breaks the ones it is told to break."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from django.db import close_old_connections

from passalong.integrations import registry
from passalong.sync.errors import (
    ConfigError,
    CredentialsError,
    Fatal,
    Retriable,
    SkipContact,
    SyncError,
    Unclear,
)
from passalong.sync.records import (
    Account,
    Audience,
    Check,
    Contact,
    Field,
    FieldType,
    Notice,
    Page,
    Role,
    Scalar,
    Segment,
    Slice,
    Whereabouts,
)

PROVIDER = "nasty"
LINK, COUNT, SEEN = "custom_attributes.Link", "custom_attributes.Count", "custom_attributes.Seen"
CODE = "custom_attributes.Code"
FIELDS = [
    Field("email", "Email", "string"),
    Field("name", "Name", "string"),
    Field("phone", "Phone", "string"),
    Field("plan", "Plan", "string", custom=True),
    Field(LINK, "Link", "string", writable=True, custom=True),
    Field(CODE, "Code", "string", writable=True, custom=True),
    Field(COUNT, "Count", "integer", writable=True, custom=True),
    Field(SEEN, "Seen", "date", writable=True, custom=True),
]
_tokens = itertools.count(1)
_crms: dict[str, "Crm"] = {}

Method = Literal[
    "plan",
    "page",
    "write",
    "open",
    "whereabouts",
    "find",
    "create",
    "created",
    "tag",
    "event",
    "read",
    "having",
    "some",
]
Action = BaseException | Callable[[], object] | None


def rejected() -> ConfigError:
    return ConfigError("cursor_rejected", "The CRM no longer takes this cursor.", "Read from the beginning.")


def unavailable() -> Retriable:
    return Retriable("crm_unavailable", "The CRM does not answer.", "Run the sync again later.")


def unclear() -> Unclear:
    return Unclear("crm_unavailable", "The CRM does not answer.", "Try again.")


def revoked() -> CredentialsError:
    return CredentialsError("token_revoked", "The CRM refuses the token.", "Give the connection a new token.")


def nonsense() -> Fatal:
    return Fatal("crm_nonsense", "The CRM's answer makes no sense.", "Tell the CRM's support.")


def forbidden() -> ConfigError:
    return ConfigError("permission_missing", "The token lacks a permission.", "Turn it on.")


def segment_gone() -> ConfigError:
    return ConfigError("segment_not_found", "The segment is gone.", "Choose another segment.")


EVERY_ERROR: list[Callable[[], SyncError]] = [unavailable, revoked, nonsense, segment_gone]


@dataclass
class Person:
    """Somebody in the CRM, as the CRM has them now."""

    id: str
    email: Scalar = None
    name: Scalar = None
    role: Role = "user"
    seen: int | None = None
    updated: int | None = None
    unsubscribed: bool = False
    bounced: bool = False
    spam: bool = False
    values: dict[str, Scalar] = field(default_factory=dict)

    def contact(self, keys: Sequence[str]) -> Contact:
        every = {"email": self.email, "name": self.name, **self.values}
        return Contact(
            id=self.id,
            role=self.role,
            values={key: every.get(key) for key in keys},
            last_seen_at=self.seen,
            updated_at=self.updated,
            unsubscribed=self.unsubscribed,
            bounced=self.bounced,
            spam=self.spam,
        )


@dataclass
class Part:
    """A slice: who is on which page. An id may stand twice, or in two slices."""

    pages: list[list[str]]
    purpose: Literal["include", "exclude"] = "include"

    @property
    def total(self) -> int:
        return len({one for page in self.pages for one in page})


class Crm:
    """The people, how they are handed out, and what goes wrong. `writes` holds every write that arrived."""

    def __init__(self, *people: Person, page_size: int = 3) -> None:
        self.token = f"the-secret-token-of-crm-{next(_tokens)}"
        self.people = {person.id: person for person in people}
        self.page_size = page_size
        self.parts: list[Part] | None = None
        self.missing_fields: set[str] = set()
        self.gone: set[str] = set()
        # Who was merged into whom; "" where the CRM does not say.
        self.merged: dict[str, str] = {}
        # Members whom reading does not meet, as when an index lags.
        self.hidden: set[str] = set()
        self.stores: Callable[[Scalar], Scalar] = lambda value: value
        # Whether changes can be asked for, as of everybody but not of segments.
        self.tells_changes = False
        # How many pages of changes come without the way to the next.
        self.cuts = 0
        self.total_off_by = 0
        # For good, or for this many pages.
        self.loops: bool | int = False
        # One page at a time: the next is given out once `applied` has grown by the pages given out so far.
        self.paced = False
        self.applied: Callable[[], int] = int
        self.lost: dict[str, int] = {}
        self.actions: dict[tuple[Method, int], Action] = {}
        self.hangs: set[tuple[Method, int]] = set()
        self.calls: Counter[str] = Counter()
        # How long the last session opened was willing to wait.
        self.patience: float | None = None
        self.walks: Counter[str | None] = Counter()
        self.writes: list[tuple[str, dict[str, Scalar]]] = []
        # New people whom a search by email does not show yet, and whether there are any.
        self.lags = False
        self.unseen: set[str] = set()
        self.archived: set[str] = set()
        # What the index still says of these, if it lags.
        self.stale: dict[str, Person] = {}
        self.tags: list[tuple[str, str]] = []
        self.events: dict[tuple[str, str, int], dict[str, str]] = {}
        self.now: Callable[[], float] = time.time
        _crms[self.token] = self

    def at(self, method: Method, nth: int, action: Action, *, hang: bool = False) -> None:
        """At the nth call: raise this, or do this first; None, and `hang`, never answer."""
        self.actions[method, nth] = action
        if hang:
            self.hangs.add((method, nth))

    async def called(self, method: Method) -> None:
        self.calls[method] += 1
        key = (method, self.calls[method])
        if key not in self.actions:
            return
        action = self.actions[key]
        if isinstance(action, BaseException):
            raise action
        if action is not None:
            await asyncio.to_thread(_with_database, action)
        if action is None or key in self.hangs:
            await asyncio.Event().wait()

    def layout(self) -> list[Part]:
        """As told, or everybody in one slice by id."""
        if self.parts is not None:
            return self.parts
        ids = sorted(self.people)
        return [Part([ids[at : at + self.page_size] for at in range(0, len(ids), self.page_size)])]

    def shown(self, contact_id: str) -> Person:
        """Somebody as an index that lags shows them."""
        return self.stale.get(contact_id, self.people[contact_id])

    def with_email(self, email: str) -> list[Person]:
        """Everybody with this email, archived ones, too."""
        return [one for one in self.people.values() if str(one.email or "").strip().lower() == email]

    def values(self, key: str) -> dict[str, Scalar]:
        """What everybody says in one field now."""
        return {one.id: one.values.get(key) for one in self.people.values()}


def _with_database(action: Callable[[], object]) -> None:
    try:
        action()
    finally:
        close_old_connections()


class NastySession:
    """One open connection to a Crm."""

    def __init__(self, crm: Crm) -> None:
        self.crm = crm
        self.calls = 0
        self.given = 0
        self.applied_before: int | None = None
        self.waiting_until: float | None = None
        self.waiting_code: str | None = None

    async def check(self) -> tuple[Account | None, list[Check]]:
        self.calls += 1
        return Account(self.crm.token[-8:], "Nasty Inc", "us", "UTC"), [Check("Read contacts", True, "")]

    async def segments(self) -> list[Segment]:
        self.calls += 1
        return []

    async def sizes(self) -> dict[Role, int]:
        self.calls += 2
        return {"lead": 0, "user": len(self.crm.people)}

    async def fields(self) -> list[Field]:
        self.calls += 1
        return FIELDS

    async def create_field(self, label: str, type: FieldType) -> tuple[Field, bool]:  # noqa: A002
        self.calls += 1
        return Field(f"custom_attributes.{label}", label, type, writable=True, custom=True), True

    async def newest(self, audience: Audience) -> int | None:  # noqa: ARG002
        self.calls += 1
        moments = [one.updated for one in self.crm.people.values() if one.updated is not None]
        return max(moments, default=None) if self.crm.tells_changes else None

    async def plan_hinted(self, audience: Audience, ids: Sequence[str]) -> list[Slice]:
        self.calls += 1
        await self.crm.called("plan")
        named = Slice("include", len(ids), ids=list(ids), about=audience)
        purposes = [part.purpose for part in self.crm.layout()]
        left_out = [msgspec.structs.replace(named, purpose="exclude", total=0)]
        return [*(left_out if "exclude" in purposes else []), named]

    async def plan(
        self,
        audience: Audience,  # noqa: ARG002 - the layout decides
        only: Sequence[str] | None = None,
        since: int | None = None,
    ) -> list[Slice]:
        self.calls += 1
        await self.crm.called("plan")
        if since is not None and self.crm.tells_changes:
            return [Slice("include", 0, changed_since=since)]
        return [
            Slice(
                purpose=part.purpose,
                total=part.total + self.crm.total_off_by,
                segment_id=str(position),
                ids=list(only or []) if part.purpose == "include" else [],
            )
            for position, part in enumerate(self.crm.layout())
        ]

    async def page(self, part: Slice, cursor: str | None, keys: Sequence[str]) -> Page:
        self.calls += 1
        if cursor is None:
            self.crm.walks[part.segment_id] += 1
        await self.crm.called("page")
        if self.crm.paced:
            await asyncio.to_thread(_with_database, self._until_applied)
        if part.about is not None:
            return self._chosen(part, keys)
        if part.changed_since is not None:
            return self._changed(part.changed_since, int(cursor or 0), keys)
        chosen = self.crm.layout()[int(part.segment_id or 0)]
        index = int(cursor or 0)
        following = index + 1 if index + 1 < len(chosen.pages) else None
        if self.crm.loops and index > 0:
            following = 1
            self.crm.loops = self.crm.loops is True or self.crm.loops - 1
        named = {one for page in chosen.pages for one in page if _wanted(part, one)}
        return Page(
            contacts=[self.crm.people[one].contact(keys) for one in self._shown(part, chosen, index)],
            next_cursor=None if following is None else str(following),
            total=len(named) + self.crm.total_off_by,
        )

    def _inside(self, purpose: Literal["include", "exclude"]) -> set[str]:
        placed = {one.purpose: {who for page in one.pages for who in page} for one in self.crm.layout()}
        return placed.get(purpose, set()) - self.crm.gone - set(self.crm.merged)

    def _chosen(self, part: Slice, keys: Sequence[str]) -> Page:
        """On one page: those asked for by id who are in the audience."""
        inside = self._inside(part.purpose) | (self.crm.hidden if part.purpose == "include" else set())
        found = [one for one in part.ids if one in inside and one in self.crm.people]
        return Page([self.crm.people[one].contact(keys) for one in found], None, len(found))

    def _changed(self, since: int, start: int, keys: Sequence[str]) -> Page:
        """Who changed, the last first. On the last page the count is 0 where somebody is too old."""
        people = [self.crm.people[one] for one in sorted(self._inside("include") - self.crm.hidden)]
        found = [one for one in people if one.updated is None or one.updated >= since]
        found.sort(key=lambda one: -(one.updated or 0))
        end = start + self.crm.page_size
        contacts = [one.contact(keys) for one in found[start:end]]
        if end < len(found):
            self.crm.cuts -= 1
            return Page(contacts, str(end) if self.crm.cuts < 0 else None, len(found))
        return Page(contacts, None, 0 if len(found) < len(people) else len(found))

    def _until_applied(self) -> None:
        """Look at most a hundred times: after a death, what was given out is never applied."""
        if self.applied_before is None:
            self.applied_before = self.crm.applied()
        for _ in range(100):
            if self.crm.applied() - self.applied_before >= self.given:
                break
        self.given += 1

    def _shown(self, part: Slice, chosen: Part, index: int) -> list[str]:
        walk = self.crm.walks[part.segment_id]
        page = chosen.pages[index] if chosen.pages else []
        return [one for one in page if self.crm.lost.get(one, 0) < walk and _wanted(part, one)]

    async def samples(
        self,
        audience: Audience,  # noqa: ARG002
        text: str,
        keys: Sequence[str],
        limit: int,
    ) -> list[Contact]:
        self.calls += 1
        people = [one for one in self.crm.people.values() if text in (one.email, "") or text in str(one.name)]
        return [one.contact(keys) for one in people[:limit]]

    async def whereabouts(self, contact_id: str, audience: Audience) -> Whereabouts:  # noqa: ARG002
        self.calls += 1
        await self.crm.called("whereabouts")
        if contact_id in self.crm.merged:
            return Whereabouts("merged", self.crm.merged[contact_id] or None)
        if contact_id in self.crm.gone or contact_id not in self.crm.people:
            return Whereabouts("gone")
        placed = {part.purpose: {one for page in part.pages for one in page} for part in self.crm.layout()}
        inside = contact_id in placed.get("include", set()) | self.crm.hidden
        member = inside and contact_id not in placed.get("exclude", set())
        return Whereabouts("member" if member else "left")

    async def write(self, contact_id: str, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
        self.calls += 1
        await self.crm.called("write")
        for key in values:
            if key in self.crm.missing_fields:
                raise SkipContact("field_missing", f"The CRM has no field {key}.", "Create it again.", key)
        if contact_id in self.crm.gone:
            raise SkipContact("contact_gone", "The contact is gone.", "Nothing to do.")
        self.crm.writes.append((contact_id, dict(values)))
        kept = {key: self.crm.stores(value) for key, value in values.items()}
        self.crm.people[contact_id].values.update(kept)
        return kept

    async def find_contacts(self, email: str) -> list[Contact]:
        self.calls += 1
        await self.crm.called("find")
        hidden = self.crm.unseen | self.crm.archived | self.crm.gone
        met = [one for one in self.crm.with_email(email) if one.id not in hidden]
        return [one.contact(["email", "created_at"]) for one in met]

    async def create_contact(self, role: Role, email: str, values: Mapping[str, Scalar]) -> tuple[str, bool]:
        self.calls += 1
        await self.crm.called("create")
        for key in values:
            if key in self.crm.missing_fields:
                raise SkipContact("field_missing", f"The CRM has no field {key}.", "Create it again.", key)
        same = [one for one in self.crm.with_email(email) if one.role == "user"]
        if role == "user" and same:
            if same[0].id in self.crm.archived:
                raise SkipContact("contact_archived", "An archived contact has it.", "Unarchive it.")
            return same[0].id, False
        made = Person(f"new{len(self.crm.people)}", email, role=role, values=dict(values))
        made.values["created_at"] = int(self.crm.now())
        self.crm.people[made.id] = made
        if self.crm.lags:
            self.crm.unseen.add(made.id)
        await self.crm.called("created")
        return made.id, True

    async def read(self, contact_id: str, keys: Sequence[str]) -> Contact | None:
        self.calls += 1
        await self.crm.called("read")
        gone = contact_id in self.crm.gone | self.crm.archived | set(self.crm.merged)
        found = None if gone else self.crm.people.get(contact_id)
        return found.contact(keys) if found else None

    async def some(self, contact_ids: Sequence[str], keys: Sequence[str]) -> list[Contact]:
        self.calls += 1
        await self.crm.called("some")
        return [self.crm.shown(one).contact(keys) for one in contact_ids if one in self.crm.people]

    async def having(self, key: str, value: Scalar, cursor: str | None, keys: Sequence[str]) -> Page:
        self.calls += 1
        await self.crm.called("having")
        shown = [self.crm.shown(one) for one in self.crm.people]
        met = [one for one in shown if one.contact([key]).values[key] == value]
        met.sort(key=lambda one: (-(one.updated or 0), one.id))
        start, end = int(cursor or 0), int(cursor or 0) + self.crm.page_size
        page = [one.contact(keys) for one in met[start:end]]
        return Page(page, str(end) if end < len(met) else None, len(met))

    async def tag(self, contact_id: str, name: str) -> None:
        self.calls += 1
        await self.crm.called("tag")
        if (contact_id, name) not in self.crm.tags:
            self.crm.tags.append((contact_id, name))

    async def event(self, contact_id: str, name: str, at: int, details: Mapping[str, str]) -> None:
        self.calls += 1
        await self.crm.called("event")
        self.crm.events[contact_id, name, at] = dict(details)


def _wanted(part: Slice, contact_id: str) -> bool:
    return not part.ids or contact_id in part.ids


class NastyIntegration:
    """Opens the Crm whose token it is given."""

    provider = PROVIDER
    title = "Nasty"
    topics: Sequence[str] = ("person.changed",)

    def has_secret(self) -> bool:
        return True

    def proves(self, headers: Mapping[str, str], body: bytes, secret: str | None) -> bool:  # noqa: ARG002
        return headers.get("X-Signed-With") == (secret or "the installation's")

    def notice(self, body: bytes) -> Notice:
        return msgspec.json.decode(body, type=Notice)

    def contact_url(self, account_id: str, region: str, contact_id: str) -> str | None:  # noqa: ARG002
        return f"https://nasty.example/{contact_id}"

    @asynccontextmanager
    async def open(
        self,
        credentials: Mapping[str, Any],
        *,
        interactive: bool,  # noqa: ARG002 - the CRM in memory treats all callers alike
        timezone: str | None = None,  # noqa: ARG002
        patience: float | None = None,
    ) -> AsyncIterator[NastySession]:
        crm = _crms[credentials["access_token"]]
        crm.patience = patience
        await crm.called("open")
        yield NastySession(crm)


registry.register(PROVIDER, NastyIntegration())
