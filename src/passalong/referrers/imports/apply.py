"""A chunk of rows becomes referrers, records and a checkpoint, in ONE transaction."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F

from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from passalong.core.ids import new_id
from passalong.referrers.codes import new_code
from passalong.referrers.imports import rows as sql
from passalong.referrers.imports import storage
from passalong.referrers.imports.columns import PERSONAL, Judged, judge, merged
from passalong.referrers.imports.lease import LEASE, Claim, LeaseLostError
from passalong.referrers.imports.models import Import, ImportStatus
from passalong.referrers.imports.table import Layout, Row, read
from passalong.referrers.search import search_words
from passalong.referrers.services import normal_email

CHUNK = 1_000
# Rows can be wide: a chunk ends when it holds this much, however few they are.
CHUNK_CHARACTERS = 4_000_000
TRIES = 5
LED = ("created", "updated", "unchanged")


class CollisionError(Exception):
    """Somebody else added or removed one of these people, or drew one of these codes. Look again."""


class Rows:
    """The rows of a stored file, a chunk at a time; asked for the same chunk again, it has it still."""

    def __init__(self, upload: Import) -> None:
        self._upload_id = upload.pk
        self._layout = Layout(upload.encoding, upload.delimiter)
        self._rows: Iterator[Row] = iter(())
        self._start, self._chunk, self._next = -1, list[Row](), -1

    def after(self, start: int) -> list[Row]:
        """The rows after the first `start`: a chunk of them, none at the end of the file."""
        if start != self._start:
            going_on = start == self._next
            # Whatever fails below, the next call begins at the beginning.
            self._start = self._next = -1
            if not going_on:
                rows = read(storage.stored(self._upload_id), self._layout)
                self._rows = islice(rows, start + 1, None)
            self._chunk = _taken(self._rows)
            self._start, self._next = start, start + len(self._chunk)
        return self._chunk


def _taken(rows: Iterator[Row]) -> list[Row]:
    chunk: list[Row] = []
    size = 0
    while len(chunk) < CHUNK and size < CHUNK_CHARACTERS and (row := next(rows, None)):
        chunk.append(row)
        size += sum(map(len, row.cells))
    return chunk


def step(held: Claim, rows: Rows) -> bool:
    """Do the next chunk, or change nothing and raise; False when the import has ended.

    The checkpoint is read in the transaction that moves it, so repeating a step whose commit was not
    acknowledged does the chunk after it. LeaseLostError when another worker has the import.
    """
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                return _step(held, rows)
        except (CollisionError, IntegrityError):
            continue
    raise CollisionError


def _step(held: Claim, rows: Rows) -> bool:
    mine = Import.everywhere.select_for_update().filter(
        pk=held.upload.pk, epoch=held.epoch, status=ImportStatus.RUNNING
    )
    upload = mine.first()
    if upload is None:
        raise LeaseLostError
    if upload.cancel_requested:
        return end(upload, ImportStatus.CANCELLED)
    chunk = rows.after(upload.read)
    if not chunk:
        return end(upload, ImportStatus.PARTIAL if upload.failed else ImportStatus.SUCCEEDED)
    with connection.cursor() as cursor:
        sql.prefer_keys(cursor)
        counts = _Chunk(upload, cursor).apply(chunk)
    for outcome, count in counts.items():
        setattr(upload, outcome, getattr(upload, outcome) + count)
    upload.read += len(chunk)
    upload.lease_until = now() + LEASE
    upload.save(update_fields=["read", "lease_until", *counts])
    return True


def end(upload: Import, status: ImportStatus, error: dict[str, str] | None = None) -> bool:
    """Store how it ended, and forget the file."""
    storage.drop(upload.pk)
    upload.status, upload.error = status, error
    upload.finished_at, upload.lease_until = now(), None
    upload.save(update_fields=["status", "error", "finished_at", "lease_until"])
    return False


@dataclass
class _Made:
    """What becomes of a row."""

    row: Judged
    outcome: str
    referrer: str | None = None
    reason: str = ""
    message: str = ""


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
        leader_of = {one.row.email: one.referrer for one in made}
        for one in others:
            if one.outcome == "duplicate":
                one.referrer = one.referrer or leader_of.get(one.row.email)
        made = sorted([*made, *others], key=lambda one: one.row.number)
        sql.record(self.cursor, self.upload.pk, [_record(self.upload.pk, one) for one in made])
        return Counter(one.outcome for one in made)

    def _leaders(self, judged: Sequence[Judged]) -> tuple[list[Judged], list[_Made]]:
        """The rows that decide about a person: the first with each address. The others have an outcome."""
        usable = [one.email for one in judged if not one.outcome]
        seen = sql.met(self.cursor, self.upload.pk, list(dict.fromkeys(usable)))
        known = sql.known(self.cursor, self.campaign_id, list(seen)) if seen else {}
        leaders: list[Judged] = []
        others: list[_Made] = []
        for one in judged:
            if one.outcome:
                others.append(_Made(one, one.outcome, None, one.reason, one.message))
            elif one.email in seen:
                referrer = known.get(one.email)
                others.append(_again(one, referrer["id"] if referrer else None))
            else:
                seen.add(one.email)
                leaders.append(one)
        return leaders, others

    def _save(self, leaders: Sequence[Judged]) -> list[_Made]:
        known = sql.known(self.cursor, self.campaign_id, [one.email for one in leaders])
        fresh = [one for one in leaders if one.email not in known]
        there = [(one, known[one.email]) for one in leaders if one.email in known]
        return self._add(fresh) + self._change(there)

    def _add(self, fresh: Sequence[Judged]) -> list[_Made]:
        rows = [_new_row(one) for one in fresh]
        if sql.add(self.cursor, self.workspace_id, self.campaign_id, rows) != len(rows):
            raise CollisionError
        if rows:
            Campaign.everywhere.filter(pk=self.campaign_id).update(
                referrers_count=F("referrers_count") + len(rows)
            )
        return [_Made(one, "created", row["id"]) for one, row in zip(fresh, rows, strict=True)]

    def _change(self, there: Sequence[tuple[Judged, dict[str, Any]]]) -> list[_Made]:
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
            made.append(_Made(one, "updated" if after else "unchanged", row["id"]))
        sql.change(self.cursor, changed)
        return made


def _again(one: Judged, referrer: str | None) -> _Made:
    message = "An earlier row of this file has the same address; that one was used."
    return _Made(one, "duplicate", referrer, "duplicate_row", message)


def _new_row(one: Judged) -> dict[str, Any]:
    empty = dict.fromkeys(PERSONAL, "")
    row = {"id": str(new_id()), "email": one.email, "code": new_code(), "fields": one.fields}
    return _searchable({**empty, **one.values, **row})


def _searchable(row: dict[str, Any]) -> dict[str, Any]:
    words = search_words(row["email"], row["first_name"], row["last_name"], row["code"])
    return {**row, "search_words": words}


def _record(upload: UUID, made: _Made) -> dict[str, Any]:
    led = made.outcome in LED
    return {
        "row": made.row.number,
        "email": made.row.email,
        "referrer": made.referrer,
        "outcome": made.outcome,
        "reason": made.reason,
        "message": made.message,
        "leader": sql.leader_id(upload, made.row.email) if led else None,
    }
