"""Field maps in both directions, as pure functions without Django or HTTP."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from passalong.sync.records import Contact, FieldType, Scalar

VALUE_LIMIT = 10_000
_TEXT_TARGETS = ("email", "first_name", "last_name", "phone")

Values = dict[str, Scalar]


class InboundRow(msgspec.Struct, frozen=True, rename={"source": "from", "target": "to"}):
    """One row of the map in: CRM field key → referrer field (`first_name`, `fields.<name>`, …)."""

    source: str
    target: str
    mode: str = "overwrite"
    name_format: str | None = None
    default: Scalar = None


class OutboundRow(msgspec.Struct, frozen=True, rename={"fact": "from", "target": "to"}):
    """One row of the map back: a referrer's fact → CRM field key."""

    fact: str
    target: str


class ValueTooLongError(ValueError):
    """A contact's value is longer than anything we keep; `target` says which."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target


def read_contact(rows: Sequence[InboundRow], contact: Contact) -> Values:
    """What the contact says for each mapped target; None where it says nothing and there is no default."""
    return {row.target: _read(row, contact.values.get(row.source)) for row in rows}


def _read(row: InboundRow, raw: Scalar) -> Scalar:
    kept = _text if row.target in _TEXT_TARGETS else _kept
    value = kept(raw)
    if isinstance(value, str):
        if row.name_format:
            value = NAME_FORMATS[row.name_format](value.split())
        if len(value) > VALUE_LIMIT:
            raise ValueTooLongError(row.target)
    return kept(row.default) if value is None or value == "" else value


def _text(raw: Scalar) -> str | None:
    if raw is None:
        return None
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    # PostgreSQL has no NUL in text; runs of white space are noise in names and addresses.
    return " ".join(str(raw).replace("\0", "").split())


def _kept(raw: Scalar) -> Scalar:
    value = storable(raw)
    return value.strip() if isinstance(value, str) else value


def storable(value: Scalar) -> Scalar:
    """The value without NUL characters, which PostgreSQL cannot keep in text or JSON."""
    return value.replace("\0", "") if isinstance(value, str) else value


def _first_and_initial(words: list[str]) -> str:
    return f"{words[0]} {words[-1][0].upper()}." if len(words) > 1 else " ".join(words)


NAME_FORMATS: dict[str, Callable[[list[str]], str]] = {
    "whole": " ".join,
    "first_word": lambda words: words[0] if words else "",
    "first_two_words": lambda words: " ".join(words[:2]),
    "first_and_initial": _first_and_initial,
    "rest": lambda words: " ".join(words[1:]),
}


def values_of(targets: Iterable[str], referrer: Mapping[str, Any]) -> Values:
    """A referrer's values by target, from its row."""
    return {
        target: referrer["fields"].get(target[7:]) if target.startswith("fields.") else referrer[target]
        for target in targets
    }


def merged(
    rows: Sequence[InboundRow], base: Mapping[str, Scalar] | None, mapped: Mapping[str, Scalar]
) -> Values:
    """The referrer's values after this contact has had its say, for the mapped targets only.

    `base` is the referrer before the run, None for a new one. A contact that says nothing never blanks a
    value: emptiness in a CRM is missing knowledge more often than a wish.
    """
    if base is None:
        return {row.target: mapped.get(row.target) for row in rows}
    return {row.target: _merge(row, base, mapped.get(row.target)) for row in rows}


def _merge(row: InboundRow, base: Mapping[str, Scalar], value: Scalar) -> Scalar:
    old = base.get(row.target)
    if value is None or row.mode == "only_new":
        return old
    if row.mode == "fill_if_empty" and old not in (None, ""):
        return old
    return value


def differs(one: Mapping[str, Scalar], other: Mapping[str, Scalar]) -> bool:
    """Whether two sets of values differ in any key of `one`; None and "" are both "nothing"."""
    return any(not same(value, other.get(key)) for key, value in one.items())


def same(one: Scalar, other: Scalar) -> bool:
    """Equality as a person sees it: nothing is nothing, 3 is 3.0, but True is not 1."""
    if one in (None, "") and other in (None, ""):
        return True
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def outgoing(
    rows: Sequence[OutboundRow], types: Mapping[str, FieldType], facts: Mapping[str, Scalar]
) -> Values:
    """What the CRM should say, by CRM field key, in that field's type. A fact that is None is not sent."""
    return {
        row.target: _typed(facts[row.fact], types.get(row.target, "string"))
        for row in rows
        if facts[row.fact] is not None
    }


def _typed(value: Scalar, kind: FieldType) -> Scalar:
    if kind == "string":
        return str(value)
    if kind == "float" and isinstance(value, int):
        return float(value)
    return value


def to_send(
    wanted: Mapping[str, Scalar],
    remote: Mapping[str, Scalar],
    *,
    sent: Mapping[str, Scalar],
    answered: Mapping[str, Scalar],
) -> Values:
    """The part of `wanted` that the CRM does not say already.

    `sent` is what we last sent and `answered` what the CRM made of it: where it stores a value in its own
    way (a date cut to its day), asking again for the same thing would never end.
    """
    return {
        key: value
        for key, value in wanted.items()
        if not same(value, remote.get(key))
        and not (key in sent and same(value, sent[key]) and same(remote.get(key), answered.get(key)))
    }


def facts_of(referrer: Mapping[str, Scalar], base_url: str, campaign_name: str) -> Values:
    """The six facts a referrer has to tell, from its row; times are unix seconds."""
    return {
        "referral_link": f"{base_url}/r/{referrer['code']}",
        "referral_code": referrer["code"],
        "referrals_count": referrer["referrals_count"],
        "converted_referrals_count": referrer["converted_referrals_count"],
        "last_referral_at": referrer["last_referral_at"],
        "campaign_name": campaign_name,
    }
