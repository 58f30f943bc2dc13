"""Whose word stands where several syncs write one field of one contact: that of the sync declared last.

Two syncs collide when they write another fact, or that of another campaign's referrer, into the same field of
the same contact; each would correct the other for ever. So for contacts that both have in their outbox only
the one whose map back was set later writes the field. Where it lets go (another map, deleted), the other
takes it up again with its next run over everybody.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection as database
from django.db.backends.utils import CursorWrapper

from passalong.sync import rows as sql
from passalong.sync.mapping import Values

_RIVALS = """
FROM sync_sync s
JOIN sync_sync t ON t.connection_id = s.connection_id AND t.id <> s.id
JOIN campaigns_campaign g ON g.id = t.campaign_id
CROSS JOIN LATERAL jsonb_array_elements(s.outbound) AS mine
CROSS JOIN LATERAL jsonb_array_elements(t.outbound) AS theirs
WHERE s.id = %(sync)s AND theirs->>'to' = mine->>'to'
    AND (t.campaign_id <> s.campaign_id OR theirs->>'from' <> mine->>'from')
"""
_LATER = "(t.declared_at, t.id) > (s.declared_at, s.id)"
STARTED = "EXISTS (SELECT 1 FROM sync_run r WHERE r.sync_id = t.id AND r.kind = 'run')"
CONFLICTS = f"""
SELECT mine->>'to', t.id, t.name, g.name, {_LATER} {_RIVALS} AND {STARTED} ORDER BY 1, t.declared_at, t.id
"""
HAS_RIVALS = f"SELECT EXISTS (SELECT 1 {_RIVALS} AND {_LATER})"
YIELDED = f"""
SELECT v.external_id, k.target FROM (SELECT DISTINCT t.id, mine->>'to' AS target {_RIVALS} AND {_LATER}) AS k,
    unnest(%(ids)s::text[]) AS c(id), LATERAL (
        SELECT external_id FROM sync_writeback WHERE sync_id = k.id AND external_id = c.id OFFSET 0) AS v
"""  # noqa: S608 - constants


class Conflict(NamedTuple):
    """A field that another sync writes, too. `theirs`: for people in both its word stands, not ours."""

    field: str
    sync_id: UUID
    sync: str
    campaign: str
    theirs: bool


def conflicts(sync_id: UUID) -> list[Conflict]:
    """Every field of this sync that another sync, of those ever started, writes otherwise."""
    with database.cursor() as cursor:
        return [Conflict(*row) for row in sql.select(cursor, CONFLICTS, sync=sync_id)]


def has_rivals(sync_id: UUID) -> bool:
    """Whether a sync declared later writes one of the fields of this one."""
    with database.cursor() as cursor:
        return bool(sql.select(cursor, HAS_RIVALS, sync=sync_id)[0][0])


def yielded(cursor: CursorWrapper, sync_id: Any, ids: Sequence[str]) -> set[tuple[str, str]]:
    """Of these contacts, each with each field that this sync leaves to one declared later."""
    return {(row[0], row[1]) for row in sql.select(cursor, YIELDED, sync=sync_id, ids=list(ids))}


def ours(wanted: Values, contact: str, left: set[tuple[str, str]]) -> Values:
    """What is wanted of a contact, without the fields that are left to another sync."""
    return {key: value for key, value in wanted.items() if (contact, key) not in left}
