"""Leads qualify when a field of their contact in the CRM takes a value that means so.

Two things bring news: a webhook names contacts (look_at), and every few minutes what no webhook told is
looked for (reconcile). The rule acts on a change of the CRM's value and on nothing else, so that nobody who
qualifies or unqualifies a lead by hand is fought with. What was seen last stands in Sighting; a state older
than that comes of an index that lags, and is ignored.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from django.db import transaction

from passalong.accounts.scope import in_workspace
from passalong.config.settings import settings
from passalong.core.clock import now
from passalong.core.crypto import UndecryptableError
from passalong.core.dbthread import DbThread
from passalong.integrations.registry import integration
from passalong.leads import services as leads
from passalong.leads.models import Lead, LeadStatus
from passalong.referrers.models import Referrer
from passalong.referrers.services import normal_email
from passalong.sync import connections
from passalong.sync.errors import CredentialsError, SyncError
from passalong.sync.mapping import same
from passalong.sync.models import Connection, ConnectionStatus
from passalong.sync.newcomers.models import Newcomer, NewcomerKind, PeopleRule, Sighting
from passalong.sync.newcomers.rules import Qualify
from passalong.sync.newcomers.tasks import enqueue_watch
from passalong.sync.port import Session
from passalong.sync.records import Contact, Scalar

AT_ONCE = 50
# A look goes back beyond the one before by what an index may lag, and through everybody once a day.
OVERLAP = timedelta(minutes=30)
WHOLE_AFTER = timedelta(days=1)
MOST_PAGES = 10_000
# Seconds that a look at single contacts waits for a CRM: the look every few minutes finds the same.
SHORT_PATIENCE = 30

log = structlog.get_logger(__name__)


class Sight(NamedTuple):
    """One contact seen as one lead. `is_fresh`: asked for by id, past any index."""

    lead: Lead
    contact: Contact
    value: Scalar
    is_fresh: bool


def watching() -> list[UUID]:
    """Connections by whose fields leads qualify."""
    rules = PeopleRule.everywhere.filter(connection__status=ConnectionStatus.CONNECTED)
    return list({rule.connection_id for rule in rules if rule.qualifying.is_on})


async def look_at(connection_id: UUID, contact_ids: Sequence[str]) -> None:
    """Qualify, or unqualify, the leads that these contacts are by what they say now."""

    async def look(session: Session, db: DbThread) -> None:
        rules = await db(_rules, connection_id)
        keys = _keys(rules)
        for start in range(0, len(contact_ids) if rules else 0, AT_ONCE):
            some = contact_ids[start : start + AT_ONCE]
            seen = await asyncio.gather(*(session.read(one, keys) for one in some))
            for rule in rules:
                await db(apply, rule, [one for one in seen if one is not None], is_fresh=True)

    await _with_session(connection_id, look, patience=SHORT_PATIENCE)


async def reconcile(connection_id: UUID) -> None:
    """Look for everybody who qualifies there, and at those who may do no longer."""

    async def look(session: Session, db: DbThread) -> None:
        for rule in await db(_rules, connection_id):
            if await db(_has_pending, rule):
                await _find(rule, session, db)
            if rule.qualifying.unqualifies:
                await _look_again(rule, session, db)

    await _with_session(connection_id, look)


async def _find(rule: PeopleRule, session: Session, db: DbThread) -> None:
    """Contacts with each of the values, the last changed first, back to where the last look began."""
    began = now()
    is_whole = rule.walked_at is None or rule.walked_at < began - WHOLE_AFTER
    since = None if is_whole or rule.looked_at is None else rule.looked_at - OVERLAP
    wanted, keys = rule.qualifying, _keys([rule])
    for value in wanted.values:
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await session.having(wanted.field, value, cursor, keys)
            await db(apply, rule, page.contacts, is_fresh=False)
            if page.next_cursor in (None, cursor) or _is_before(page.contacts, since):
                break
            cursor = page.next_cursor
    await db(_note_look, rule, began, is_whole=is_whole)


def _is_before(contacts: Sequence[Contact], since: datetime | None) -> bool:
    if since is None or not contacts:
        return False
    oldest = contacts[-1].updated_at
    return oldest is not None and oldest < since.timestamp()


async def _look_again(rule: PeopleRule, session: Session, db: DbThread) -> None:
    last = 0
    while rows := await db(_qualified, rule, last):
        last = rows[-1][0]
        contacts = await session.some([contact_id for _key, contact_id in rows], _keys([rule]))
        await db(apply, rule, contacts, is_fresh=False)


async def _with_session(
    connection_id: UUID, look: Callable[[Session, DbThread], Awaitable[None]], *, patience: float = math.inf
) -> None:
    """What goes wrong waits for the next look; credentials that no longer work are told to the team."""
    db = DbThread()
    try:
        connection = await db(Connection.everywhere.get, pk=connection_id)
        if connection.status != ConnectionStatus.CONNECTED:
            return
        opened = integration(connection.provider).open(
            connection.credentials,
            interactive=False,
            timezone=connection.timezone,
            patience=min(settings().outage_patience_seconds, patience),
        )
        async with opened as session:
            await look(session, db)
    except (UndecryptableError, CredentialsError):
        await db(connections.needs_attention, connection_id)
    except SyncError as error:
        log.warning("qualifying waits", connection=str(connection_id), code=error.code)
        await db(_note_trouble, connection_id, error)
    finally:
        await db.close()


def _rules(connection_id: UUID) -> list[PeopleRule]:
    rules = PeopleRule.everywhere.filter(connection_id=connection_id).order_by("pk")
    return [rule for rule in rules if rule.qualifying.is_on]


def _keys(rules: Sequence[PeopleRule]) -> list[str]:
    return list(dict.fromkeys(["email", *(rule.qualifying.field for rule in rules)]))


def _has_pending(rule: PeopleRule) -> bool:
    return Lead.everywhere.filter(campaign=rule.campaign_id, status=LeadStatus.PENDING).exists()


def _note_trouble(connection_id: UUID, error: SyncError) -> None:
    keys = [rule.pk for rule in _rules(connection_id)]
    PeopleRule.everywhere.filter(pk__in=keys).update(problem=error.as_dict())


def _note_look(rule: PeopleRule, began: datetime, *, is_whole: bool) -> None:
    changes = {"looked_at": began, "problem": None, **({"walked_at": began} if is_whole else {})}
    # Not if the rule was changed meanwhile: it has to be looked through anew then.
    PeopleRule.everywhere.filter(pk=rule.pk, updated_at=rule.updated_at).update(**changes)


def _qualified(rule: PeopleRule, after: int) -> list[tuple[int, str]]:
    """Contacts by which this rule qualified leads that still are."""
    rows = Sighting.objects.filter(
        connection=rule.connection_id,
        lead__campaign=rule.campaign_id,
        qualified_at__isnull=False,
        field=rule.qualifying.field,
        pk__gt=after,
    )
    return list(rows.order_by("pk").values_list("pk", "contact_id")[: AT_ONCE * 2])


# Applying


def apply(rule: PeopleRule, contacts: Sequence[Contact], *, is_fresh: bool) -> None:
    """What these contacts say, applied to the leads they are: two queries when nothing is new."""
    wanted = rule.qualifying
    with in_workspace(rule.workspace_id):
        sights = [
            Sight(lead, contact, contact.values.get(wanted.field), is_fresh)
            for lead, contact in _leads_of(rule, contacts)
        ]
        before = _remembered(rule, sights)
        for sight in sights:
            if _is_news(wanted, sight, before.get((sight.lead.pk, sight.contact.id))):
                _act(rule, wanted, sight)


def _leads_of(rule: PeopleRule, contacts: Sequence[Contact]) -> list[tuple[Lead, Contact]]:
    """By the contact remembered for a lead, else by email."""
    made = Newcomer.everywhere.filter(
        connection=rule.connection_id,
        campaign=rule.campaign_id,
        kind=NewcomerKind.LEAD,
        contact_id__in=[one.id for one in contacts],
    )
    by_contact = dict(made.values_list("contact_id", "lead_id"))
    emails = {one.id: normal_email(str(one.values.get("email") or "")) for one in contacts}
    here = Lead.objects.filter(campaign=rule.campaign_id)
    by_id = here.in_bulk([key for key in by_contact.values() if key])
    by_email = {lead.email: lead for lead in here.filter(email__in=[one for one in emails.values() if one])}
    found = []
    for contact in contacts:
        known = by_contact.get(contact.id)
        lead = by_id.get(known) if known else by_email.get(emails[contact.id] or "")
        if lead is not None:
            found.append((lead, contact))
    return found


def _remembered(rule: PeopleRule, sights: Sequence[Sight]) -> dict[tuple[UUID, str], Sighting]:
    rows = Sighting.objects.filter(
        connection=rule.connection_id, lead__in=[sight.lead.pk for sight in sights]
    )
    return {(row.lead_id, row.contact_id): row for row in rows}


def _is_news(wanted: Qualify, sight: Sight, last: Sighting | None) -> bool:
    """Whether the contact says something else than when it was last seen, or it means something else now."""
    if last is None or last.field != wanted.field:
        return True
    if same(sight.value, last.value):
        return wanted.counts(sight.value) != last.counts
    return not _is_stale(sight, last)


def _is_stale(sight: Sight, last: Sighting) -> bool:
    changed = sight.contact.updated_at
    if changed is None or last.changed_at is None:
        return False
    return changed < last.changed_at or (changed == last.changed_at and not sight.is_fresh)


@transaction.atomic
def _act(rule: PeopleRule, wanted: Qualify, sight: Sight) -> None:
    """Remember what was seen, and do what it means. The referrer is locked first, as with any change."""
    lead = sight.lead
    Referrer.objects.select_for_update(no_key=True).filter(pk=lead.referrer_id).first()
    if not Lead.objects.filter(pk=lead.pk).exists():
        return
    last, _is_new = Sighting.objects.get_or_create(
        connection_id=rule.connection_id, lead_id=lead.pk, contact_id=sight.contact.id
    )
    seen_before = last if last.field == wanted.field else None
    if not _is_news(wanted, sight, seen_before):
        return
    last.field, last.value, last.counts = wanted.field, sight.value, wanted.counts(sight.value)
    last.changed_at = sight.contact.updated_at
    if last.counts:
        _qualify(lead, last)
    elif last.qualified_at is not None and wanted.unqualifies:
        _take_back(lead, last)
    last.save()


def _qualify(lead: Lead, last: Sighting) -> None:
    if Lead.objects.filter(pk=lead.pk, status=LeadStatus.PENDING).exists():
        last.qualified_at = leads.qualify(lead).qualified_at


def _take_back(lead: Lead, last: Sighting) -> None:
    """Only what this rule gave: whoever was qualified by a person since stays so."""
    ours = Lead.objects.filter(pk=lead.pk, qualified_at=last.qualified_at).exists()
    if _counts_elsewhere(last):
        return
    if ours:
        leads.unqualify(lead)
    last.qualified_at = None


def _counts_elsewhere(last: Sighting) -> bool:
    """Whether another contact of the same lead still says that it is qualified."""
    others = Sighting.objects.filter(connection=last.connection_id, lead=last.lead_id, counts=True)
    return others.exclude(pk=last.pk).exists()


__all__ = ["apply", "enqueue_watch", "look_at", "reconcile", "watching"]
