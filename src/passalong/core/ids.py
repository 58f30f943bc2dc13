"""Opaque, prefixed ids outside; time-ordered UUIDs inside."""

import uuid

import uuid_utils

PREFIXES = {
    "workspace": "ws",
    "campaign": "camp",
    "referrer": "ref",
    "connection": "conn",
    "sync": "sync",
    "run": "run",
    "preview": "prev",
    "token": "tok",
    "import": "imp",
    "entry": "entry",
    "lead": "lead",
    "webhook": "hook",
    "delivery": "msg",
    "newcomer": "new",
}


def new_id() -> uuid.UUID:
    """A UUIDv7: ordering by it is ordering by creation."""
    return uuid.UUID(int=uuid_utils.uuid7().int)


def new_id_text() -> str:
    """The same as text, for sets of rows: making a UUID object of each takes longer than the id itself."""
    return str(uuid_utils.uuid7())


def public_id(kind: str, value: uuid.UUID) -> str:
    """`public_id("referrer", u)` → `"ref_018f…"`, the form used in URLs and JSON."""
    return f"{PREFIXES[kind]}_{value.hex}"


def parse_id(kind: str, text: str) -> uuid.UUID | None:
    """The UUID behind a public id, or None if it is not one of this kind."""
    prefix, _, rest = text.partition("_")
    if prefix != PREFIXES[kind] or len(rest) != 32:
        return None
    try:
        return uuid.UUID(hex=rest)
    except ValueError:
        return None
