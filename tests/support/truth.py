"""What a sync must come to, worked out from the look-alike's own dump and nothing of the engine."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from tests.support.sandbox import Control

Json = dict[str, Any]


def usable(email: str | None) -> str | None:
    """The email as it is kept, or None."""
    said = (email or "").strip().lower()
    try:
        validate_email(said)
    except ValidationError:
        return None
    return said


def contacts_of(control: Control, belongs: Callable[[Json], bool]) -> list[Json]:
    """The living contacts of an audience, raw."""
    return [c for c in control.dump() if c["sandbox"]["status"] == "active" and belongs(c)]


def taken(contacts: Iterable[Json]) -> dict[str, str]:
    """Contact id → email of everybody who should be a referrer, with the default policy."""
    mails = {c["id"]: usable(c["email"]) for c in contacts if not c["marked_email_as_spam"]}
    return {key: mail for key, mail in mails.items() if mail}


def users(contact: Json) -> bool:
    """Whether this is a user."""
    return bool(contact["role"] == "user")


def leads(contact: Json) -> bool:
    """Whether this is a lead."""
    return bool(contact["role"] == "lead")
