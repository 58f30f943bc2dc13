"""Search queries: from JSON to conditions, with every refusal of §3.3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from passalong.sandbox.intercom import days, fields
from passalong.sandbox.intercom.attributes import Attributes
from passalong.sandbox.intercom.contact import Contact, Version
from passalong.sandbox.intercom.errors import ApiError, invalid, server_error
from passalong.sandbox.intercom.index import Leaf, Test

DEEPEST, WIDEST = 2, 15
_OPERATORS = {
    fields.STRING: ("=", "!=", "IN", "NIN", "~", "!~", "^", "$"),
    fields.SEGMENT: ("=",),
    fields.TAG: ("=", "!="),
    fields.BOOLEAN: ("=", "!=", "IN", "NIN"),
    fields.INTEGER: ("=", "!=", "IN", "NIN", "<", ">", "<=", ">="),
    fields.DATE: ("=", "<", ">"),
}
_EXACT_DATE = ("=", "!=", "<", ">", "<=", ">=")


@dataclass(frozen=True)
class Compiler:
    """What a query's meaning depends on besides the query."""

    attributes: Attributes
    zone: ZoneInfo
    version: Version
    segment: Callable[[str], Leaf]
    tagged: Callable[[str, bool], Leaf]

    def compile(self, query: Any) -> tuple[Leaf, ...]:
        """The conditions a contact must all meet; spans last, so that partitions share what comes before."""
        if not isinstance(query, dict):
            raise ApiError(400, "parameter_not_found", "query not specified")
        if isinstance(query.get("value"), list) and query.get("operator") == "AND" and "field" not in query:
            leaves = self._members(query, depth=1)
        else:
            leaves = [self._node(query, depth=1)]
        return tuple(sorted(leaves, key=lambda leaf: leaf.span is not None))

    def _members(self, group: dict[str, Any], depth: int) -> list[Leaf]:
        members = group["value"]
        if depth > DEEPEST:
            raise invalid(f"Queries can be nested at most {DEEPEST} levels deep")
        if not members:
            raise invalid("A query group needs at least one filter")
        if len(members) > WIDEST:
            raise invalid(f"A query group can hold at most {WIDEST} filters")
        return [self._node(member, depth + 1) for member in members]

    def _node(self, node: Any, depth: int) -> Leaf:
        if not isinstance(node, dict):
            raise invalid("Each filter of a query must be an object")
        if "field" in node:
            return self._filter(node)
        if node.get("operator") not in ("AND", "OR") or not isinstance(node.get("value"), list):
            raise invalid("A query needs a field, or AND or OR with a list of filters")
        return _group(node["operator"], self._members(node, depth))

    def _filter(self, node: dict[str, Any]) -> Leaf:
        field, operator, value = node["field"], node.get("operator"), node.get("value")
        kind = fields.type_of(field, self.attributes) if isinstance(field, str) else None
        if kind is None:
            raise ApiError(400, "invalid_field", f"{field} is not a valid search field")
        if operator in ("AND", "OR"):
            raise server_error()  # reported: a group's operator on one filter is a 500, not a 400 (§3.3)
        exact = kind == fields.DATE and self.version >= (2, 17) and not field.startswith("custom_")
        if operator not in (_EXACT_DATE if exact else _OPERATORS[kind]):
            raise invalid(f"{operator} is not a valid operator for {field}")
        if operator in ("IN", "NIN") and not isinstance(value, list):
            raise invalid(f"{operator} needs an array of values")
        return self._leaf(field, kind, operator, value)

    def _leaf(self, field: str, kind: str, operator: str, value: Any) -> Leaf:
        if kind == fields.SEGMENT:
            return self.segment(_text(field, value))
        if kind == fields.TAG:
            return self.tagged(_text(field, value), operator == "=")
        if kind == fields.DATE and value is not None:
            return self._date(field, operator, _number(field, value))
        coerce = {fields.STRING: _text, fields.BOOLEAN: _truth, fields.INTEGER: _number}.get(kind, _number)
        if isinstance(value, list):
            wanted: Any = [coerce(field, v) for v in value]
        elif value is None:
            if operator not in ("=", "!="):
                raise invalid(f"{operator} needs a value")
            wanted = None
        else:
            wanted = coerce(field, value)
        key = (field, operator, msgspec.json.encode(wanted))
        test = _test(field, operator, wanted)
        return Leaf(key, field, (fields.stored_name(field),), lambda: test)

    def _date(self, field: str, operator: str, given: float) -> Leaf:
        second, custom = int(given), field.startswith("custom_attributes.")
        depends = (fields.stored_name(field),)
        get = fields.getter(field)
        if operator == "!=":  # from 2.17 on, and it finds those without a value too (§1)
            return Leaf((field, operator, second), field, depends, lambda: lambda c: get(c) != second)
        if self.version < (2, 17):
            low, high = days.by_day(operator, second, self.zone)
        elif custom:  # still whole days, but of UTC (§1)
            low, high = days.by_day(operator, second, ZoneInfo("UTC"))
        else:
            low, high = days.by_second(operator, second)

        def test(contact: Contact) -> bool:
            value = get(contact)
            return value is not None and low <= value < high

        return Leaf((field, low, high), field, depends, lambda: test, (low, high))


def _group(operator: str, leaves: list[Leaf]) -> Leaf:
    def make() -> Test:
        tests = [leaf.make() for leaf in leaves]
        if operator == "AND":
            return lambda contact: all(test(contact) for test in tests)
        return lambda contact: any(test(contact) for test in tests)

    depends = tuple(name for leaf in leaves for name in leaf.depends)
    return Leaf((operator, *(leaf.key for leaf in leaves)), "", depends, make)


def _test(field: str, operator: str, wanted: Any) -> Test:
    get, fold = fields.getter(field), field == "email"  # emails are compared without case (§13)
    if fold and wanted is not None:
        wanted = [w.lower() for w in wanted] if isinstance(wanted, list) else wanted.lower()
    compare = _COMPARE[operator]
    if not fold:
        return lambda contact: compare(get(contact), wanted)

    def folded(contact: Contact) -> bool:
        value = get(contact)
        return compare(value.lower() if value else None, wanted)

    return folded


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda own, wanted: bool(own == wanted),
    "!=": lambda own, wanted: bool(own != wanted),
    "IN": lambda own, wanted: own in wanted,
    "NIN": lambda own, wanted: own not in wanted,
    "~": lambda own, wanted: own is not None and wanted in str(own),
    "!~": lambda own, wanted: own is None or wanted not in str(own),
    "^": lambda own, wanted: own is not None and str(own).startswith(wanted),
    "$": lambda own, wanted: own is not None and str(own).endswith(wanted),
    "<": lambda own, wanted: own is not None and own < wanted,
    ">": lambda own, wanted: own is not None and own > wanted,
    "<=": lambda own, wanted: own is not None and own <= wanted,
    ">=": lambda own, wanted: own is not None and own >= wanted,
}


def _mismatch(field: str, kind: str) -> ApiError:
    return ApiError(400, "type_mismatch", f"The value of {field} must be a {kind}")


def _text(field: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _mismatch(field, "string")


def _truth(field: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise _mismatch(field, "boolean")


def _number(field: str, value: Any) -> float:
    """Numbers may come as text: the documentation's own example does (§3.3)."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return int(value) if value.lstrip("-").isdigit() else float(value)
        except ValueError:
            pass
    raise _mismatch(field, "number")
