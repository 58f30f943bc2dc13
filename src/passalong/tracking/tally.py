"""Numbers by day: noted with what is counted, folded into the days a little later."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection as database
from django.db import transaction

from passalong.leads.models import Lead, LeadStatus
from passalong.leads.signals import lead_created, lead_deleted, lead_qualified, lead_unqualified
from passalong.tracking.models import Tally

MOST_AT_ONCE = 20_000
# Two who fold at once take different rows. Notes of referrers deleted meanwhile count for the campaign still.
FOLD = """
WITH taken AS (
    DELETE FROM tracking_tally WHERE id IN (
        SELECT id FROM tracking_tally ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING *),
days AS (
    INSERT INTO tracking_campaignday AS d (campaign_id, day, source, visits, leads, qualified)
    SELECT t.campaign_id, t.day, t.source, sum(t.visits), sum(t.leads), sum(t.qualified)
    FROM taken t JOIN campaigns_campaign c ON c.id = t.campaign_id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (campaign_id, day, source) DO UPDATE SET visits = d.visits + EXCLUDED.visits,
        leads = d.leads + EXCLUDED.leads, qualified = d.qualified + EXCLUDED.qualified),
people AS (
    INSERT INTO tracking_referrerday AS d (campaign_id, referrer_id, day, visits, leads, qualified)
    SELECT t.campaign_id, t.referrer_id, t.day, sum(t.visits), sum(t.leads), sum(t.qualified)
    FROM taken t JOIN referrers_referrer f ON f.id = t.referrer_id GROUP BY 1, 2, 3 ORDER BY 2, 3
    ON CONFLICT (referrer_id, day) DO UPDATE SET visits = d.visits + EXCLUDED.visits,
        leads = d.leads + EXCLUDED.leads, qualified = d.qualified + EXCLUDED.qualified)
SELECT count(*) FROM taken
"""


def connect() -> None:
    """Listen to what happens to leads."""
    lead_created.connect(_on_lead_created)
    lead_qualified.connect(_on_lead_qualified)
    lead_unqualified.connect(_on_lead_unqualified)
    lead_deleted.connect(_on_lead_deleted)


def _on_lead_created(leads: Sequence[Lead], **_signal: Any) -> None:
    _note([(lead, lead.created_at) for lead in leads], leads=1)


def _on_lead_qualified(leads: Sequence[Lead], **_signal: Any) -> None:
    _note([(lead, lead.qualified_at) for lead in leads], qualified=1)


def _on_lead_unqualified(lead: Lead, qualified_at: datetime | None, **_signal: Any) -> None:
    """Taken back on the day it was counted."""
    _note([(lead, qualified_at)], qualified=-1)


def _on_lead_deleted(lead: Lead, **_signal: Any) -> None:
    _note([(lead, lead.created_at)], leads=-1)
    if lead.status == LeadStatus.QUALIFIED:
        _note([(lead, lead.qualified_at)], qualified=-1)


def _note(happened: Iterable[tuple[Lead, datetime | None]], **counts: int) -> None:
    Tally.objects.bulk_create(
        Tally(
            campaign_id=lead.campaign_id,
            referrer_id=lead.referrer_id,
            day=moment.astimezone(UTC).date(),
            source=lead.source,
            **counts,
        )
        for lead, moment in happened
        if moment is not None
    )


def fold() -> int:
    """Add what was noted to the days; returns how many notes that were."""
    total = 0
    while True:
        with transaction.atomic(), database.cursor() as cursor:
            cursor.execute(FOLD, (MOST_AT_ONCE,))
            [count] = cursor.fetchone() or [0]
        total += int(count)
        if count < MOST_AT_ONCE:
            return total
