"""Runs over just those contacts that failed before."""

from django.db import connection as database
from django.db import transaction
from django.db.models import F

from passalong.sync.lease import Claim, keep
from passalong.sync.models import RunRecord

ABSENT = (
    "This contact is no longer in the audience: it left it, or was archived, deleted or merged in {crm}. "
    "There is nothing to do."
)
NOTE_ABSENT = """
INSERT INTO sync_runrecord (run_id, external_id, mark, email, role, last_seen_at, referrer_id,
    outcome, reason, message, write_back)
SELECT %s, old.external_id, 0, old.email, old.role, old.last_seen_at, old.referrer_id,
    'left', 'not_in_audience', %s, 'none'
FROM sync_runrecord AS old
WHERE old.run_id = %s AND old.external_id = ANY(%s) AND NOT EXISTS (
    SELECT 1 FROM sync_runrecord AS new WHERE new.run_id = %s AND new.external_id = old.external_id)
ON CONFLICT DO NOTHING
"""


def contacts(held: Claim) -> list[str]:
    """The contact ids that this retry reads again, in the order they were first read."""
    found = RunRecord.objects.unsuccessful().filter(run=held.retry_of)
    if held.only:
        found = found.filter(external_id__in=held.only)
    return list(found.order_by("id").values_list("external_id", flat=True))


def note_absent(held: Claim) -> None:
    """Say of those the CRM no longer has in the audience that they left it. Safe to repeat."""
    ids = contacts(held)
    with transaction.atomic(), database.cursor() as cursor:
        message = ABSENT.format(crm=held.crm)
        cursor.execute(NOTE_ABSENT, (held.run_id, message, held.retry_of, ids, held.run_id))
        keep(held, left=F("left") + cursor.rowcount)
