"""Addresses that changed in the CRM, once the whole audience is known: who may have which."""

from django.db import IntegrityError, transaction
from django.db import connection as database
from django.db.models import F

from passalong.referrers.models import Referrer
from passalong.referrers.search import search_words, vector
from passalong.sync import rows as sql
from passalong.sync.lease import Claim, keep
from passalong.sync.match import EmailChange, settle_emails
from passalong.sync.models import Outcome, RunRecord

WANTED = """
SELECT r.id, f.id::text, f.email, r.mapped->>'email' FROM sync_runrecord r
JOIN referrers_referrer f ON f.id = r.referrer_id
WHERE r.run_id = %s AND r.outcome = 'updated' AND r.mapped->>'email' <> f.email
ORDER BY r.id
"""
HELD = """
SELECT email, id::text FROM referrers_referrer WHERE campaign_id = %s AND lower(email) = ANY(%s)
UNION ALL
SELECT email, external_id FROM sync_runrecord WHERE "group" = ANY(%s::uuid[]) AND outcome = 'created'
"""
IN_USE = (
    "Another referrer of this campaign already has the address {email}, so this person keeps the old one. "
    "Merge the two contacts in {crm}, or correct the address, and run the sync again."
)


def settle(held: Claim) -> None:
    """Apply the address changes of a run, or mark as failed those that would take somebody else's.

    Safe to repeat: what was applied is no longer a change, what failed is no longer an update.
    """
    if any(row["to"] == "email" and row["mode"] != "overwrite" for row in held.instruction["inbound"]):
        return
    for last in (False, False, True):
        try:
            _settle(held)
            return
        except IntegrityError:
            # Somebody took one of these addresses between our look and our move: look again.
            if last:
                raise


def _settle(held: Claim) -> None:
    with transaction.atomic(), database.cursor() as cursor:
        sql.prefer_keys(cursor)
        wanted = sql.select(cursor, WANTED, held.run_id)
        if not wanted:
            return
        changes = [EmailChange(key=row[0], referrer=row[1], new=row[3]) for row in wanted]
        news = [change.new for change in changes]
        fresh = [sql.group_id(held.run_id, f"e:{email}") for email in news] if held.preview else []
        holders = dict(sql.select(cursor, HELD, held.sync.campaign_id, news, fresh))
        done, refused = settle_emails(changes, holders, {row[1]: row[2] for row in wanted})
        if not held.preview:
            for change in done:
                _move(change)
        _refuse(held, refused)


def _move(change: EmailChange) -> None:
    referrer = Referrer.everywhere.get(pk=change.referrer)
    referrer.email = change.new
    referrer.search = vector(
        search_words(referrer.email, referrer.first_name, referrer.last_name, referrer.code)
    )
    referrer.save(update_fields=["email", "search", "updated_at"])


def _refuse(held: Claim, refused: list[EmailChange]) -> None:
    for change in refused:
        RunRecord.objects.filter(pk=change.key).update(
            outcome=Outcome.FAILED,
            reason="email_in_use",
            message=IN_USE.format(email=change.new, crm=held.crm),
        )
    count = len(refused)
    keep(held, updated=F("updated") - count, failed=F("failed") + count)
