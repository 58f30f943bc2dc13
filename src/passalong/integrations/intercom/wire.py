"""Intercom's JSON, typed at the door and tolerant there only."""

import json
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from passalong.sync.records import Scalar

CUSTOM = "custom_attributes."
T = TypeVar("T")


class WrongShapeError(ValueError):
    """Valid JSON, but not what the API describes."""


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
    segments: list[WireSegment] | None
    pages: Any = None


class Person(msgspec.Struct):
    """Of `GET /contacts/{id}`, who it is: somebody else than asked for where that one was merged."""

    id: str | int
    role: Any = None

    @property
    def is_user(self) -> bool:
        return bool(self.role == "user")


class ContactSegments(msgspec.Struct):
    """`GET /contacts/{id}/segments` (§4.2)."""

    data: list[WireSegment] | None

    @property
    def ids(self) -> set[str]:
        return {str(segment.id) for segment in self.data or ()}


class Attribute(msgspec.Struct):
    """A data attribute; only custom ones have an id (§5)."""

    name: str | None = None
    id: str | int | None = None
    full_name: str | None = None
    label: str | None = None
    data_type: str | None = None
    options: list[Any] | None = None
    api_writable: bool | None = None
    custom: bool | None = None
    archived: bool | None = None

    @property
    def key(self) -> str:
        """Empty where it has no name at all."""
        name = self.name or ""
        return self.full_name or (f"{CUSTOM}{name}" if self.custom and name else name)

    @property
    def title(self) -> str:
        return self.name or self.key.removeprefix(CUSTOM)


class AttributeList(msgspec.Struct):
    data: list[Attribute] | None

    @property
    def named(self) -> list[Attribute]:
        return [attribute for attribute in self.data or () if attribute.key]


class Tag(msgspec.Struct):
    """A tag; contacts are tagged by its id (§8)."""

    id: str | int
