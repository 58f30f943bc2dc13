"""What becomes of visits and of the days' numbers when people are merged or erased."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection as database

from passalong.referrers.erasing import Person
from passalong.tracking.models import Visit

VISITS = """
UPDATE tracking_visit AS v SET referrer_id = k.survivor
FROM unnest(%s::uuid[], %s::uuid[]) AS k(loser, survivor) WHERE v.referrer_id = k.loser
"""
# The survivor's numbers grow by notes, as all numbers do, so that nobody waits for a day's row. Each note has
# its opposite under the loser's id, which nobody has any more: for the campaign nothing happened.
DAYS = """
INSERT INTO tracking_tally (campaign_id, referrer_id, day, source, visits, leads, qualified)
SELECT d.campaign_id, side.referrer, d.day, '', side.sign * sum(d.visits), side.sign * sum(d.leads),
    side.sign * sum(d.qualified)
FROM unnest(%s::uuid[], %s::uuid[]) AS k(loser, survivor)
JOIN (
    SELECT campaign_id, referrer_id, day, visits, leads, qualified FROM tracking_referrerday
    WHERE referrer_id = ANY(%s::uuid[])
    UNION ALL
    SELECT campaign_id, referrer_id, day, visits, leads, qualified FROM tracking_tally
    WHERE referrer_id = ANY(%s::uuid[])) AS d ON d.referrer_id = k.loser
CROSS JOIN LATERAL (VALUES (k.survivor, 1), (k.loser, -1)) AS side(referrer, sign)
GROUP BY d.campaign_id, side.referrer, side.sign, d.day
"""


def on_referrers_merged(into: Mapping[UUID, UUID], **_signal: Any) -> None:
    """Visits and the numbers by day go to the survivor; the campaign's own stay as they are."""
    losers, survivors = list(into), list(into.values())
    with database.cursor() as cursor:
        cursor.execute(DAYS, (losers, survivors, losers, losers))
        cursor.execute(VISITS, (losers, survivors))


def on_erasing(person: Person, **_signal: Any) -> None:
    """Single visits go; how many there were stays with the campaign's days."""
    Visit.objects.filter(referrer__in=person.referrers).delete()
