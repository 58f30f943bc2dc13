"""Set-based SQL for a chunk of rows: they go in and out as one JSON document per statement."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from django.db.backends.utils import CursorWrapper

from passalong.referrers.imports.kinds import Made

LED = ("created", "updated", "unchanged")
Rows = Sequence[Mapping[str, Any]]
_json = msgspec.json.Encoder()


def prefer_keys(cursor: CursorWrapper) -> None:
    """Plan this transaction as look-ups by key: an import outruns the statistics (see docs, Decisions)."""
    cursor.execute(
        "SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), "
        "set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)"
    )


def leader_id(upload: UUID, email: str) -> UUID:
    """The stored name of a person of an import."""
    return UUID(bytes=hashlib.blake2b(email.encode(), key=upload.bytes, digest_size=16).digest())


def met(cursor: CursorWrapper, upload: UUID, emails: Sequence[str]) -> set[str]:
    """Which of these people an earlier row of the file has led."""
    names = {leader_id(upload, email): email for email in emails}
    cursor.execute(
        """
        SELECT r.leader FROM unnest(%s::uuid[]) AS k(name), LATERAL (
            SELECT leader FROM referrers_importrecord WHERE leader = k.name OFFSET 0) AS r
        """,
        (list(names),),
    )
    return {names[row[0]] for row in cursor.fetchall()}


_COLUMNS = ("id", "email", "first_name", "last_name", "phone", "fields", "code")
_SELECTED = "id::text, email, first_name, last_name, phone, fields, code"


def known(cursor: CursorWrapper, campaign: UUID, emails: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The campaign's referrers with these emails, by email."""
    sql = f"""
        SELECT {_SELECTED} FROM unnest(%s::text[]) AS k(wanted), LATERAL (
            SELECT * FROM referrers_referrer
            WHERE campaign_id = %s AND lower(email) = k.wanted OFFSET 0) AS f
    """  # noqa: S608 - a constant
    cursor.execute(sql, (list(emails), campaign))
    return {row["email"]: row for row in _referrers(cursor)}


def lock(cursor: CursorWrapper, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """These referrers as they are now, by id, and nobody else changes them until we are done."""
    if not ids:
        return {}
    sql = f"SELECT {_SELECTED} FROM referrers_referrer WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE"  # noqa: S608
    cursor.execute(sql, (list(ids),))
    return {row["id"]: row for row in _referrers(cursor)}


def _referrers(cursor: CursorWrapper) -> list[dict[str, Any]]:
    found = [dict(zip(_COLUMNS, row, strict=True)) for row in cursor.fetchall()]
    for row in found:
        if isinstance(row["fields"], str):
            row["fields"] = msgspec.json.decode(row["fields"])
    return found


def add(cursor: CursorWrapper, workspace: UUID, campaign: UUID, rows: Rows) -> int:
    """Insert new referrers; those whose email or code somebody else took meanwhile are not counted.

    Ordered by email, so that two who insert the same people wait for each other instead of dead-locking.
    """
    if not rows:
        return 0
    cursor.execute(
        """
        INSERT INTO referrers_referrer (
            id, workspace_id, campaign_id, email, first_name, last_name, phone, fields, code, status, source,
            visits_count, referrals_count, converted_referrals_count, search, created_at, updated_at)
        SELECT x.id, %s, %s, x.email, x.first_name, x.last_name, x.phone, x.fields, x.code, 'active',
               'upload', 0, 0, 0, array_to_tsvector(string_to_array(x.search_words, ' ')), now(), now()
        FROM jsonb_to_recordset(%s::jsonb) AS x(
            id uuid, email text, first_name text, last_name text, phone text, fields jsonb, code text,
            search_words text)
        WHERE NOT EXISTS (SELECT 1 FROM referrers_referreralias a WHERE a.code = x.code)
        ORDER BY x.email
        ON CONFLICT DO NOTHING
        """,
        (workspace, campaign, document(rows)),
    )
    return int(cursor.rowcount)


def change(cursor: CursorWrapper, rows: Rows) -> None:
    """Set names, phone and fields of referrers that are locked."""
    if not rows:
        return
    cursor.execute(
        """
        UPDATE referrers_referrer AS f SET first_name = x.first_name, last_name = x.last_name,
            phone = x.phone, fields = x.fields,
            search = array_to_tsvector(string_to_array(x.search_words, ' ')), updated_at = now()
        FROM jsonb_to_recordset(%s::jsonb) AS x(
            id uuid, first_name text, last_name text, phone text, fields jsonb, search_words text)
        WHERE f.id = x.id
        """,
        (document(rows),),
    )


def record(cursor: CursorWrapper, upload: UUID, made: Iterable[Made]) -> Counter[str]:
    """Say what became of each row; gives how many had which outcome."""
    made = sorted(made, key=lambda one: one.number)
    cursor.execute(
        """
        INSERT INTO referrers_importrecord (
            upload_id, row, email, referrer_id, lead_id, outcome, reason, message, leader)
        SELECT %s, x.number, x.email, x.referrer, x.lead, x.outcome, x.reason, x.message, x.leader
        FROM jsonb_to_recordset(%s::jsonb) AS x(
            number int, email text, referrer uuid, lead uuid, outcome text, reason text, message text,
            leader uuid)
        ORDER BY x.number
        """,
        (upload, document([_record(upload, one) for one in made])),
    )
    return Counter(one.outcome for one in made)


def _record(upload: UUID, made: Made) -> dict[str, Any]:
    leader = leader_id(upload, made.email) if made.outcome in LED else None
    return {**vars(made), "leader": leader}


def document(rows: Rows) -> str:
    """Rows as one parameter of a statement."""
    return _json.encode(rows).decode()
