"""Contacts out of JSON, quickly: fields that nobody asked for are skipped and never built."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from passalong.integrations.intercom import wire
from passalong.sync.records import Contact, Page, Scalar

# Every built-in field that a contact of the API carries, by the key that /data_attributes gives it (§3.1).
BUILT_IN = frozenset(
    [
        "id",
        "external_id",
        "workspace_id",
        "role",
        "email",
        "email_domain",
        "phone",
        "name",
        "owner_id",
        "avatar",
        "has_hard_bounced",
        "marked_email_as_spam",
        "unsubscribed_from_emails",
        "created_at",
        "updated_at",
        "signed_up_at",
        "last_seen_at",
        "last_replied_at",
        "last_contacted_at",
        "last_email_opened_at",
        "last_email_clicked_at",
        "language_override",
        "browser",
        "browser_version",
        "browser_language",
        "os",
        "referrer",
        "sms_consent",
        "unsubscribed_from_sms",
    ]
    + [f"location.{name}" for name in ("country", "region", "city", "country_code", "continent_code")]
    + [f"utm_{name}" for name in ("campaign", "content", "medium", "source", "term")]
    + [
        f"{system}_{name}"
        for system in ("android", "ios")
        for name in ("app_name", "app_version", "device", "os_version", "sdk_version", "last_seen_at")
    ]
)

_UNFIT = re.compile(r'[\\"\x00-\x1f]')


class _Place(msgspec.Struct, gc=False):
    country: Any = None
    region: Any = None
    city: Any = None
    country_code: Any = None
    continent_code: Any = None


class _Person(msgspec.Struct, gc=False):
    """What is read of every contact, whatever fields are wanted."""

    id: str | int
    role: Any = None
    updated_at: Any = None
    last_seen_at: Any = None
    unsubscribed_from_emails: Any = None
    has_hard_bounced: Any = None
    marked_email_as_spam: Any = None


Getter = Callable[[Any], Scalar]


def _getter(key: str, attribute: str) -> Getter:
    if key.startswith(wire.CUSTOM):
        name = key.removeprefix(wire.CUSTOM)

        def custom(person: Any) -> Scalar:
            own = person.custom_attributes
            if isinstance(own, dict):
                return wire.scalar(own.get(name))
            return wire.scalar(getattr(own, attribute)) if isinstance(own, msgspec.Struct) else None

        return custom
    if key.startswith("location."):

        def place(person: Any) -> Scalar:
            return (
                wire.scalar(getattr(person.location, attribute))
                if isinstance(person.location, _Place)
                else None
            )

        return place
    clean: Getter = wire.seconds if key.endswith("_at") else wire.scalar
    return lambda person: clean(getattr(person, attribute))


class Reader:
    """Builds contacts from JSON for one set of keys. `fields` that were not asked for are skipped unbuilt."""

    def __init__(self, keys: Sequence[str]) -> None:
        keys = list(dict.fromkeys(keys))
        custom = [key for key in keys if key.startswith(wire.CUSTOM)]
        attribute = {key: f"c{number}" for number, key in enumerate(custom)}
        known = [key for key in keys if key in BUILT_IN]
        self._getters = [
            (key, _getter(key, attribute.get(key, key.rpartition(".")[2]))) for key in custom + known
        ]
        self._absent = dict.fromkeys(keys)
        self.person = _person(known, attribute)
        self._page = _page(self.person)

    def contact(self, person: Any) -> Contact:
        values: dict[str, Scalar] = self._absent.copy()
        for key, get in self._getters:
            values[key] = get(person)
        return Contact(
            str(person.id),
            "user" if person.role == "user" else "lead",
            values,
            wire.seconds(person.last_seen_at),
            wire.seconds(person.updated_at),
            person.unsubscribed_from_emails is True,
            person.has_hard_bounced is True,
            person.marked_email_as_spam is True,
        )

    def one(self, content: bytes) -> Contact:
        return self.contact(wire.decode(content, self.person))

    def page(self, content: bytes) -> Page:
        body = wire.decode(content, self._page)
        contacts = [self.contact(person) for person in body.data or ()]
        return Page(contacts, wire.next_cursor(body.pages), wire.whole(body.total_count))


@lru_cache(maxsize=64)
def reader(keys: tuple[str, ...]) -> Reader:
    """The same reader for the same keys: making its structs takes longer than reading a page."""
    return Reader(keys)


def _person(known: Sequence[str], custom: dict[str, str]) -> type[msgspec.Struct]:
    base = {field.name for field in msgspec.structs.fields(_Person)}
    fields: list[Any] = [(key, Any, None) for key in known if "." not in key and key not in base]
    if any(key.startswith("location.") for key in known):
        fields.append(("location", _Place | list[Any] | str | None, None))
    if custom:
        fields.append(("custom_attributes", _attributes(custom) | list[Any] | str | None, None))
    return msgspec.defstruct("Person", fields, bases=(_Person,), gc=False)


def _attributes(custom: dict[str, str]) -> Any:
    """A struct with attributes c0, c1 …, as names need not be identifiers; else a dict."""
    names = {attribute: key.removeprefix(wire.CUSTOM) for key, attribute in custom.items()}
    if any(_UNFIT.search(name) for name in names.values()):
        return dict[str, Any]
    return msgspec.defstruct("Custom", [(a, Any, None) for a in names], rename=names, gc=False)


def _page(person: type[msgspec.Struct]) -> Any:
    return msgspec.defstruct(
        "ContactPage",
        [("data", list[person] | None), ("total_count", Any), ("pages", Any, None)],  # type: ignore[valid-type]
    )
