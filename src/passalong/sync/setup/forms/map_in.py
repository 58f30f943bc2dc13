"""Step 3, Map in: CRM fields become referrer fields."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from passalong.core.problems import FieldProblem
from passalong.sync.facts import MODES, NAME_FORMATS, REQUIRED_TARGETS, TARGETS
from passalong.sync.mapping import InboundRow, read_contact
from passalong.sync.records import Contact, Field, Scalar
from passalong.sync.setup import samples, suggestions
from passalong.sync.setup.drafts import inbound
from passalong.sync.setup.forms.base import Answer, Setup, at, text
from passalong.sync.validation import inbound_problems

MOST_ROWS = 100
CUSTOM = "custom"
_NOT_NAME = re.compile(r"[^a-z0-9_]+")
NAMES = ("first_name", "last_name")


@dataclass(frozen=True)
class Row:
    """One row as the page shows it."""

    index: int
    answer: dict[str, Any]
    field: Field | None
    result: str
    errors: list[str]

    @property
    def required(self) -> bool:
        """First name and email cannot be left out."""
        return self.answer["to"] in REQUIRED_TARGETS

    @property
    def label(self) -> str:
        """The referrer field in words."""
        return TARGETS.get(self.answer["to"], self.custom_name)

    @property
    def custom_name(self) -> str:
        """The name of a field of one's own."""
        return str(self.answer["to"]).removeprefix("fields.") if self.is_custom else ""

    @property
    def is_custom(self) -> bool:
        """Whether the target is a field of one's own."""
        return self.answer["to"] not in TARGETS

    @property
    def suggested(self) -> bool:
        """A guess nobody has touched yet."""
        return bool(self.answer["from"]) and self.answer.get("suggested") == self.answer["from"]

    @property
    def has_format(self) -> bool:
        """Only names are cut into parts."""
        return self.answer["to"] in NAMES


def typed(setup: Setup, posted: Any) -> Answer:  # noqa: ARG001
    """All rows as they were typed."""
    count = text(posted, "rows", 4)
    total = min(int(count), MOST_ROWS) if count.isascii() and count.isdigit() else 0
    rows = [_typed_row(posted, index) for index in range(total)]
    return {"rows": rows, "sample": text(posted, "sample", 100), "find": text(posted, "find", 200)}


def _typed_row(posted: Any, index: int) -> dict[str, Any]:
    target = text(posted, f"to-{index}", 100)
    if target == CUSTOM:
        typed_name = text(posted, f"custom-{index}", 60).strip().lower()
        target = f"fields.{_NOT_NAME.sub('_', typed_name).strip('_')}"
    return {
        "from": text(posted, f"from-{index}", 300),
        "to": target,
        "mode": text(posted, f"mode-{index}", 20) or "overwrite",
        "name_format": text(posted, f"format-{index}", 20) if target in NAMES else "",
        "default": text(posted, f"default-{index}") if target != "email" else "",
        "suggested": text(posted, f"suggested-{index}", 300),
    }


def act(setup: Setup, answer: Answer, action: str, posted: Any) -> tuple[Answer, str]:  # noqa: ARG001
    """Add a row, remove one, find a contact to show, or have the CRM's fields read again."""
    rows = list(answer["rows"])
    verb, _, which = action.partition(":")
    if verb == "add" and len(rows) < MOST_ROWS:
        rows.append({**_empty(), "to": _next_target(rows)})
        return {**answer, "rows": rows}, f"row-{len(rows) - 1}"
    if verb == "remove" and which.isdigit() and int(which) < len(rows):
        if rows[int(which)]["to"] not in REQUIRED_TARGETS:
            del rows[int(which)]
        return {**answer, "rows": rows}, "rows"
    if verb == "refresh":
        setup.look_again()
        samples.want_again(setup.draft, answer["sample"])
    if verb == "find":
        samples.want_others(setup.draft, answer["find"], answer["sample"])
        return {**answer, "sample": ""}, "sample"
    return answer, "rows"


def problems(setup: Setup, answer: Answer) -> Sequence[FieldProblem]:
    """The sentences of validation.py, in plain words where a row is simply not filled in yet."""
    fields = setup.fields()
    rows = inbound(answer)
    wrong = list(inbound_problems(rows, {field.key: field for field in fields}, setup.crm))
    return [_plain(problem, rows) for problem in wrong]


def _plain(problem: FieldProblem, rows: list[dict[str, Any]]) -> FieldProblem:
    for index, row in enumerate(rows):
        if problem.field == f"inbound[{index}].from" and not row["from"]:
            label = TARGETS.get(row["to"], "this row")
            return FieldProblem(problem.field, f"Choose the Intercom field that {label} comes from.")
        if problem.field == f"inbound[{index}].to" and row["to"] == "fields.":
            words = "Give the field a name: a letter first, then letters, digits or _."
            return FieldProblem(problem.field, words)
    return problem


def context(setup: Setup, answer: Answer, wrong: Sequence[FieldProblem]) -> dict[str, Any]:
    """Rows with types, the values of one real contact, and what a name would become."""
    people = samples.people(setup.draft)
    shown = next((one for one in people if one.id == answer.get("sample")), people[0] if people else None)
    asking = shown is None and samples.waits_since(setup.draft) is not None
    fields = _with_values(setup.fields(), shown, asking=asking)
    known = {field.key: field for field in fields}
    rows = answer.get("rows") or suggestions.inbound(fields)
    told = wrong or _clashes(setup, rows)
    return {
        "rows": [_row(index, row, known, told) for index, row in enumerate(rows)],
        "fields": [field for field in fields if field.readable],
        "targets": [(key, label) for key, label in TARGETS.items() if key not in REQUIRED_TARGETS],
        "modes": [(key, label.format(crm=setup.crm)) for key, label in MODES.items()],
        "formats": NAME_FORMATS.items(),
        "errors": {"rows": [p.message for p in wrong if p.field == "inbound"]},
        "people": people,
        "shown": shown,
        "asking": asking,
        "find": answer.get("find", ""),
        "found": setup.draft.sample.get("text", ""),
        "find_error": setup.draft.sample.get("error"),
    }


def _clashes(setup: Setup, rows: list[dict[str, Any]]) -> list[FieldProblem]:
    """What does not go together in rows that are filled in, told at once and not only on Next."""
    filled = {f"inbound[{index}]" for index, row in enumerate(rows) if row["from"] and row["to"] != "fields."}
    return [p for p in problems(setup, {"rows": rows}) if p.field.partition(".")[0] in filled]


def _with_values(fields: Sequence[Field], shown: samples.Person | None, *, asking: bool) -> list[Field]:
    """The fields with what the contact that is shown has in them. While one is asked for, with nothing: what
    stands there stays; and with any sample when nobody was found."""
    if shown is None and not asking:
        return list(fields)
    values = shown.values if shown else {}
    return [msgspec.structs.replace(field, sample=values.get(field.key)) for field in fields]


def _row(index: int, row: dict[str, Any], known: dict[str, Field], wrong: Sequence[FieldProblem]) -> Row:
    field = known.get(row["from"])
    result = _result(row, field.sample) if field and field.sample is not None else ""
    return Row(index, row, field, result, at(wrong, f"inbound[{index}]"))


def _result(row: dict[str, Any], sample: Scalar) -> str:
    """What this row makes of the sample."""
    if row.get("name_format") not in ("", None, *NAME_FORMATS):
        return ""
    one = InboundRow(row["from"], row["to"], name_format=row.get("name_format") or None)
    contact = Contact(id="", role="user", values={row["from"]: sample})
    return str(read_contact([one], contact)[row["to"]] or "")[:200]


def _empty() -> dict[str, Any]:
    return {"from": "", "to": "", "mode": "overwrite", "name_format": "", "default": "", "suggested": ""}


def _next_target(rows: Sequence[dict[str, Any]]) -> str:
    taken = {row["to"] for row in rows}
    return next((target for target in TARGETS if target not in taken), "fields.")
