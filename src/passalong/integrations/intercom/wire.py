"""Intercom's JSON, typed at the door and tolerant there only: what nobody asked for is never built."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from passalong.sync.records import Contact, Page, Scalar

CUSTOM = "custom_attributes."
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

T = TypeVar("T")
_UNFIT = re.compile(r'[\\"\x00-\x1f]')


class WrongShapeError(ValueError):
    """Valid JSON, but not what the API describes."""


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


def decode(content: bytes, type: type[T]) -> T:  # noqa: A002
    """JSON into a struct. Raises ValueError (msgspec's errors are that) for anything that does not fit.

    Texts with NUL, which PostgreSQL cannot hold, or with half a surrogate pair take a slower way.
    """
    if b"\\u0000" not in content:
        try:
            return msgspec.json.decode(content, type=type)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeError):
            pass
    return msgspec.convert(_scrubbed(json.loads(content.decode("utf-8", "replace"))), type)


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if isinstance(value, dict):
        return {_scrubbed(key): _scrubbed(item) for key, item in value.items()}
    return value


def scalar(value: Any) -> Scalar:
    """A value as Contact.values holds it: empty texts, lists and objects are none, an avatar its address."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int | float):
        return value
    if isinstance(value, dict):
        return scalar(value.get("image_url"))
    return None


def seconds(value: Any) -> int | None:
    """A moment as unix seconds, from a number or an ISO text (webhooks and old versions send those)."""
    if type(value) is int:
        return value
    if isinstance(value, float):
        return int(value)
    return _from_text(value) if isinstance(value, str) else None


def _from_text(text: str) -> int | None:
    try:
        if text.lstrip("-").isdigit():
            return int(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def whole(value: Any) -> int:
    """A count, which is sometimes a text."""
    try:
        return int(value)
    except (TypeError, ValueError):
        raise WrongShapeError("a count is missing") from None


Getter = Callable[[Any], Scalar]


def _getter(key: str, attribute: str) -> Getter:
    if key.startswith(CUSTOM):
        name = key.removeprefix(CUSTOM)

        def custom(person: Any) -> Scalar:
            own = person.custom_attributes
            if isinstance(own, dict):
                return scalar(own.get(name))
            return scalar(getattr(own, attribute)) if isinstance(own, msgspec.Struct) else None

        return custom
    if key.startswith("location."):

        def place(person: Any) -> Scalar:
            return (
                scalar(getattr(person.location, attribute)) if isinstance(person.location, _Place) else None
            )

        return place
    clean: Getter = seconds if key.endswith("_at") else scalar
    return lambda person: clean(getattr(person, attribute))


class Reader:
    """Builds contacts from JSON for one set of keys. `fields` that were not asked for are skipped unbuilt."""

    def __init__(self, keys: Sequence[str]) -> None:
        keys = list(dict.fromkeys(keys))
        custom = [key for key in keys if key.startswith(CUSTOM)]
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
            seconds(person.last_seen_at),
            seconds(person.updated_at),
            person.unsubscribed_from_emails is True,
            person.has_hard_bounced is True,
            person.marked_email_as_spam is True,
        )

    def one(self, content: bytes) -> Contact:
        return self.contact(decode(content, self.person))

    def page(self, content: bytes) -> Page:
        body = decode(content, self._page)
        return Page([self.contact(p) for p in body.data], next_cursor(body.pages), whole(body.total_count))


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
    names = {attribute: key.removeprefix(CUSTOM) for key, attribute in custom.items()}
    if any(_UNFIT.search(name) for name in names.values()):
        return dict[str, Any]
    return msgspec.defstruct("Custom", [(a, Any, None) for a in names], rename=names, gc=False)


def _page(person: type[msgspec.Struct]) -> Any:
    return msgspec.defstruct(
        "ContactPage",
        [("data", list[person]), ("total_count", Any), ("pages", Any, None)],  # type: ignore[valid-type]
    )


def path(collection: str, identity: str) -> str:
    """The address of one thing, whatever its id holds."""
    return f"{collection}/{quote(identity, safe='')}"


def next_cursor(pages: Any) -> str | None:
    """`pages.next` may be missing, null, an object or an address (§3.2)."""
    following = pages.get("next") if isinstance(pages, dict) else None
    if isinstance(following, dict):
        following = following.get("starting_after")
    elif isinstance(following, str):
        following = next(iter(parse_qs(urlsplit(following).query).get("starting_after", [])), None)
    return str(following) if following else None


class App(msgspec.Struct):
    id_code: str | int
    name: str | None = None
    timezone: str | None = None
    region: str | None = None


class Me(msgspec.Struct):
    """`GET /me`; without `app` for the token of a teammate who is gone (§2.4)."""

    app: App | None = None


class WireSegment(msgspec.Struct):
    id: str | int
    name: str | None = None
    person_type: str | None = None
    count: int | str | None = None


class SegmentList(msgspec.Struct):
    segments: list[WireSegment]
    pages: Any = None


class Attribute(msgspec.Struct):
    """A data attribute; only custom ones have an id (§5)."""

    name: str
    id: str | int | None = None
    full_name: str | None = None
    label: str | None = None
    data_type: str = "string"
    options: list[Any] | None = None
    api_writable: bool | None = None
    custom: bool | None = None
    archived: bool | None = None

    @property
    def key(self) -> str:
        return self.full_name or (f"{CUSTOM}{self.name}" if self.custom else self.name)


class AttributeList(msgspec.Struct):
    data: list[Attribute]
