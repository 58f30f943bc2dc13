"""A sync's timeline in words: who did what, and what each setting was before and is after."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from passalong.accounts.models import AuditEntry
from passalong.sync.models import Connection, Run
from passalong.sync.setup.forms.contacts import POLICY
from passalong.sync.setup.forms.sync_type import LEAVING, TYPES, every
from passalong.sync.setup.summary import (
    MapLine,
    kind_words,
    map_back_line,
    map_in_line,
    names_of,
)
from passalong.web import words

MAPS = ("inbound", "outbound")

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Line:
    """One thing that is different: what it is called, what it was and what it is."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """One moment of the timeline; `run` is the run that did it, if one did."""

    title: str
    who: str
    created_at: datetime
    lines: list[Line]
    run: Run | None = None


@dataclass(frozen=True)
class Names:
    """What the CRM calls its fields and segments."""

    fields: dict[str, str] = field(default_factory=dict)
    segments: dict[str, str] = field(default_factory=dict)


def entries(found: Iterable[AuditEntry], connection: Connection) -> list[Entry]:
    """These entries in words."""
    names = Names(
        names_of(connection.fields_cache, "key", "label"), names_of(connection.segments_cache, "id", "name")
    )
    return [_entry(one, names) for one in found]


def _entry(entry: AuditEntry, names: Names) -> Entry:
    lines = [line for change in entry.changes for line in _lines(change, names)]
    return Entry(_title(entry), entry.who, entry.created_at, lines)


def _title(entry: AuditEntry) -> str:
    if entry.verb != "sync.changed":
        return str(words.VERB.get(entry.verb, entry.verb))
    fields = {change["field"] for change in entry.changes}
    if fields <= set(MAPS):
        return _("Mapping changed")
    return _("Sync changed") if fields & set(MAPS) else _("Settings changed")


def _lines(change: Mapping[str, Any], names: Names) -> list[Line]:
    before, after = change["before"], change["after"]
    if change["field"] == "inbound":
        return _different(_map_in(before or [], names), _map_in(after or [], names), _("not filled"))
    if change["field"] == "outbound":
        return _different(_map_back(before or [], names), _map_back(after or [], names), _("not written"))
    if change["field"] == "contact_policy":
        return _different(_policy(before or {}), _policy(after or {}), "")
    label, say = _PLAIN.get(change["field"], (change["field"], str))
    if change["field"] == "audience":
        return [Line(_("Contacts"), _audience(before, names), _audience(after, names))]
    return [Line(str(label), say(before), say(after))]


def _different(before: Mapping[str, str], after: Mapping[str, str], nothing: str) -> list[Line]:
    """A line for each label that says something else now; only an order that changed has none."""
    labels = dict.fromkeys([*before, *after])
    return [
        Line(label, before.get(label, nothing), after.get(label, nothing))
        for label in labels
        if before.get(label) != after.get(label)
    ]


def _map_in(rows: Rows, names: Names) -> dict[str, str]:
    return {
        line.target: _said(line.source, line) for line in (map_in_line(row, names.fields) for row in rows)
    }


def _map_back(rows: Rows, names: Names) -> dict[str, str]:
    """A fact that goes to two fields is one line with both."""
    found: dict[str, str] = {}
    for line in (map_back_line(row, names.fields) for row in rows):
        found[line.source] = ", ".join(filter(None, [found.get(line.source), line.target]))
    return found


def _said(text: str, line: MapLine) -> str:
    return f"{text} ({line.note})" if line.note else text


def _policy(policy: Mapping[str, str]) -> dict[str, str]:
    chosen = {"include": _("Include"), "skip": _("Skip")}
    return {str(label): chosen.get(policy.get(key, ""), "") for key, label in POLICY}


def _audience(audience: Mapping[str, Any] | None, names: Names) -> str:
    if not audience:
        return ""
    chosen = [names.segments.get(key, key) for key in audience.get("segment_ids", [])]
    left_out = [names.segments.get(key, key) for key in audience.get("exclude_segment_ids", [])]
    text = ", ".join([kind_words(audience.get("kind", "")), *chosen])
    return (
        _("%(contacts)s, without %(left_out)s") % {"contacts": text, "left_out": ", ".join(left_out)}
        if left_out
        else text
    )


def _in_words(table: Mapping[str, Any]) -> Callable[[Any], str]:
    return lambda value: str(table.get(value, value))


_PLAIN: dict[str, tuple[Any, Callable[[Any], str]]] = {
    "name": (words.SETTING["name"], str),
    "type": (words.SETTING["type"], _in_words({key: title for key, title, _line in TYPES})),
    "interval_minutes": (words.SETTING["interval_minutes"], every),
    "on_leave": (words.SETTING["on_leave"], _in_words({key: title for key, title, _line in LEAVING})),
}
