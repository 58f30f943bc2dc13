"""A sync's instruction in words, for the review and for the sync's own page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from passalong.sync.facts import FACTS, MODES, NAME_FORMATS, TARGETS
from passalong.sync.models import Connection
from passalong.sync.setup.forms.contacts import KINDS, POLICY
from passalong.sync.setup.forms.sync_type import LEAVING, every


@dataclass(frozen=True)
class MapLine:
    """One row of a map: from, to, and what else is to be said about it."""

    source: str
    target: str
    note: str = ""


@dataclass(frozen=True)
class Summary:
    """What a sync does."""

    account: str
    audience: str
    included: list[str]
    excluded: list[str]
    left_out: list[str]
    inbound: list[MapLine]
    outbound: list[MapLine]
    type: str
    on_leave: str


def summary(connection: Connection, body: Mapping[str, Any]) -> Summary:
    """`body` has the shape of the REST contract; names come from what the CRM last said."""
    fields = names_of(connection.fields_cache, "key", "label")
    segments = names_of(connection.segments_cache, "id", "name")
    audience = body["audience"]
    return Summary(
        account=connection.account_name,
        audience=kind_words(audience.get("kind", "")),
        included=[segments.get(key, key) for key in audience.get("segment_ids", [])],
        excluded=[segments.get(key, key) for key in audience.get("exclude_segment_ids", [])],
        left_out=[str(label) for key, label in POLICY if body["contact_policy"].get(key) == "skip"],
        inbound=[map_in_line(row, fields) for row in body["inbound"]],
        outbound=[map_back_line(row, fields) for row in body["outbound"]],
        type=type_words(body["type"], body.get("interval_minutes", 60)),
        on_leave=leaving_words(body.get("on_leave", "keep")) if body["type"] == "ongoing" else "",
    )


def names_of(cache: Any, key: str, name: str) -> dict[str, str]:
    """What the CRM last called its fields or segments, by their keys."""
    return {row[key]: row[name] for row in cache}


def kind_words(kind: str) -> str:
    """Which contacts, as the wizard offers them."""
    return next((str(title) for key, title, _line in KINDS if key == kind), "")


def type_words(kind: str, minutes: int) -> str:
    """One-time, or ongoing and how often."""
    if kind == "one_time":
        return _("One-time sync")
    return _("Ongoing sync, %(every)s") % {"every": every(minutes)}


def leaving_words(rule: str) -> str:
    """What happens to people who leave the audience."""
    return next((str(title) for key, title, _line in LEAVING if key == rule), rule)


def map_back_line(row: Mapping[str, Any], fields: Mapping[str, str]) -> MapLine:
    """One row of the map back, `fields` being the CRM's names."""
    return MapLine(FACTS.get(row["from"], row["from"]), fields.get(row["to"], row["to"]))


def map_in_line(row: Mapping[str, Any], fields: Mapping[str, str]) -> MapLine:
    """One row of the map in, `fields` being the CRM's names."""
    notes = []
    if row.get("name_format") and row["name_format"] != "whole":
        notes.append(NAME_FORMATS[row["name_format"]])
    if row.get("mode") not in (None, "overwrite"):
        notes.append(MODES[row["mode"]])
    if row.get("default"):
        notes.append(_("“%(value)s” when empty") % {"value": row["default"]})
    target = TARGETS.get(row["to"], row["to"].removeprefix("fields."))
    return MapLine(fields.get(row["from"], row["from"]), target, ", ".join(notes))
