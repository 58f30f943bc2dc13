"""Intercom's data attributes as our fields, and the rules for making one (docs/reference/intercom.md §5)."""

import unicodedata
from collections.abc import Iterable, Sequence

import msgspec

from passalong.integrations.intercom import errors
from passalong.integrations.intercom.people import BUILT_IN
from passalong.integrations.intercom.wire import CUSTOM, Attribute
from passalong.sync.records import Contact, Field, FieldType, Scalar

LONGEST_NAME = 190
# Intercom would take role, external_id, email, owner and the subscription flag as well. They decide who a
# person is and what may be sent to them, so Passalong never touches them.
WRITABLE_BUILT_IN = frozenset({"name", "phone"})
TYPES: dict[str, FieldType] = {
    "string": "string",
    "integer": "integer",
    "float": "float",
    "boolean": "boolean",
    "date": "date",
    "datetime": "date",
}
# Still called integers by /data_attributes although contacts carry texts since 2.16 (§3.1)
TYPES_BY_KEY: dict[str, FieldType] = {"owner_id": "string"}
# Listed even where /data_attributes leaves them out: everybody maps from these.
ALWAYS = (
    ("name", "Name"),
    ("email", "Email"),
    ("phone", "Phone"),
    ("external_id", "User ID"),
    ("role", "Role"),
)


def kind(data_type: str | None) -> str:
    """Our word for a type of theirs; their own where we have none, a text where they do not say."""
    return TYPES.get(data_type, data_type) if data_type else "string"


def field(attribute: Attribute) -> Field:
    """One data attribute as a field; one that no contact of the API carries is not readable."""
    custom = attribute.key.startswith(CUSTOM)
    return Field(
        key=attribute.key,
        label=attribute.label or attribute.title,
        type=TYPES_BY_KEY.get(attribute.key) or TYPES.get(attribute.data_type or "", "string"),
        readable=custom or attribute.key in BUILT_IN,
        writable=attribute.api_writable is True and (custom or attribute.key in WRITABLE_BUILT_IN),
        custom=custom,
        options=[str(option) for option in attribute.options or []],
    )


def listed(attributes: Iterable[Attribute]) -> list[Field]:
    """All fields, those of ALWAYS first, then the other built-in ones, then the custom ones."""
    found = {f.key: f for f in map(field, (a for a in attributes if not a.archived))}
    for key, label in ALWAYS:
        found.setdefault(key, Field(key=key, label=label, type="string", writable=key in WRITABLE_BUILT_IN))
    order = {key: number for number, (key, _) in enumerate(ALWAYS)}
    return sorted(found.values(), key=lambda f: (f.custom, order.get(f.key, len(order))))


def with_samples(fields: Sequence[Field], contacts: Sequence[Contact]) -> list[Field]:
    """Each field with the first value that one of the contacts has in it."""
    return [msgspec.structs.replace(f, sample=_sample(f.key, contacts)) for f in fields]


def _sample(key: str, contacts: Sequence[Contact]) -> Scalar:
    return next((c.values[key] for c in contacts if c.values.get(key) is not None), None)


def checked_label(label: str) -> str:
    """The name as it will be sent. Raises ConfigError `field_refused` naming what is wrong with it."""
    label = label.strip()
    if not label:
        raise errors.field_refused("A field needs a name.", "Give the field a name.")
    if len(label) > LONGEST_NAME:
        raise errors.field_refused(
            f"The name of the field has {len(label)} characters; Intercom takes {LONGEST_NAME} at most.",
            "Choose a shorter name for the field.",
        )
    wrong = next((letter for letter in label if not _allowed(letter)), None)
    if wrong is not None:
        raise errors.field_refused(
            f"The name of the field holds “{wrong}”, which Intercom does not take.",
            "Use letters, digits, spaces, hyphens, underscores and currency symbols other than $ only.",
        )
    return label


def _allowed(letter: str) -> bool:
    """Currency symbols pass except $, which custom attributes have never been allowed (§3.6)."""
    return letter != "$" and (
        letter.isalnum() or letter in " -_" or unicodedata.category(letter) in ("Sc", "Mn", "Mc")
    )
