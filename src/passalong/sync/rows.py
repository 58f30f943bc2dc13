"""Set-based SQL for one page: rows go in and out as one JSON document per statement, never one by one."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.db.backends.utils import CursorWrapper

Row = dict[str, Any]
_json = msgspec.json.Encoder()


def select(cursor: CursorWrapper, sql: str, *params: Any, **named: Any) -> list[tuple[Any, ...]]:
    """All rows of a query whose parameters have places, or names."""
    cursor.execute(sql, named or params)
    return list(cursor.fetchall())


def apply(cursor: CursorWrapper, sql: str, rows: Sequence[Mapping[str, Any]], *params: Any) -> int:
    """Run a statement whose first parameter is the JSON array of `rows`; returns the rows it touched."""
    if not rows:
        return 0
    cursor.execute(sql, (_json.encode(rows).decode(), *params))
    return int(cursor.rowcount)


def prefer_keys(cursor: CursorWrapper) -> None:
    """Plan this transaction's statements as look-ups by key.

    A run fills its tables faster than PostgreSQL counts their rows; judged by the old counts, reading a
    whole run looks cheaper than 150 index look-ups, and each page would cost more than the one before.
    For the same reason the queries below say LATERAL … OFFSET 0: one look-up for each key, in this order.
    """
    cursor.execute(
        "SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), "
        "set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)"
    )


def commit_early(cursor: CursorWrapper) -> None:
    """Do not wait for the disk when this transaction commits.

    If the machine itself fails, the last moments of a read may be gone, with the checkpoints that went with
    them, and are read again. What follows a read commits the usual way, which makes all of it durable before
    the CRM is written to.
    """
    cursor.execute("SELECT set_config('synchronous_commit', 'off', true)")


def known_records(cursor: CursorWrapper, run: UUID, ids: list[str]) -> dict[str, int]:
    """external_id → mark, for contacts this run has met already."""
    sql = """
        SELECT r.* FROM unnest(%s::text[]) AS k(id), LATERAL (
            SELECT external_id, mark FROM sync_runrecord
            WHERE run_id = %s AND external_id = k.id OFFSET 0) AS r
    """
    return dict(select(cursor, sql, ids, run))


def remark(cursor: CursorWrapper, run: UUID, ids: list[str], mark: int) -> None:
    """Say that this walk has seen these contacts."""
    sql = "UPDATE sync_runrecord SET mark = %s WHERE run_id = %s AND external_id = ANY(%s)"
    cursor.execute(sql, (mark, run, ids))


def excluded_ids(cursor: CursorWrapper, run: UUID, ids: list[str]) -> set[str]:
    """Which of these contacts are in an excluded segment."""
    sql = "SELECT external_id FROM sync_excluded WHERE run_id = %s AND external_id = ANY(%s)"
    return {row[0] for row in select(cursor, sql, run, ids)}


ADD_EXCLUDED = """
INSERT INTO sync_excluded (run_id, external_id, mark)
SELECT %s, x.external_id, %s FROM unnest(%s::text[]) AS x(external_id)
ON CONFLICT (run_id, external_id) DO UPDATE SET mark = EXCLUDED.mark WHERE sync_excluded.mark <> EXCLUDED.mark
"""


def add_excluded(cursor: CursorWrapper, run: UUID, ids: list[str], mark: int) -> int:
    """Remember people to leave out; returns how many this walk had not seen yet."""
    cursor.execute(ADD_EXCLUDED, (run, mark, ids))
    return int(cursor.rowcount)


def links_of_contacts(
    cursor: CursorWrapper, campaign: UUID, connection: UUID, ids: list[str]
) -> dict[str, tuple[str, str, int | None]]:
    """external_id → (referrer id, role, last seen), for contacts linked before."""
    sql = """
        SELECT l.* FROM unnest(%s::text[]) AS k(id), LATERAL (
            SELECT external_id, referrer_id::text, role, last_seen_at FROM sync_contactlink
            WHERE campaign_id = %s AND connection_id = %s AND external_id = k.id OFFSET 0) AS l
    """
    return {row[0]: row[1:] for row in select(cursor, sql, ids, campaign, connection)}


def links_of_referrers(
    cursor: CursorWrapper, run: UUID, connection: UUID, referrers: list[str]
) -> list[tuple[str, str, str, int | None]]:
    """(referrer id, external_id, role, last seen) of linked contacts that this run has not met."""
    sql = """
        SELECT l.* FROM unnest(%s::uuid[]) AS k(id), LATERAL (
            SELECT referrer_id::text, external_id, role, last_seen_at FROM sync_contactlink
            WHERE referrer_id = k.id AND connection_id = %s OFFSET 0) AS l
        LEFT JOIN LATERAL (
            SELECT true AS met FROM sync_runrecord
            WHERE run_id = %s AND external_id = l.external_id OFFSET 0) AS r ON true
        WHERE r.met IS NULL
    """
    return select(cursor, sql, referrers, connection, run)


_REFERRER = """id::text, email, first_name, last_name, phone, fields, code, referrals_count,
       converted_referrals_count, extract(epoch FROM last_referral_at)::bigint"""
REFERRERS = f"""
SELECT {_REFERRER}
FROM (
    SELECT f.* FROM unnest(%(emails)s::text[]) AS k(wanted), LATERAL (
        SELECT * FROM referrers_referrer
        WHERE campaign_id = %(campaign)s AND lower(email) = k.wanted OFFSET 0) AS f
    UNION ALL
    SELECT f.* FROM unnest(%(ids)s::uuid[]) AS k(wanted), LATERAL (
        SELECT * FROM referrers_referrer WHERE id = k.wanted OFFSET 0) AS f
) AS found
"""  # noqa: S608 - a constant
LOCK_REFERRERS = f"""
SELECT {_REFERRER} FROM referrers_referrer WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE
"""  # noqa: S608 - a constant
REFERRER_COLUMNS = (
    "id",
    "email",
    "first_name",
    "last_name",
    "phone",
    "fields",
    "code",
    "referrals_count",
    "converted_referrals_count",
    "last_referral_at",
)


def referrers(cursor: CursorWrapper, campaign: UUID, emails: Iterable[str], ids: Iterable[str]) -> list[Row]:
    """Referrers of the campaign with these emails, and those with these ids."""
    cursor.execute(REFERRERS, {"campaign": campaign, "emails": list(emails), "ids": list(ids)})
    return list(_referrer_rows(cursor).values())


def lock_referrers(cursor: CursorWrapper, ids: list[str]) -> dict[str, Row]:
    """These referrers as they are now, by id, and nobody else changes them until we are done."""
    if not ids:
        return {}
    cursor.execute(LOCK_REFERRERS, (ids,))
    return _referrer_rows(cursor)


def _referrer_rows(cursor: CursorWrapper) -> dict[str, Row]:
    found = {row[0]: dict(zip(REFERRER_COLUMNS, row, strict=True)) for row in cursor.fetchall()}
    for row in found.values():
        row["fields"] = decoded(row["fields"])
    return found


@lru_cache(4096)
def group_id(run: UUID, key: str) -> str:
    """The stored name of a group, a UUID in hex: `key` is `r:<referrer id>` or `e:<email>`.

    The run is part of it, so that one index answers for one run and no statistics can mislead the planner.
    """
    return hashlib.blake2b(key.encode(), key=run.bytes, digest_size=16).hexdigest()


GROUP_COLUMNS = ("external_id", "role", "last_seen_at", "group", "mapped", "before", "referrer", "outcome")


def group_members(cursor: CursorWrapper, run: UUID, keys: Iterable[str]) -> list[Row]:
    """Contacts of these groups that this run has met on earlier pages; `group` is the key again."""
    names = {group_id(run, key): key for key in keys}
    sql = """
        SELECT r.* FROM unnest(%s::uuid[]) AS k(name), LATERAL (
            SELECT external_id, role, last_seen_at, "group", mapped, before, referrer_id::text, outcome
            FROM sync_runrecord WHERE "group" = k.name OFFSET 0) AS r
    """
    rows = [dict(zip(GROUP_COLUMNS, row, strict=True)) for row in select(cursor, sql, list(names))]
    for row in rows:
        row["group"] = names[row["group"].hex]
        for column in ("mapped", "before"):
            row[column] = decoded(row[column])
    return rows


ADD_REFERRERS = """
INSERT INTO referrers_referrer (
    id, workspace_id, campaign_id, email, first_name, last_name, phone, fields, code, status, source,
    visits_count, referrals_count, converted_referrals_count, search, created_at, updated_at)
SELECT x.id, %s, %s, x.email, x.first_name, x.last_name, x.phone, x.fields, x.code, 'active', %s,
       0, 0, 0, array_to_tsvector(string_to_array(x.search_words, ' ')), now(), now()
FROM jsonb_to_recordset(%s::jsonb) AS x(
    id uuid, email text, first_name text, last_name text, phone text, fields jsonb, code text,
    search_words text)
WHERE NOT EXISTS (SELECT 1 FROM referrers_referreralias a WHERE a.code = x.code)
ORDER BY x.email
ON CONFLICT DO NOTHING
"""


def add_referrers(
    cursor: CursorWrapper, workspace: UUID, campaign: UUID, source: str, rows: Sequence[Row]
) -> int:
    """Insert new referrers; those whose email or code somebody else took meanwhile are left out of the count.

    Ordered by email, so that two runs inserting the same people wait for each other instead of dead-locking.
    """
    if not rows:
        return 0
    cursor.execute(ADD_REFERRERS, (workspace, campaign, source, _json.encode(rows).decode()))
    return int(cursor.rowcount)


CHANGE_REFERRERS = """
UPDATE referrers_referrer AS f SET first_name = x.first_name, last_name = x.last_name, phone = x.phone,
    fields = x.fields,
    search = array_to_tsvector(string_to_array(x.search_words, ' ')), updated_at = now()
FROM (SELECT * FROM jsonb_to_recordset(%s::jsonb) AS x(
    id uuid, first_name text, last_name text, phone text, fields jsonb, search_words text) ORDER BY id) AS x
WHERE f.id = x.id
"""

SAVE_LINKS = """
INSERT INTO sync_contactlink (
    id, workspace_id, campaign_id, connection_id, external_id, referrer_id, role, last_seen_at, created_at)
SELECT x.id, x.workspace, x.campaign, x.connection, x.external_id, x.referrer, x.role, x.last_seen_at, now()
FROM jsonb_to_recordset(%s::jsonb) AS x(id uuid, workspace uuid, campaign uuid, connection uuid,
    external_id text, referrer uuid, role text, last_seen_at bigint)
ORDER BY x.external_id
ON CONFLICT (campaign_id, connection_id, external_id)
DO UPDATE SET role = EXCLUDED.role, last_seen_at = EXCLUDED.last_seen_at
"""

ADD_RECORDS = """
INSERT INTO sync_runrecord (run_id, external_id, mark, email, role, last_seen_at, "group", mapped, before,
    referrer_id, outcome, reason, message, write_back)
SELECT x.run, x.external_id, x.mark, x.email, x.role, x.last_seen_at, x."group", x.mapped, x.before,
    x.referrer, x.outcome, x.reason, x.message, x.write_back
FROM jsonb_to_recordset(%s::jsonb) AS x(run uuid, external_id text, mark int, email text, role text,
    last_seen_at bigint, "group" uuid, mapped jsonb, before jsonb, referrer uuid, outcome text, reason text,
    message text, write_back text)
"""

CHANGE_RECORDS = """
UPDATE sync_runrecord AS r SET outcome = x.outcome, before = coalesce(x.before, r.before)
FROM jsonb_to_recordset(%s::jsonb) AS x(external_id text, outcome text, before jsonb)
WHERE r.run_id = %s AND r.external_id = x.external_id
"""

WRITE_BACKS = """
SELECT external_id, sent, remote, pending FROM sync_writeback WHERE sync_id = %s AND external_id = ANY(%s)
"""

WISH = """
INSERT INTO sync_writeback AS w (sync_id, run_id, referrer_id, external_id, remote, sent, pending, version,
    updated_at)
SELECT x.sync, x.run, x.referrer, x.external_id, x.remote, x.sent, true, 0, now()
FROM jsonb_to_recordset(%s::jsonb) AS x(sync uuid, run uuid, referrer uuid, external_id text, remote jsonb,
    sent jsonb)
ORDER BY x.external_id
ON CONFLICT (sync_id, external_id) DO UPDATE SET run_id = EXCLUDED.run_id, referrer_id = EXCLUDED.referrer_id,
    remote = EXCLUDED.remote, sent = EXCLUDED.sent, pending = true, version = w.version + 1,
    updated_at = now()
"""

# Contacts that say the right thing when they are first met: looked at once more by the sender of changes, for
# what may have changed while their page was applied, and known to it from then on.
MET = """
INSERT INTO sync_writeback (sync_id, referrer_id, external_id, remote, sent, pending, version, due_at,
    updated_at)
SELECT x.sync, x.referrer, x.external_id, x.remote, x.sent, true, 0, now() + interval '3 seconds', now()
FROM jsonb_to_recordset(%s::jsonb) AS x(sync uuid, referrer uuid, external_id text, remote jsonb, sent jsonb)
ORDER BY x.external_id
ON CONFLICT DO NOTHING
"""

DROP_WISHES = """
UPDATE sync_writeback SET pending = false, due_at = NULL, problem = NULL, updated_at = now()
WHERE sync_id = %s AND external_id = ANY(%s) AND pending
"""


def decoded(value: Any) -> Any:
    """A jsonb column as Python values; raw cursors give its text."""
    return msgspec.json.decode(value) if isinstance(value, str) else value
