"""Rows become referrers: the strategy of the kind `referrers`."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper
from django.db.models import F

from passalong.campaigns.models import Campaign
from passalong.core.ids import new_id
from passalong.core.problems import invalid
from passalong.referrers.codes import new_code
from passalong.referrers.imports import problems
from passalong.referrers.imports import rows as sql
from passalong.referrers.imports.columns import (
    EMAIL,
    PERSONAL,
    Judged,
    judge,
    merged,
    problems_of,
    suggested,
)
from passalong.referrers.imports.kinds import CollisionError, Kind, Made, repeated
from passalong.referrers.imports.models import Import
from passalong.referrers.imports.table import Row
from passalong.referrers.search import search_words
from passalong.referrers.services import normal_email
from passalong.referrers.signals import referrers_created


def _check(columns: list[str], mapping: list[str]) -> None:
    found = problems_of(columns, mapping)
    if found:
        raise invalid(found, code="invalid_mapping")
    if EMAIL not in mapping:
        raise problems.no_email_column(columns)


def _apply(upload: Import, cursor: CursorWrapper, chunk: list[Row]) -> Counter[str]:
    return _Chunk(upload, cursor).apply(chunk)


REFERRERS = Kind(
    name="referrers",
    template=("Email", "First name", "Last name", "Phone"),
    suggested=suggested,
    check=_check,
    apply=_apply,
)


class _Chunk:
    """One transaction's worth of rows."""

    def __init__(self, upload: Import, cursor: CursorWrapper) -> None:
        self.upload, self.cursor = upload, cursor
        self.campaign_id: UUID = upload.campaign_id
        self.workspace_id: UUID = upload.workspace_id

    def apply(self, chunk: list[Row]) -> Counter[str]:
        """Everything but the checkpoint; gives how many rows had which outcome."""
        judged = [judge(row, self.upload.columns, self.upload.mapping, normal_email) for row in chunk]
        leaders, others = self._leaders(judged)
        made = self._save(leaders)
        leader_of = {one.email: one.referrer for one in made}
        for one in others:
            if one.outcome == "duplicate":
                one.referrer = one.referrer or leader_of.get(one.email)
        return sql.record(self.cursor, self.upload.pk, [*made, *others])

    def _leaders(self, judged: Sequence[Judged]) -> tuple[list[Judged], list[Made]]:
        """The rows that decide about a person: the first with each address. The others have an outcome."""
        usable = [one.email for one in judged if not one.outcome]
        seen = sql.met(self.cursor, self.upload.pk, list(dict.fromkeys(usable)))
        known = sql.known(self.cursor, self.campaign_id, list(seen)) if seen else {}
        leaders: list[Judged] = []
        others: list[Made] = []
        for one in judged:
            if one.outcome:
                said = {"reason": one.reason, "message": one.message}
                others.append(Made(one.number, one.email, one.outcome, **said))
            elif one.email in seen:
                referrer = known.get(one.email)
                others.append(repeated(one.number, one.email, referrer=referrer["id"] if referrer else None))
            else:
                seen.add(one.email)
                leaders.append(one)
        return leaders, others

    def _save(self, leaders: Sequence[Judged]) -> list[Made]:
        known = sql.known(self.cursor, self.campaign_id, [one.email for one in leaders])
        fresh = [one for one in leaders if one.email not in known]
        there = [(one, known[one.email]) for one in leaders if one.email in known]
        return self._add(fresh) + self._change(there)

    def _add(self, fresh: Sequence[Judged]) -> list[Made]:
        rows = [_new_row(one) for one in fresh]
        if sql.add(self.cursor, self.workspace_id, self.campaign_id, rows) != len(rows):
            raise CollisionError
        if rows:
            Campaign.everywhere.filter(pk=self.campaign_id).update(
                referrers_count=F("referrers_count") + len(rows)
            )
        ids = [row["id"] for row in rows]
        referrers_created.send(sender=Import, workspace_id=self.upload.workspace_id, ids=ids)
        return [
            Made(one.number, one.email, "created", row["id"]) for one, row in zip(fresh, rows, strict=True)
        ]

    def _change(self, there: Sequence[tuple[Judged, dict[str, Any]]]) -> list[Made]:
        """Change rows as they are now: what somebody else changed meanwhile counts."""
        overwrite = self.upload.overwrite
        wanted = [row["id"] for one, row in there if merged(row, one, overwrite=overwrite)]
        locked = sql.lock(self.cursor, wanted)
        if len(locked) != len(wanted):
            raise CollisionError
        changed, made = [], []
        for one, row in there:
            current = locked.get(row["id"])
            after = merged(current, one, overwrite=overwrite) if current else None
            if current and after:
                changed.append(_searchable({**current, **after}))
            made.append(Made(one.number, one.email, "updated" if after else "unchanged", row["id"]))
        sql.change(self.cursor, changed)
        return made


def _new_row(one: Judged) -> dict[str, Any]:
    empty = dict.fromkeys(PERSONAL, "")
    row = {"id": str(new_id()), "email": one.email, "code": new_code(), "fields": one.fields}
    return _searchable({**empty, **one.values, **row})


def _searchable(row: dict[str, Any]) -> dict[str, Any]:
    words = search_words(row["email"], row["first_name"], row["last_name"], row["code"])
    return {**row, "search_words": words}
