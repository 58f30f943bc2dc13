"""Guesses that save typing: which CRM field is meant, by what it is called."""

from collections.abc import Sequence
from typing import Any

from passalong.sync.facts import FACT_TYPES, FACTS
from passalong.sync.records import Field

Row = dict[str, Any]

_NAMES = {
    "email": ("email", "emailaddress"),
    "first_name": ("firstname", "givenname", "forename"),
    "last_name": ("lastname", "surname", "familyname"),
    "phone": ("phone", "phonenumber", "mobile"),
}


def inbound(fields: Sequence[Field]) -> list[Row]:
    """A first map in: first name, email, and what else is found by its name."""
    found = {target: _by_name(fields, names) for target, names in _NAMES.items()}
    rows = [_row(found["first_name"], "first_name"), _row(found["email"], "email")]
    rows += [_row(found[target], target) for target in ("last_name", "phone") if found[target]]
    whole = _by_name(fields, ("name", "fullname"))
    if whole and not found["first_name"]:
        rows[0] = {**_row(whole, "first_name"), "name_format": "first_word"}
        if not found["last_name"]:
            rows.insert(2, {**_row(whole, "last_name"), "name_format": "rest"})
    return rows


def outbound(fields: Sequence[Field]) -> dict[str, str]:
    """Facts whose field is in the CRM already, under the fact's own name."""
    return {
        fact: field.key
        for fact, label in FACTS.items()
        for field in fields
        if field.writable and field.type in FACT_TYPES[fact] and _bare(field.label) == _bare(label)
    }


def _row(field: Field | None, target: str) -> Row:
    key = field.key if field else ""
    return {
        "from": key,
        "to": target,
        "mode": "overwrite",
        "name_format": "",
        "default": "",
        "suggested": key,
    }


def _by_name(fields: Sequence[Field], names: Sequence[str]) -> Field | None:
    usable = [field for field in fields if field.readable and field.type == "string"]
    return next((field for name in names for field in usable if _bare(field.label) == name), None)


def _bare(label: str) -> str:
    return "".join(letter for letter in label.casefold() if letter.isalnum())
