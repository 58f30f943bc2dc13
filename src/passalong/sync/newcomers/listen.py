"""Who joins is put into the outbox in the transaction in which they join, where a campaign wants that."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.db.models import prefetch_related_objects

from passalong.core.clock import now
from passalong.core.ids import new_id_text
from passalong.leads.models import Lead
from passalong.leads.signals import lead_created, lead_qualified
from passalong.referrers.models import Source
from passalong.referrers.signals import erasing, referrers_created, referrers_merged
from passalong.sync.newcomers import moves
from passalong.sync.newcomers.models import Newcomer, NewcomerKind, PeopleRule

# Never those whom a sync made: they came from a CRM.
CHOSEN = (Source.MANUAL, Source.UPLOAD, Source.API)

# An upload makes a thousand at once, two hundred times.
ADD_REFERRERS = """
INSERT INTO sync_newcomer (id, workspace_id, campaign_id, connection_id, kind, referrer_id, email,
    contact_id, contact_role, is_made, state, due_at, created_at)
SELECT k.id, r.workspace_id, r.campaign_id, %(connection)s, 'referrer', r.id, r.email,
    '', '', false, 'waiting', now(), now()
FROM unnest(%(own)s::uuid[], %(ids)s::uuid[]) AS k(id, referrer)
JOIN referrers_referrer r ON r.id = k.referrer
WHERE r.campaign_id = %(campaign)s AND r.source = ANY(%(chosen)s)
ON CONFLICT DO NOTHING
"""


def connect() -> None:
    """Listen to who joins and who qualifies, and to people merged or erased."""
    lead_created.connect(_on_lead_created)
    lead_qualified.connect(_on_lead_qualified)
    referrers_created.connect(_on_referrers_created)
    referrers_merged.connect(moves.on_referrers_merged)
    erasing.connect(moves.on_erasing)


def _on_lead_created(leads: Sequence[Lead], **_signal: Any) -> None:
    rows = []
    for lead, rule in _concerned(leads):
        if rule.is_on(NewcomerKind.LEAD) and lead.source != rule.connection.provider:
            rows.append(_of_lead(rule, lead, NewcomerKind.LEAD, lead.email))
        if rule.is_on(NewcomerKind.INVITED):
            rows.append(_event(rule, lead, NewcomerKind.INVITED, lead.created_at))
    add(rows)


def _on_lead_qualified(leads: Sequence[Lead], **_signal: Any) -> None:
    add(
        _event(rule, lead, NewcomerKind.CONVERTED, lead.qualified_at or now())
        for lead, rule in _concerned(leads)
        if rule.is_on(NewcomerKind.CONVERTED)
    )


def _concerned(leads: Sequence[Lead]) -> list[tuple[Lead, PeopleRule]]:
    """Each lead with each rule of its campaign; the leads know their referrers."""
    rules = _rules(campaign_id__in={lead.campaign_id for lead in leads})
    if rules:
        prefetch_related_objects(list(leads), "referrer")
    return [(lead, rule) for lead in leads for rule in rules if rule.campaign_id == lead.campaign_id]


def _on_referrers_created(workspace_id: UUID, ids: Sequence[Any], **_signal: Any) -> None:
    rules = [r for r in _rules(workspace_id=workspace_id) if r.is_on(NewcomerKind.REFERRER)]
    if not rules or not ids:
        return
    for rule in rules:
        named: dict[str, Any] = {
            "own": [new_id_text() for _ in ids],
            "ids": [str(one) for one in ids],
            "campaign": rule.campaign_id,
            "connection": rule.connection_id,
            "chosen": [str(source) for source in CHOSEN],
        }
        with database.cursor() as cursor:
            cursor.execute(ADD_REFERRERS, named)
            added = cursor.rowcount
        if added:
            _send_soon([rule.connection_id])


def _rules(**where: Any) -> list[PeopleRule]:
    return list(PeopleRule.everywhere.filter(**where).select_related("connection"))


def _event(rule: PeopleRule, lead: Lead, kind: NewcomerKind, happened: datetime) -> Newcomer:
    row = _of_lead(rule, lead, kind, lead.referrer.email)
    row.moment = int(happened.timestamp())
    return row


def _of_lead(rule: PeopleRule, lead: Lead, kind: NewcomerKind, email: str) -> Newcomer:
    return _new(rule, kind, lead_id=lead.pk, referrer_id=lead.referrer_id, email=email)


def _new(rule: PeopleRule, kind: NewcomerKind, **columns: Any) -> Newcomer:
    return Newcomer(
        workspace_id=rule.workspace_id,
        campaign_id=rule.campaign_id,
        connection_id=rule.connection_id,
        kind=kind,
        due_at=now(),
        **columns,
    )


def add(rows: Iterable[Newcomer]) -> None:
    """Into the outbox, once for each; sent as soon as this is committed."""
    rows = list(rows)
    Newcomer.everywhere.bulk_create(rows, ignore_conflicts=True)
    _send_soon(row.connection_id for row in rows)


def _send_soon(connection_ids: Iterable[UUID]) -> None:
    from passalong.sync.newcomers.tasks import enqueue

    for connection_id in set(connection_ids):
        transaction.on_commit(lambda one=connection_id: enqueue(one))  # type: ignore[misc]
