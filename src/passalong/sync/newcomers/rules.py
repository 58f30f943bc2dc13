"""What a campaign does in a CRM when somebody joins: pure shapes, and what they say of one person."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from passalong.core.problems import FieldProblem
from passalong.sync.mapping import Values, same
from passalong.sync.records import Field, FieldType, Role, Scalar

Kind = Literal["lead", "referrer"]
EMAIL = "email"
EVENTS = ("invited-friend", "referral-converted")
MOST_FIELDS = 50
MOST_VALUES = 20
TAG_LIMIT = 255
VALUE_LIMIT = 255
OWN = "fields."

SOURCES: dict[Kind, tuple[str, ...]] = {
    "lead": (
        "email",
        "first_name",
        "referrer_name",
        "referrer_email",
        "referrer_code",
        "referrer_link",
        "campaign_name",
    ),
    "referrer": (
        "email",
        "first_name",
        "last_name",
        "name",
        "phone",
        "referral_link",
        "referral_code",
        "campaign_name",
    ),
}
_SUGGESTED: dict[Kind, dict[str, str]] = {
    "lead": {"email": "email", "name": "first_name"},
    "referrer": {"email": "email", "name": "name", "phone": "phone"},
}


class FieldRow(msgspec.Struct, frozen=True, rename={"source": "from"}):
    """A CRM field (`to`) and where its value comes from: a key of SOURCES or `fields.<question>`, or, when
    that is empty, a fixed `value`."""

    to: str
    source: str = ""
    value: Scalar = None


class Intake(msgspec.Struct, frozen=True):
    """What happens when a lead, or a referrer, joins. `create` says what to make of them in the CRM,
    `on_match` what to do when somebody with that email is there already."""

    create: Literal["nothing", "lead", "user"] = "nothing"
    on_match: Literal["leave", "update"] = "leave"
    fields: list[FieldRow] = []
    tag: str = ""

    @property
    def needs_setup(self) -> bool:
        """Whether it is switched on, but does not say yet where the email goes."""
        return self.create != "nothing" and not any(row.to == EMAIL for row in self.fields)

    @property
    def is_on(self) -> bool:
        """Whether people are sent."""
        return self.create != "nothing" and not self.needs_setup

    @property
    def role(self) -> Role:
        """What to make of them; only for one that is on."""
        return "user" if self.create == "user" else "lead"


def intake(stored: Mapping[str, Any]) -> Intake:
    """One as it was stored, or the one that does nothing."""
    return msgspec.convert(stored, Intake)


def suggested(kind: Kind, fields: Sequence[Field]) -> list[FieldRow]:
    """The first rows for somebody who has chosen nothing yet."""
    there = {field.key for field in fields if field.writable} | {EMAIL}
    return [FieldRow(to, source) for to, source in _SUGGESTED[kind].items() if to in there]


class Qualify(msgspec.Struct, frozen=True):
    """When a lead qualifies: its contact's `field` takes one of `values`. `initial` is what a contact that we
    make says there; `unqualifies` takes it back when the value is left."""

    field: str = ""
    initial: Scalar = None
    values: list[Scalar] = []
    unqualifies: bool = False

    @property
    def is_on(self) -> bool:
        """Whether anybody qualifies by it."""
        return bool(self.field and self.values)

    def counts(self, value: Scalar) -> bool:
        """Whether this value means qualified."""
        return any(_alike(value, one) for one in self.values)


def qualify(stored: Mapping[str, Any]) -> Qualify:
    """One as it was stored, or the one by which nobody qualifies."""
    return msgspec.convert(stored, Qualify)


def _alike(one: Scalar, other: Scalar) -> bool:
    """CRMs compare texts without regard to case."""
    if isinstance(one, str) and isinstance(other, str):
        return one.strip().casefold() == other.strip().casefold()
    return same(one, other)


def clean_qualify(asked: Qualify, fields: Sequence[Field], crm: str) -> tuple[Qualify, list[FieldProblem]]:
    """The same with values in the field's type, and everything that is wrong with it."""
    if not asked.field:
        return Qualify(), []
    field = next((one for one in fields if one.key == asked.field and one.readable), None)
    if field is None:
        said = f"{crm} has no field {asked.field!r} that can be read. Choose another."
        return asked, [FieldProblem("qualify.field", said)]
    problems = []
    if not 1 <= len(asked.values) <= MOST_VALUES:
        problems.append(
            FieldProblem("qualify.values", f"Give 1 to {MOST_VALUES} values that mean qualified.")
        )
    values = []
    for index, value in enumerate(asked.values):
        one, found = _fixed(f"qualify.values[{index}]", FieldRow(field.key, "", value), field)
        values.append(one.value)
        problems += [FieldProblem(f"qualify.values[{index}]", each.message) for each in found]
    clean = msgspec.structs.replace(asked, values=values, initial=None)
    if asked.initial not in (None, ""):
        row, found = _fixed("qualify.initial", FieldRow(field.key, "", asked.initial), field)
        clean = msgspec.structs.replace(clean, initial=row.value)
        problems += [FieldProblem("qualify.initial", each.message) for each in found]
        if not field.writable:
            said = f"{crm} does not let programs write {field.label}. Leave this empty."
            problems.append(FieldProblem("qualify.initial", said))
        elif not found and clean.counts(row.value):
            said = "This value means qualified, so that everybody would qualify at once. Choose another."
            problems.append(FieldProblem("qualify.initial", said))
    return clean, problems


def values_of(rows: Sequence[FieldRow], facts: Mapping[str, Scalar]) -> Values:
    """What the CRM is told of one person, without the email. What is not known is left out."""
    said = {row.to: facts.get(row.source) if row.source else row.value for row in rows if row.to != EMAIL}
    return {key: value for key, value in said.items() if value not in (None, "")}


def targets(fields: Sequence[Field]) -> list[Field]:
    """The fields that can be filled when a contact is made."""
    return [field for field in fields if field.writable or field.key == EMAIL]


def typed(value: Scalar, field: Field) -> Scalar:
    """A fixed value, perhaps typed as text, in the field's type. Raises ValueError."""
    kind, text = field.type, str(value).strip()
    if kind == "boolean":
        return _truth(value, text)
    if isinstance(value, bool):
        raise ValueError(text)
    if kind == "float":
        number = float(text)
        if number - number != 0:  # infinite, or not a number
            raise ValueError(text)
        return number
    return int(text) if kind in ("integer", "date") else text


def _truth(value: Scalar, text: str) -> bool:
    if isinstance(value, bool):
        return value
    if text.lower() not in ("true", "yes", "false", "no"):
        raise ValueError(text)
    return text.lower() in ("true", "yes")


def clean(asked: Intake, kind: Kind, fields: Sequence[Field], crm: str) -> tuple[Intake, list[FieldProblem]]:
    """The same with fixed values in their fields' types, and everything that is wrong with it."""
    known, place = {field.key: field for field in targets(fields)}, f"{kind}s"
    problems = list(_tag_problems(place, asked.tag))
    if len(asked.fields) > MOST_FIELDS:
        problems.append(FieldProblem(f"{place}.fields", f"Fill at most {MOST_FIELDS} fields."))
    rows, seen = [], set()
    for index, row in enumerate(asked.fields):
        where = f"{place}.fields[{index}]"
        if row.to in seen:
            problems.append(FieldProblem(f"{where}.to", f"{row.to} is filled twice. Remove one of the two."))
        seen.add(row.to)
        field = known.get(row.to)
        if field is None:
            said = f"{crm} has no field {row.to!r} that can be filled. Create it first, or choose another."
            said = said if row.to else f"Choose the {crm} field to fill, or remove this row."
            problems.append(FieldProblem(f"{where}.to", said))
        elif row.source:
            problems += _source_problems(where, row, field, kind)
        else:
            row, found = _fixed(where, row, field)  # noqa: PLW2901 - the same row, in its field's type
            problems += found
        rows.append(row)
    return msgspec.structs.replace(asked, fields=rows, tag=asked.tag.strip()), problems


def _tag_problems(place: str, tag: str) -> Iterator[FieldProblem]:
    if len(tag.strip()) > TAG_LIMIT or not tag.isprintable():
        yield FieldProblem(f"{place}.tag", f"Use at most {TAG_LIMIT} characters, on one line.")


def _source_problems(where: str, row: FieldRow, field: Field, kind: Kind) -> Iterator[FieldProblem]:
    own = row.source.startswith(OWN) and 1 <= len(row.source) - len(OWN) <= 60 and row.source.isprintable()
    if row.source not in SOURCES[kind] and not own:
        listed = ", ".join(SOURCES[kind])
        yield FieldProblem(f"{where}.from", f"{row.source!r} is not one of {listed} or fields.<question>.")
    if row.value is not None:
        yield FieldProblem(f"{where}.value", "Give either a source or a fixed value.")
    if field.key == EMAIL and row.source != EMAIL:
        yield FieldProblem(f"{where}.from", "Email takes the person's own email and nothing else.")
    if field.type != "string":
        yield FieldProblem(f"{where}.to", f"{field.label} holds a {field.type}, and this is a text.")


def _fixed(where: str, row: FieldRow, field: Field) -> tuple[FieldRow, list[FieldProblem]]:
    if field.key == EMAIL:
        said = "Email takes the person's own email and nothing else."
        return row, [FieldProblem(f"{where}.value", said)]
    if row.value in (None, ""):
        return row, [FieldProblem(f"{where}.value", "Choose where the value comes from, or give one.")]
    try:
        value = typed(row.value, field)
    except (ValueError, OverflowError):
        words: dict[FieldType, str] = {
            "integer": "a whole number",
            "float": "a number",
            "boolean": "yes or no",
            "date": "a date, as unix seconds",
            "string": "a text",
        }
        return row, [FieldProblem(f"{where}.value", f"{field.label} holds {words[field.type]}.")]
    if isinstance(value, str) and (len(value) > VALUE_LIMIT or "\0" in value):
        return row, [FieldProblem(f"{where}.value", f"Use at most {VALUE_LIMIT} characters.")]
    if field.options and str(value) not in field.options:
        return row, [FieldProblem(f"{where}.value", f"{field.label} is one of {', '.join(field.options)}.")]
    return msgspec.structs.replace(row, value=value), []
