"""Is this instruction one that can run? Every complaint names the row it is about."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from passalong.core.problems import FieldProblem, invalid
from passalong.sync.facts import (
    FACT_TYPES,
    FACTS,
    MODES,
    NAME_FORMATS,
    POLICY_DEFAULTS,
    REQUIRED_TARGETS,
    TARGETS,
)
from passalong.sync.records import Field

_CUSTOM_TARGET = re.compile(r"fields\.[a-z][a-z0-9_]{0,59}")
_DEFAULT_LIMIT = 255

Instruction = dict[str, Any]


def validated(body: Mapping[str, Any], fields: Sequence[Field], crm: str) -> Instruction:
    """`{audience, inbound, outbound, contact_policy, field_types}` with every default filled in.

    `fields` are those of the CRM that people call `crm`. Raises Problem 422 `invalid_sync` that lists
    everything wrong at once.
    """
    known = {field.key: field for field in fields}
    problems = [
        *audience_problems(body["audience"]),
        *inbound_problems(body.get("inbound", []), known, crm),
        *outbound_problems(body.get("outbound", []), known, crm),
        *_policy_problems(body.get("contact_policy", {})),
    ]
    if problems:
        raise invalid(problems, code="invalid_sync")
    return {
        "audience": _clean_audience(body["audience"]),
        "inbound": [_clean_inbound(row) for row in body["inbound"]],
        "outbound": [{"from": row["from"], "to": row["to"]} for row in body.get("outbound", [])],
        "contact_policy": {**POLICY_DEFAULTS, **body.get("contact_policy", {})},
        "field_types": {row["to"]: known[row["to"]].type for row in body.get("outbound", [])},
    }


def audience_problems(audience: Mapping[str, Any]) -> Iterator[FieldProblem]:
    """What is wrong with the choice of contacts."""
    kind = audience.get("kind")
    if kind not in ("leads", "users", "all", "segments"):
        yield FieldProblem("audience.kind", "Choose leads, users, all or segments.")
        return
    chosen, excluded = audience.get("segment_ids") or [], audience.get("exclude_segment_ids") or []
    if kind == "segments" and not chosen:
        yield FieldProblem("audience.segment_ids", "Choose at least one segment.")
    if kind != "segments" and chosen:
        yield FieldProblem("audience.segment_ids", f"Segments cannot be chosen together with {kind}.")
    for both in sorted(set(chosen) & set(excluded)):
        yield FieldProblem("audience.exclude_segment_ids", f"Segment {both} is both chosen and excluded.")
    for key, ids in (("segment_ids", chosen), ("exclude_segment_ids", excluded)):
        if any("\0" in one for one in ids):
            yield FieldProblem(f"audience.{key}", "A segment id holds no NUL character.")


def inbound_problems(
    rows: Sequence[Mapping[str, Any]], known: Mapping[str, Field], crm: str
) -> Iterator[FieldProblem]:
    """What is wrong with the map from the CRM."""
    targets = [row.get("to") for row in rows]
    for needed in REQUIRED_TARGETS:
        if needed not in targets:
            yield FieldProblem(
                "inbound", f"{TARGETS[needed]} is required: choose the {crm} field it comes from."
            )
    for index, row in enumerate(rows):
        place = f"inbound[{index}]"
        target = row.get("to") or ""
        if target not in TARGETS and not _CUSTOM_TARGET.fullmatch(target):
            yield FieldProblem(
                f"{place}.to",
                f"{target!r} is not a referrer field. Use email, first_name, last_name, phone or "
                "fields.<name> (lower-case letters, digits and underscores).",
            )
        elif targets.index(target) != index:
            yield FieldProblem(f"{place}.to", f"{target} is mapped twice. Remove one of the two rows.")
        yield from _source_problems(place, row, known, crm)
        yield from _mode_problems(place, row)


def _source_problems(
    place: str, row: Mapping[str, Any], known: Mapping[str, Field], crm: str
) -> Iterator[FieldProblem]:
    field = known.get(row.get("from") or "")
    if field is None or not field.readable:
        yield FieldProblem(f"{place}.from", f"{crm} has no contact field {row.get('from')!r}.")
    elif row.get("to") == "email" and field.type != "string":
        yield FieldProblem(
            f"{place}.from", f"{field.label} holds a {field.type}, which cannot be an email address."
        )


def _mode_problems(place: str, row: Mapping[str, Any]) -> Iterator[FieldProblem]:
    if row.get("mode") not in (None, *MODES):
        yield FieldProblem(f"{place}.mode", "Mode is overwrite, fill_if_empty or only_new.")
    if row.get("name_format") not in (None, *NAME_FORMATS):
        yield FieldProblem(f"{place}.name_format", f"Name format is one of {', '.join(NAME_FORMATS)}.")
    default = row.get("default")
    if default is not None and row.get("to") == "email":
        yield FieldProblem(f"{place}.default", "Email cannot have a default: it tells people apart.")
    if isinstance(default, str) and len(default) > _DEFAULT_LIMIT:
        yield FieldProblem(f"{place}.default", f"Use at most {_DEFAULT_LIMIT} characters.")
    if isinstance(default, str) and "\0" in default:
        yield FieldProblem(f"{place}.default", "Leave out the NUL character.")
    if isinstance(default, float) and not math.isfinite(default):
        yield FieldProblem(f"{place}.default", "Give a number that is finite.")


def outbound_problems(
    rows: Sequence[Mapping[str, Any]], known: Mapping[str, Field], crm: str
) -> Iterator[FieldProblem]:
    """What is wrong with the map back to the CRM."""
    targets = [row.get("to") for row in rows]
    for index, row in enumerate(rows):
        place = f"outbound[{index}]"
        fact, target = row.get("from") or "", row.get("to") or ""
        field = known.get(target)
        if fact not in FACTS:
            yield FieldProblem(f"{place}.from", f"{fact!r} is not one of {', '.join(FACTS)}.")
        if field is None:
            yield FieldProblem(f"{place}.to", f"{crm} has no contact field {target!r}. Create it first.")
        elif not field.writable:
            yield FieldProblem(f"{place}.to", f"{crm} does not let programs write {field.label}.")
        elif fact in FACTS and field.type not in FACT_TYPES[fact]:
            wanted = " or ".join(FACT_TYPES[fact])
            yield FieldProblem(
                f"{place}.to", f"{field.label} holds a {field.type}; {FACTS[fact]} needs a {wanted} field."
            )
        if targets.index(row.get("to")) != index:
            yield FieldProblem(f"{place}.to", f"{target} is written twice. Remove one of the two rows.")


def _policy_problems(policy: Mapping[str, Any]) -> Iterator[FieldProblem]:
    for key, value in policy.items():
        if key not in POLICY_DEFAULTS or value not in ("include", "skip"):
            yield FieldProblem(
                f"contact_policy.{key}", "Say include or skip for unsubscribed, bounced and spam."
            )


def _clean_audience(audience: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": audience["kind"],
        "segment_ids": list(dict.fromkeys(audience.get("segment_ids") or [])),
        "exclude_segment_ids": list(dict.fromkeys(audience.get("exclude_segment_ids") or [])),
    }


def _clean_inbound(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "from": row["from"],
        "to": row["to"],
        "mode": row.get("mode") or "overwrite",
        "name_format": row.get("name_format"),
        "default": row.get("default"),
    }
