"""A chunk of rows becomes what they say, records and a checkpoint, in ONE transaction."""

from collections.abc import Iterator
from itertools import islice

from django.db import IntegrityError, connection, transaction

from passalong.accounts.scope import in_workspace
from passalong.core.clock import now
from passalong.referrers.imports import rows as sql
from passalong.referrers.imports import storage
from passalong.referrers.imports.kinds import CollisionError, kind_named
from passalong.referrers.imports.lease import LEASE, Claim, LeaseLostError
from passalong.referrers.imports.models import Import, ImportStatus
from passalong.referrers.imports.table import Layout, Row, read

CHUNK = 1_000
# Rows can be wide: a chunk ends when it holds this much, however few they are.
CHUNK_CHARACTERS = 4_000_000
# Each try that fails means that somebody else brought some of a chunk's people: one rival may do so often.
TRIES = 50


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
    with in_workspace(upload.workspace_id), connection.cursor() as cursor:
        sql.prefer_keys(cursor)
        counts = kind_named(upload.kind).apply(upload, cursor, chunk)
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
