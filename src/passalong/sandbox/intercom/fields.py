"""Which fields can be searched, and of which type each is (§3.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from passalong.sandbox.intercom.attributes import Attributes
from passalong.sandbox.intercom.contact import Contact

Getter = Callable[[Contact], Any]

STRING, BOOLEAN, INTEGER, DATE, TAG, SEGMENT = "string", "boolean", "integer", "date", "tag", "segment"

_STRINGS = [
    "id",
    "role",
    "name",
    "avatar",
    "owner_id",
    "email",
    "email_domain",
    "phone",
    "external_id",
    "language_override",
    "browser",
    "browser_language",
    "os",
    "ios_app_version",
    "ios_device",
    "ios_os_version",
    "ios_app_name",
    "ios_sdk_version",
    "android_app_version",
    "android_device",
    "android_app_name",
]
_DATES = [
    "created_at",
    "signed_up_at",
    "updated_at",
    "last_seen_at",
    "last_contacted_at",
    "last_replied_at",
    "last_email_opened_at",
    "last_email_clicked_at",
    "ios_last_seen_at",
    "android_last_seen_at",
]
_BOOLEANS = ["unsubscribed_from_emails", "marked_email_as_spam", "has_hard_bounced"]
# Names that differ from the object's own; the second is misspelt in the documentation itself (§3.3).
_ALIASES = {
    "formatted_phone": "phone",
    "andoid_sdk_version": "android_sdk_version",
    "ios_app_device": "ios_device",
    "last_request_at": "last_seen_at",
}
_PLACES = ["location.country", "location.region", "location.city"]

STANDARD: dict[str, str] = (
    dict.fromkeys(_STRINGS, STRING)
    | dict.fromkeys(_DATES, DATE)
    | dict.fromkeys(_BOOLEANS, BOOLEAN)
    | dict.fromkeys(_PLACES, STRING)
    | {"formatted_phone": STRING, "andoid_sdk_version": STRING, "ios_app_device": STRING}
    | {"tag_id": TAG, "segment_id": SEGMENT}
)
_SORTABLE_TOO = {"last_request_at": DATE}


def type_of(field: str, attributes: Attributes) -> str | None:
    """The search type of a field, or None where there is no such field."""
    if field.startswith("custom_attributes."):
        attribute = attributes.contact(field.removeprefix("custom_attributes."))
        if attribute is None:
            return None
        return INTEGER if attribute.data_type in ("integer", "float") else attribute.data_type
    return STANDARD.get(field)


def sort_type(field: str, attributes: Attributes) -> str | None:
    kind = _SORTABLE_TOO.get(field) or type_of(field, attributes)
    return None if kind in (TAG, SEGMENT) else kind


def stored_name(field: str) -> str:
    """The name under which a change of the field is announced to the index."""
    return _ALIASES.get(field, "location" if field in _PLACES else field)


def getter(field: str) -> Getter:
    if field.startswith("custom_attributes."):
        name = field.removeprefix("custom_attributes.")
        return lambda contact: contact.custom_attributes.get(name)
    if field in _PLACES:
        place = field.removeprefix("location.")
        return lambda contact: contact.location.get(place)
    name = _ALIASES.get(field, field)
    return lambda contact: getattr(contact, name)
