"""What becomes of the outbox of newcomers when people are merged or erased."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection as database

from passalong.referrers.erasing import Person
from passalong.sync.newcomers.models import Newcomer, Sighting

PAIRS = "unnest(%(losers)s::uuid[], %(survivors)s::uuid[]) AS k(loser, survivor)"
# Somebody who is known in the CRM already need not be made known again.
DROP = f"""
DELETE FROM sync_newcomer t USING {PAIRS} WHERE t.referrer_id = k.loser AND t.lead_id IS NULL AND EXISTS (
    SELECT 1 FROM sync_newcomer o
    WHERE o.referrer_id = k.survivor AND o.connection_id = t.connection_id AND o.lead_id IS NULL)
"""  # noqa: S608 - a constant
MOVE = f"UPDATE sync_newcomer AS t SET referrer_id = k.survivor FROM {PAIRS} WHERE t.referrer_id = k.loser"  # noqa: S608


def on_referrers_merged(into: Mapping[UUID, UUID], **_signal: Any) -> None:
    """What waits for the losers, or was sent for them, is the survivor's."""
    for loser, survivor in into.items():
        pair = {"losers": [loser], "survivors": [survivor]}
        with database.cursor() as cursor:
            cursor.execute(DROP, pair)
            cursor.execute(MOVE, pair)


def on_erasing(person: Person, **_signal: Any) -> None:
    """Who is erased is not made known, and what was sent of them is forgotten."""
    rows = Newcomer.objects.all()
    for mine in (
        rows.filter(lead__in=person.leads),
        rows.filter(referrer__in=person.referrers, lead=None),
        rows.filter(email__in=person.texts),
    ):
        mine.delete()
    Sighting.objects.filter(lead__in=person.leads).delete()
