"""Pure: which column is what, and what a row says about a referrer."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from passalong.core.problems import FieldProblem
from passalong.referrers.imports.table import Row

EMAIL, NAME = "email", "name"
PERSONAL = ("first_name", "last_name", "phone")
OWN = "fields."
VALUE_LIMIT = 255
FIELD_NAME_LIMIT = 60
EMAIL_SHOWN = 320
TOO_MANY_CELLS = "This row has more cells than there are columns: put cells that hold a separator in quotes."

# Header words as `header_key` leaves them: English and what exports in a few other languages say.
EMAIL_WORDS = (
    "email mail emails emailaddress mailaddress emailaddresses workemail primaryemail contactemail "
    "useremail emailadresse mailadresse emailadres courriel adressemail adresseemail correo "
    "correoelectronico indirizzoemail"
)
FIRST_NAME_WORDS = "firstname first givenname forename fname vorname prenom nombre voornaam"
_KNOWN = {
    EMAIL: EMAIL_WORDS,
    "first_name": FIRST_NAME_WORDS,
    "last_name": "lastname last surname familyname lname nachname familienname nom apellido apellidos "
    "achternaam cognome",
    "phone": "phone phonenumber phoneno mobile mobilephone mobilenumber telephone telephonenumber tel cell "
    "cellphone telefon telefonnummer telefono telefoon handy",
    NAME: "name fullname contactname displayname",
}
_TARGET_OF = {word: target for target, words in _KNOWN.items() for word in words.split()}


@dataclass(frozen=True)
class Judged:
    """A row understood: `values` by referrer field, `fields` of the campaign's own, or why it is left out."""

    number: int
    email: str
    values: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    outcome: str = ""
    reason: str = ""
    message: str = ""


def suggested(columns: Sequence[str]) -> list[str]:
    """A target for each column: what its name says, else a field of the campaign's own."""
    keys = [_TARGET_OF.get(header_key(column), "") for column in columns]
    # A whole name fills what the parts would.
    taken = {"", NAME} if {"first_name", "last_name"} & set(keys) else {""}
    targets = []
    for target, own in zip(keys, own_fields(columns), strict=True):
        targets.append(own if target in taken else target)
        taken.add(target)
    return targets


def own_fields(columns: Sequence[str]) -> list[str]:
    """For each column the field of the campaign's own that it would fill, each another one."""
    found: list[str] = []
    for place, column in enumerate(columns, start=1):
        slug = re.sub(r"[\W_]+", "_", column.casefold()).strip("_")[: FIELD_NAME_LIMIT - 4]
        name = slug = slug or f"column_{place}"
        again = 2
        while f"{OWN}{name}" in found:
            name, again = f"{slug}_{again}", again + 1
        found.append(f"{OWN}{name}")
    return found


def problems_of(columns: Sequence[str], mapping: Sequence[str]) -> list[FieldProblem]:
    """What is wrong with a mapping, by column; not that the email is missing."""
    found = []
    takers: dict[str, str] = {}
    for column, target in zip(columns, mapping, strict=True):
        if not target:
            continue
        place = f"mapping.{column}"
        own = target.removeprefix(OWN) if target.startswith(OWN) else None
        if own is None and target not in (EMAIL, NAME, *PERSONAL):
            found.append(FieldProblem(place, f"There is no referrer field “{target[:100]}”."))
        elif own is not None and not (own == own.strip() and 1 <= len(own) <= FIELD_NAME_LIMIT):
            found.append(FieldProblem(place, f"Field names have 1 to {FIELD_NAME_LIMIT} characters."))
        elif own is not None and not own.isprintable():
            found.append(FieldProblem(place, "Field names are made of characters one can see."))
        for part in ("first_name", "last_name") if target == NAME else (target,):
            if part in takers:
                found.append(FieldProblem(place, f"“{takers[part]}” fills this already."))
            takers.setdefault(part, column)
    return found


def judge(
    row: Row, columns: Sequence[str], mapping: Sequence[str], usable: Callable[[str], str | None]
) -> Judged:
    """What a row says. `usable` gives an email as it is kept, or None."""
    found = cells_of(row, columns, mapping)
    if found is None:
        return Judged(row.number, "", outcome="failed", reason="too_many_cells", message=TOO_MANY_CELLS)
    typed = found.pop(EMAIL, ("", ""))[1]
    email = usable(typed)
    shown = (email or typed)[:EMAIL_SHOWN]
    if email is None:
        reason, message = no_email(typed)
        return Judged(row.number, shown, outcome="skipped", reason=reason, message=message)
    for column, cell in found.values():
        if message := too_long(column, cell):
            return Judged(row.number, shown, outcome="failed", reason="value_too_long", message=message)
    values, fields = _sorted_out({target: cell for target, (_, cell) in found.items() if cell})
    return Judged(row.number, email, values, fields)


def cells_of(row: Row, columns: Sequence[str], mapping: Sequence[str]) -> dict[str, tuple[str, str]] | None:
    """Target → (column, cell) of what is read of a row; None when it has more cells than the file columns."""
    if any(row.cells[len(columns) :]):
        return None
    return {
        target: (column, cell)
        for column, target, cell in zip(columns, mapping, row.cells, strict=False)
        if target
    }


def too_long(column: str, cell: str) -> str:
    """What to say of a cell that is longer than any we keep, "" when it is not."""
    if len(cell) <= VALUE_LIMIT:
        return ""
    return f"“{column}” has {len(cell):,} characters; at most {VALUE_LIMIT} are kept. Shorten it."


def merged(known: Mapping[str, Any], row: Judged, *, overwrite: bool) -> dict[str, Any] | None:
    """A referrer's names, phone and fields after this row, or None when it changes nothing.

    An empty cell never blanks what is known.
    """
    after = {key: known[key] for key in PERSONAL} | {"fields": dict(known["fields"])}
    changed = False
    for kept, said in ((after, row.values), (after["fields"], row.fields)):
        for key, value in said.items():
            old = kept.get(key)
            if old in (None, "") or (overwrite and not _same(old, value)):
                kept[key] = value
                changed = True
    return after if changed else None


def _same(old: Any, new: str) -> bool:
    # A CRM's 3 or true is the file's "3" or "TRUE".
    return str(old) == new or (isinstance(old, bool) and str(old).lower() == new.lower())


def _sorted_out(found: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    values = {key: value for key, value in found.items() if key in PERSONAL}
    fields = {key.removeprefix(OWN): value for key, value in found.items() if key.startswith(OWN)}
    if NAME in found:
        first, _, rest = " ".join(found[NAME].split()).partition(" ")
        values |= {"first_name": first} | ({"last_name": rest} if rest else {})
    return values, fields


def no_email(typed: str) -> tuple[str, str]:
    """Why this is no email: the reason and what to do."""
    if not typed:
        return "no_email", "This row has no email address. Add one and upload the file again."
    message = "This is not an email address we can use. Correct it and upload the file again."
    return "invalid_email", message


def header_key(column: str) -> str:
    """A column's name without case, accents, spaces and signs, to look up in a table of known ones."""
    plain = unicodedata.normalize("NFKD", column).casefold()
    return re.sub(r"[\W_]+", "", "".join(one for one in plain if not unicodedata.combining(one)))
