"""A sync's instruction in words, for the review and for the sync's own page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from passalong.sync.facts import FACTS, MODES, NAME_FORMATS, TARGETS
from passalong.sync.models import Connection
from passalong.sync.setup.forms.contacts import KINDS, POLICY


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


def summary(connection: Connection, body: Mapping[str, Any]) -> Summary:
    """`body` has the shape of the REST contract; names come from what the CRM last said."""
    fields = {field["key"]: field["label"] for field in connection.fields_cache}
    segments = {segment["id"]: segment["name"] for segment in connection.segments_cache}
    audience = body["audience"]
    return Summary(
        account=connection.account_name,
        audience=_kind(audience.get("kind", "")),
        included=[segments.get(key, key) for key in audience.get("segment_ids", [])],
        excluded=[segments.get(key, key) for key in audience.get("exclude_segment_ids", [])],
        left_out=[str(label) for key, label in POLICY if body["contact_policy"].get(key) == "skip"],
        inbound=[_in(row, fields) for row in body["inbound"]],
        outbound=[
            MapLine(FACTS.get(row["from"], row["from"]), fields.get(row["to"], row["to"]))
            for row in body["outbound"]
        ],
        type=_("One-time sync") if body["type"] == "one_time" else _("Ongoing sync"),
    )


def _kind(kind: str) -> str:
    return next((str(title) for key, title, _line in KINDS if key == kind), "")


def _in(row: Mapping[str, Any], fields: Mapping[str, str]) -> MapLine:
    notes = []
    if row.get("name_format") and row["name_format"] != "whole":
        notes.append(NAME_FORMATS[row["name_format"]])
    if row.get("mode") not in (None, "overwrite"):
        notes.append(MODES[row["mode"]])
    if row.get("default"):
        notes.append(_("“%(value)s” when empty") % {"value": row["default"]})
    target = TARGETS.get(row["to"], row["to"].removeprefix("fields."))
    return MapLine(fields.get(row["from"], row["from"]), target, ", ".join(notes))
