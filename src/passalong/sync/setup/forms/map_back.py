"""Step 4, Map back: referrer facts go into CRM fields, if that is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from passalong.core.problems import FieldProblem
from passalong.sync import connections
from passalong.sync.facts import FACT_TYPES, FACTS
from passalong.sync.records import Field
from passalong.sync.setup import suggestions
from passalong.sync.setup.drafts import listed_syncs, outbound
from passalong.sync.setup.forms.base import Answer, Setup, at, text
from passalong.sync.validation import outbound_problems


@dataclass(frozen=True)
class Row:
    """One fact as the page shows it."""

    fact: str
    label: str
    target: str
    options: list[Field]
    errors: list[str]
    suggested: bool
    others: list[str]


def typed(setup: Setup, posted: Any) -> Answer:  # noqa: ARG001
    """Whether anything is written back, and where each fact goes."""
    rows = {fact: text(posted, f"to-{fact}", 300) for fact in FACTS}
    return {"on": text(posted, "on", 3) == "yes", "rows": rows}


def act(setup: Setup, answer: Answer, action: str, posted: Any) -> tuple[Answer, str]:
    """Make a missing field in the CRM, or read its fields again."""
    verb, _, fact = action.partition(":")
    connection = setup.connection
    if verb == "create" and fact in FACTS and connection is not None:
        label = text(posted, f"label-{fact}", 250).strip() or FACTS[fact]
        made, _new = connections.create_field(connection, label, FACT_TYPES[fact][0])
        rows = {**answer["rows"], fact: made.key}
        return {"on": True, "rows": rows}, f"row-{fact}"
    if verb == "refresh":
        setup.look_again()
    return answer, "rows"


def problems(setup: Setup, answer: Answer) -> Sequence[FieldProblem]:
    """The sentences of validation.py; nothing to say while it is off."""
    if not answer["on"]:
        return []
    fields = setup.fields()
    rows = outbound(answer)
    if not rows:
        nothing = "Choose a field for at least one of them, or write nothing back."
        return [FieldProblem("outbound", nothing)]
    return list(outbound_problems(rows, {field.key: field for field in fields}, setup.crm))


def context(setup: Setup, answer: Answer, wrong: Sequence[FieldProblem]) -> dict[str, Any]:
    """The six facts, each with the fields that can hold it."""
    fields = setup.fields()
    guesses = suggestions.outbound(fields)
    chosen = answer.get("rows") or guesses
    places = {row["from"]: index for index, row in enumerate(outbound({"rows": chosen}))}
    writers = _other_writers(setup)
    rows = [
        Row(
            fact=fact,
            label=label,
            target=chosen.get(fact, ""),
            options=[f for f in fields if f.writable and f.type in FACT_TYPES[fact]],
            errors=at(wrong, f"outbound[{places[fact]}]") if fact in places else [],
            suggested="rows" not in answer and fact in guesses,
            others=writers.get(chosen.get(fact, ""), []),
        )
        for fact, label in FACTS.items()
    ]
    whole = [p.message for p in wrong if p.field == "outbound"]
    return {"on": answer.get("on", False), "rows": rows, "errors": {"rows": whole}}


def _other_writers(setup: Setup) -> dict[str, list[str]]:
    """CRM field → names of other syncs that write it."""
    found: dict[str, list[str]] = {}
    syncs = listed_syncs().filter(connection=setup.connection).exclude(pk=setup.draft.answers.get("edits"))
    for name, rows in syncs.values_list("name", "outbound"):
        for row in rows:
            found.setdefault(row["to"], []).append(name)
    return found
