"""Data attributes: the built-in ones, the custom ones, and every reason to refuse a new one (§5)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from passalong.sandbox.intercom.contact import Version
from passalong.sandbox.intercom.errors import ApiError, invalid

CUSTOM_LIMIT = {"contact": 250, "company": 100}
TYPES = ("string", "integer", "float", "boolean", "datetime", "date", "options")
# Underscores and spaces pass in practice although the message does not list them (§5).
_NAME = re.compile(r"^[\w \-$€£¥₹₪¢]+$")
ADMIN_ID = "991267459"

_DATE = "date"
_WRITABLE = {
    "role",
    "name",
    "owner_id",
    "email",
    "phone",
    "external_id",
    "signed_up_at",
    "last_seen_at",
    "unsubscribed_from_emails",
    "avatar",
}
# name, full_name, label, type
_BUILT_IN = [
    ("id", "id", "ID", "string"),
    ("external_id", "external_id", "User ID", "string"),
    ("role", "role", "Role", "string"),
    ("name", "name", "Name", "string"),
    ("owner_id", "owner_id", "Owner", "integer"),
    ("email", "email", "Email", "string"),
    ("phone", "phone", "Phone", "string"),
    ("email_domain", "email_domain", "Email domain", "string"),
    ("avatar", "avatar", "Avatar", "string"),
    ("created_at", "created_at", "First Seen", _DATE),
    ("signed_up_at", "signed_up_at", "Signed up", _DATE),
    ("updated_at", "updated_at", "Updated at", _DATE),
    ("last_seen_at", "last_seen_at", "Last seen", _DATE),
    ("last_contacted_at", "last_contacted_at", "Last contacted", _DATE),
    ("last_replied_at", "last_replied_at", "Last heard from", _DATE),
    ("last_email_opened_at", "last_email_opened_at", "Last opened email", _DATE),
    ("last_email_clicked_at", "last_email_clicked_at", "Last clicked on link in email", _DATE),
    ("unsubscribed_from_emails", "unsubscribed_from_emails", "Unsubscribed from Emails", "boolean"),
    ("marked_email_as_spam", "marked_email_as_spam", "Marked email as spam", "boolean"),
    ("has_hard_bounced", "has_hard_bounced", "Has hard bounced", "boolean"),
    ("language_override", "language_override", "Language override", "string"),
    ("browser", "browser", "Browser", "string"),
    ("browser_language", "browser_language", "Browser language", "string"),
    ("os", "os", "OS", "string"),
    ("country", "location.country", "Country", "string"),
    ("region", "location.region", "Region", "string"),
    ("city", "location.city", "City", "string"),
]


class Attribute(msgspec.Struct, omit_defaults=True):
    """A custom attribute. `options` make it a list, which still calls itself a string (§5)."""

    id: int
    model: str
    name: str
    data_type: str
    description: str = ""
    options: list[str] = []
    messenger_writable: bool = False
    archived: bool = False
    created_at: int = 0
    updated_at: int = 0

    def wire(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": self.id,
            "type": "data_attribute",
            "name": self.name,
            "full_name": f"custom_attributes.{self.name}",
            "label": self.name,
            "data_type": self.data_type,
            "api_writable": True,
            "ui_writable": True,
            "messenger_writable": self.messenger_writable,
            "custom": True,
            "archived": self.archived,
            "admin_id": ADMIN_ID,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "model": self.model,
        }
        if self.description:
            body["description"] = self.description
        if self.options:
            body["options"] = self.options
        return body


def built_ins(version: Version) -> list[dict[str, Any]]:
    """No id and no times: `full_name` is the only key they have (§5)."""
    return [
        {
            "type": "data_attribute",
            "name": name,
            "full_name": full_name,
            "label": label,
            # the standard timestamps became exact, and say so, in 2.17 (§1)
            "data_type": "datetime" if kind == _DATE and version >= (2, 17) else kind,
            "api_writable": name in _WRITABLE,
            "ui_writable": False,
            "messenger_writable": name in ("name", "email", "phone"),
            "custom": False,
            "archived": False,
            "model": "contact",
        }
        for name, full_name, label, kind in _BUILT_IN
    ]


class Attributes:
    """The custom attributes of the workspace. A name is taken once for people and companies together (§5)."""

    def __init__(self) -> None:
        self.by_id: dict[int, Attribute] = {}
        self._contact: dict[str, Attribute] = {}
        self._last_id = 100

    def contact(self, name: str) -> Attribute | None:
        """The attribute a contact may be given; an archived one counts as missing (§3.6)."""
        found = self._contact.get(name)
        return None if found is None or found.archived else found

    def add(self, name: str, data_type: str, now: int, **rest: Any) -> Attribute:
        self._last_id += 1
        kind = {"datetime": "date", "options": "string"}.get(data_type, data_type)
        rest.setdefault("model", "contact")
        attribute = Attribute(
            id=self._last_id, name=name, data_type=kind, created_at=now, updated_at=now, **rest
        )
        self.by_id[attribute.id] = attribute
        if attribute.model == "contact":
            self._contact[name] = attribute
        return attribute

    def remove(self, name: str) -> None:
        for attribute in [a for a in self.by_id.values() if a.name == name]:
            del self.by_id[attribute.id]
        self._contact.pop(name, None)

    def named(self, name: str) -> Attribute | None:
        return next((a for a in self.by_id.values() if a.name == name), None)

    def listed(self, model: str, *, include_archived: bool, version: Version) -> list[dict[str, Any]]:
        custom = [
            a.wire() for a in self.by_id.values() if a.model == model and (include_archived or not a.archived)
        ]
        return (built_ins(version) if model == "contact" else []) + custom

    def create(self, body: dict[str, Any], now: int) -> Attribute:
        name, model, kind = body.get("name"), body.get("model"), body.get("data_type")
        if model not in CUSTOM_LIMIT:
            raise invalid("The Data Attribute model field must be either contact or company")
        if not isinstance(name, str) or len(name) > 190 or not _NAME.match(name):
            raise invalid(
                "Your name for this attribute must only contain alphanumeric characters, "
                "currency symbols, and hyphens"
            )
        if kind not in TYPES:
            raise invalid("Data Type isn't an option")
        options = _options(body) if kind == "options" else []
        self._refuse_taken(name, model)
        self._refuse_full(model)
        return self.add(
            name,
            kind,
            now,
            model=model,
            options=options,
            description=str(body.get("description") or ""),
            messenger_writable=bool(body.get("messenger_writable")),
        )

    def _refuse_taken(self, name: str, model: str) -> None:
        people = {"contact": "people", "company": "company"}
        standard = {label.lower() for _, _, label, _ in _BUILT_IN} | {n for n, _, _, _ in _BUILT_IN}
        if model == "contact" and name.lower() in standard:
            raise invalid(
                f"'{name}' is one of our standard attributes for your people data. "
                "To save this as new people data, use a different name."
            )
        owner = self.named(name)
        if owner is not None:  # archived ones keep their name (§5)
            raise invalid(
                f"You already have '{name}' in your {people[owner.model]} data. "
                f"To save this as new {people[model]} data, use a different name."
            )

    def _refuse_full(self, model: str) -> None:
        active = sum(1 for a in self.by_id.values() if a.model == model and not a.archived)
        if active >= CUSTOM_LIMIT[model]:
            message = f"You have reached the limit of {CUSTOM_LIMIT[model]} custom attributes"
            raise ApiError(400, "custom_data_limit_reached", message)

    def update(self, attribute_id: str, body: dict[str, Any], now: int) -> Attribute:
        attribute = self.by_id.get(int(attribute_id)) if attribute_id.isdigit() else None
        if attribute is None:
            raise ApiError(404, "field_not_found", "We couldn't find that data attribute to update")
        if "options" in body:
            if not isinstance(body["options"], list):
                raise invalid("Options isn't an array")
            attribute.options = _options(body)
        if body.get("archived") is False and attribute.archived:
            self._refuse_full(attribute.model)
        if "archived" in body:
            attribute.archived = bool(body["archived"])
        if "description" in body:
            attribute.description = str(body["description"] or "")
        if "messenger_writable" in body:
            attribute.messenger_writable = bool(body["messenger_writable"])
        attribute.updated_at = now
        return attribute


def _options(body: dict[str, Any]) -> list[str]:
    given = body.get("options")
    if not isinstance(given, list):
        raise invalid("Options isn't an array")
    values = [str(o["value"]) for o in given if isinstance(o, dict) and o.get("value")]
    if len(values) < 2:
        raise invalid("You must have at least two options on a list type data attribute")
    return values
