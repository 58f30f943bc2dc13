"""Rows of a sync that follow a person: to the referrer they were merged into, or to another contact."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db import connection as database
from django.db.backends.utils import CursorWrapper

from passalong.campaigns.models import Campaign
from passalong.referrers.merging import merge
from passalong.sync import rows as sql
from passalong.sync.models import ACTIVE, Connection, ContactLink, Run

PAIRS = "unnest(%(losers)s::uuid[], %(survivors)s::uuid[]) AS k(loser, survivor)"
LINKS = f"""
UPDATE sync_contactlink AS l SET referrer_id = k.survivor FROM {PAIRS} WHERE l.referrer_id = k.loser
"""  # noqa: S608 - a constant
# Locked in the order in which pages of a run lock these rows.
OUTBOX = f"""
UPDATE sync_writeback AS w SET referrer_id = k.survivor FROM (
    SELECT w.id, k.survivor FROM {PAIRS} JOIN sync_writeback w ON w.referrer_id = k.loser
    ORDER BY w.external_id, w.id FOR UPDATE OF w) AS k
WHERE w.id = k.id
"""  # noqa: S608 - a constant
# Found by run and contact, for which there is an index.
RECORDS = f"""
UPDATE sync_runrecord AS r SET referrer_id = k.survivor
FROM {PAIRS}, sync_contactlink l, sync_sync s, sync_run x
WHERE l.referrer_id = k.survivor AND s.campaign_id = l.campaign_id AND s.connection_id = l.connection_id
    AND x.sync_id = s.id AND r.run_id = x.id AND r.external_id = l.external_id AND r.referrer_id = k.loser
"""  # noqa: S608 - a constant
# In a run under way the two groups are one from now on, so that pages still to come judge them together.
REGROUP = """
UPDATE sync_runrecord AS r SET "group" = %(group)s FROM sync_contactlink l
WHERE r.run_id = %(run)s AND r."group" IS NOT NULL AND r.external_id = l.external_id
    AND l.connection_id = %(connection)s AND l.referrer_id = %(survivor)s
"""

THERE = "SELECT 1 FROM {table} o WHERE o.sync_id = t.sync_id AND o.external_id = %(new)s"
SYNCS = "SELECT id FROM sync_sync WHERE campaign_id = %(campaign)s AND connection_id = %(connection)s"
OF_CONTACT = f"t.external_id = %(old)s AND t.sync_id IN ({SYNCS})"
MOVE_MEMBERS = f"""
UPDATE sync_member AS t SET external_id = %(new)s, missed = 0, missed_in = NULL
WHERE {OF_CONTACT} AND NOT EXISTS ({THERE.format(table="sync_member")})
"""  # noqa: S608 - constants
DROP_MEMBERS = f"DELETE FROM sync_member t WHERE {OF_CONTACT}"  # noqa: S608 - constants
# What the CRM holds for the contact that is left is not known here: it is told everything once more.
MOVE_OUTBOX = f"""
UPDATE sync_writeback AS t SET external_id = %(new)s, sent = '{{}}', run_id = NULL, pending = true,
    remote = (SELECT coalesce(jsonb_object_agg(key, NULL), '{{}}') FROM jsonb_object_keys(t.remote) AS key),
    version = version + 1, problem = NULL, due_at = now(), updated_at = now()
WHERE {OF_CONTACT} AND NOT EXISTS ({THERE.format(table="sync_writeback")})
"""  # noqa: S608 - constants
DROP_OUTBOX = f"DELETE FROM sync_writeback t WHERE {OF_CONTACT}"  # noqa: S608 - constants


def on_referrers_merged(campaign: Campaign, into: Mapping[UUID, UUID], **_signal: Any) -> None:
    """Contacts, wishes and records of the losers are the survivor's."""
    pairs: dict[str, Any] = {"losers": list(into), "survivors": list(into.values())}
    with database.cursor() as cursor:
        sql.prefer_keys(cursor)
        for statement in (LINKS, RECORDS, OUTBOX):
            cursor.execute(statement, pairs)
        _regroup(cursor, campaign, set(into.values()))


def _regroup(cursor: CursorWrapper, campaign: Campaign, survivors: Iterable[UUID]) -> None:
    runs = Run.everywhere.filter(sync__campaign=campaign, status__in=ACTIVE).select_related("sync")
    for run in runs:
        for survivor in survivors:
            names: dict[str, Any] = {"run": run.pk, "connection": run.sync.connection_id}
            group = sql.group_id(run.pk, f"r:{survivor}")
            cursor.execute(REGROUP, {**names, "survivor": survivor, "group": group})


def follow_merge(connection: Connection, contact: str, survivor: str, *, who: str) -> None:
    """In the CRM `contact` is part of `survivor` now: so is here whatever hung on it, in every campaign.

    Two referrers who turn out to be one person are merged. Safe to repeat. Runs inside of a workspace; each
    campaign is a transaction of its own. `who` is for the referrers' histories.
    """
    if contact == survivor:
        return
    links = ContactLink.objects.filter(connection=connection, external_id=contact)
    for campaign in Campaign.objects.filter(pk__in=links.values("campaign")).order_by("pk"):
        for last in (False, False, True):
            try:
                _follow(connection, campaign, (contact, survivor), who)
                break
            except IntegrityError:
                # A run has met the survivor for the first time since we looked.
                if last:
                    raise


@transaction.atomic
def _follow(connection: Connection, campaign: Campaign, contacts: tuple[str, str], who: str) -> None:
    contact, survivor = contacts
    links = ContactLink.objects.filter(connection=connection, campaign=campaign)
    people = dict(links.filter(external_id__in=contacts).values_list("external_id", "referrer_id"))
    if len(set(people.values())) > 1:
        merge(campaign, [set(people.values())], who=who)
    old = links.filter(external_id=contact)
    if survivor in people:
        old.delete()
    else:
        old.update(external_id=survivor)
    names: dict[str, Any] = {"old": contact, "new": survivor, "campaign": campaign.pk}
    names["connection"] = connection.pk
    with database.cursor() as cursor:
        for statement in (MOVE_MEMBERS, DROP_MEMBERS, MOVE_OUTBOX, DROP_OUTBOX):
            cursor.execute(statement, names)
