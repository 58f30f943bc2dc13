"""Everything the workspace holds, in memory, and the few ways it may change."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from passalong.sandbox.intercom import errors
from passalong.sandbox.intercom.attributes import Attributes
from passalong.sandbox.intercom.auth import Tokens
from passalong.sandbox.intercom.clock import Clock
from passalong.sandbox.intercom.contact import Contact, Version, domain_of
from passalong.sandbox.intercom.faults import Faults
from passalong.sandbox.intercom.index import Index, Leaf
from passalong.sandbox.intercom.limits import RateLimit
from passalong.sandbox.intercom.paging import Issued
from passalong.sandbox.intercom.query import Compiler
from passalong.sandbox.intercom.segments import Segments
from passalong.sandbox.intercom.settings import Settings
from passalong.sandbox.intercom.webhooks import Webhooks

ADMINS = ("991267459", "991267460")
ACTIVE, ARCHIVED, BLOCKED, DELETED, MERGED = "active", "archived", "blocked", "deleted", "merged"


class Merge(NamedTuple):
    source_id: str
    source_role: str
    merged_at: int


@dataclass
class Counters:
    """Calls since the last reset, for assertions on what a client costs."""

    calls: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    statuses: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    in_flight: int = 0
    most_in_flight: int = 0

    def reset(self) -> None:
        self.calls.clear()
        self.statuses.clear()
        self.most_in_flight = self.in_flight


class Workspace:
    """The state behind the API. Contacts are replaced, never edited: see `Contact`."""

    def __init__(self, *, seed: int = 1, now: int | None = None, settings: Settings | None = None) -> None:
        self.seed = seed
        self.id_code = f"sandbox{seed}"
        self.name = "Sandbox Ltd"
        self.region = "US"
        self.settings = settings or Settings()
        self.clock = Clock.starting(now)
        self.index = Index(self.clock)
        self.index.lag = self.settings.lag
        self.contacts: dict[str, Contact] = {}
        self.status: dict[str, str] = {}  # only where it is not active
        self.merged_into: dict[str, str] = {}
        self.merges: dict[str, list[Merge]] = {}
        self.by_external: dict[str, str] = {}
        self.by_email: dict[str, list[str]] = {}
        self.tags: dict[str, str] = {}
        self.tags_of: dict[str, dict[str, int]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.attributes = Attributes()
        self.segments = Segments(self.index, self.clock, seed)
        self.tokens = Tokens()
        self.limit = RateLimit(self.settings.rate_limit)
        self.faults = Faults()
        self.counters = Counters()
        self.issued = Issued()
        self.webhooks = Webhooks(self.id_code, self.clock)
        self._made = 0
        self._tags_made = 0

    # contacts

    def new_id(self, at: int) -> str:
        """24 hex digits of which the first eight are the second of creation (§3.1)."""
        self._made += 1
        tail = hashlib.sha256(f"{self.seed}:id:{self._made}".encode()).hexdigest()[:16]
        return f"{at:08x}{tail}"

    def new_uuid(self) -> str:
        self._made += 1
        h = hashlib.sha256(f"{self.seed}:uuid:{self._made}".encode()).hexdigest()
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-8{h[17:20]}-{h[20:32]}"

    def insert(self, contact: Contact, status: str = ACTIVE) -> None:
        """A new contact, by the generator or by a call."""
        self.contacts[contact.id] = contact
        if contact.external_id:
            self.by_external[contact.external_id] = contact.id
        self._note_email(None, contact)
        if status == ACTIVE:
            self.index.put(contact.id, contact, frozenset())
        else:
            self.status[contact.id] = status

    def replace(self, contact_id: str, changes: dict[str, Any]) -> Contact:
        """Apply changes of fields; `custom_attributes` are merged key by key (§3.5)."""
        old = self.contacts[contact_id]
        touched = set(changes)
        if "custom_attributes" in changes:
            touched |= {f"custom_attributes.{name}" for name in changes["custom_attributes"]}
            changes = {
                **changes,
                "custom_attributes": {**old.custom_attributes, **changes["custom_attributes"]},
            }
        if "email" in changes:
            changes = {**changes, "email_domain": domain_of(changes["email"])}
            touched.add("email_domain")
        new = msgspec.structs.replace(old, **changes)
        self.contacts[contact_id] = new
        if new.external_id != old.external_id:
            self.by_external.pop(old.external_id or "", None)
            if new.external_id:
                self.by_external[new.external_id] = contact_id
        if new.email != old.email:
            self._note_email(old, new)
        if contact_id not in self.status:
            self.index.put(contact_id, new, frozenset(touched))
        return new

    def set_status(self, contact_id: str, status: str) -> None:
        if status == ACTIVE:
            self.status.pop(contact_id, None)
            self.index.put(contact_id, self.contacts[contact_id], frozenset())
        else:
            self.status[contact_id] = status
            self.index.put(contact_id, None, frozenset())

    def find(self, contact_id: str, version: Version) -> Contact:
        """The contact, or 404, or from 2.16 on 410 for one that was merged away (§3.5)."""
        contact = self.contacts.get(contact_id)
        status = self.status.get(contact_id, ACTIVE)
        if contact is None or (status == MERGED and version < (2, 16)):
            raise errors.user_not_found()
        if status == MERGED:
            raise errors.merged(self.canonical(contact_id))
        if status != ACTIVE:
            raise errors.user_not_found()
        return contact

    def canonical(self, contact_id: str) -> str:
        """Where a merged contact lives on, followed over at most three hops (§3.5)."""
        for _ in range(3):
            if contact_id not in self.merged_into:
                break
            contact_id = self.merged_into[contact_id]
        return contact_id

    def with_email(self, email: str) -> list[Contact]:
        return [self.contacts[i] for i in self.by_email.get(email.strip().lower(), [])]

    def _note_email(self, old: Contact | None, new: Contact) -> None:
        if old is not None and old.email:
            self.by_email[old.email.strip().lower()].remove(old.id)
        if new.email:
            self.by_email.setdefault(new.email.strip().lower(), []).append(new.id)

    # tags

    def add_tag(self, name: str) -> str:
        self._tags_made += 1
        tag_id = str(1000 + self._tags_made)
        self.tags[tag_id] = name
        return tag_id

    def touch_tag(self, tag_id: str) -> None:
        self.index.touch(frozenset({"tag_id", f"tag_id:{tag_id}"}))

    # search

    def compiler(self, version: Version) -> Compiler:
        return Compiler(
            attributes=self.attributes,
            zone=ZoneInfo(self.settings.timezone),
            version=version,
            segment=self._segment_leaf,
            tagged=self._tag_leaf,
        )

    def _segment_leaf(self, segment_id: str) -> Leaf:
        found = self.segments.leaf(segment_id)
        if found is not None:
            return found
        if self.settings.unknown_segment == "error":
            raise errors.invalid(f"Segment '{segment_id}' does not exist")
        return Leaf(("segment_id", None), "segment_id", (), lambda: lambda _: False)

    def _tag_leaf(self, tag_id: str, has: bool) -> Leaf:
        tags_of = self.tags_of
        return Leaf(
            ("tag_id", tag_id, has),
            "tag_id",
            (f"tag_id:{tag_id}",),
            lambda: lambda contact: (tag_id in tags_of.get(contact.id, ())) is has,
        )

    # comparing two runs

    def write_visible(self, contact: Contact) -> dict[str, Any]:
        """What writes can change in a contact, without the time of the last one."""
        body: dict[str, Any] = msgspec.to_builtins(contact)
        del body["updated_at"]
        return {
            **body,
            "custom_attributes": dict(sorted(contact.custom_attributes.items())),
            "tags": sorted(self.tags_of.get(contact.id, ())),
            "status": self.status.get(contact.id, ACTIVE),
            "merged_into": self.merged_into.get(contact.id),
        }

    def digest(self) -> tuple[str, str]:
        """Hashes of all contacts and of all custom attributes, independent of the order of writes."""
        contacts = hashlib.sha256()
        for contact_id in sorted(self.contacts):
            contacts.update(msgspec.json.encode(self.write_visible(self.contacts[contact_id])))
        attributes = hashlib.sha256()
        for one in sorted(self.attributes.by_id.values(), key=lambda a: a.name):
            attributes.update(
                msgspec.json.encode([one.name, one.model, one.data_type, one.options, one.archived])
            )
        return contacts.hexdigest(), attributes.hexdigest()
