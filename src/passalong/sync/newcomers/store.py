"""What is kept of a newcomer on the way: each step is committed before the next one is taken."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db import connection as database
from django.db.models import QuerySet

from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from passalong.referrers.models import Referrer
from passalong.referrers.services import with_email
from passalong.sync.errors import SyncError
from passalong.sync.mapping import Values
from passalong.sync.match import Candidate, lead_key
from passalong.sync.models import ConnectionStatus, ContactLink
from passalong.sync.newcomers.models import Newcomer, NewcomerKind, NewcomerState, PeopleRule
from passalong.sync.newcomers.rules import OWN, Intake, values_of
from passalong.sync.newcomers.tasks import enqueue_watch
from passalong.sync.records import Scalar

BATCH = 40
MOST_IN_A_ROW = 10_000

# The first free second from the one in which it happened: the CRM takes two events of one contact with one
# name and one second for the same.
SECOND = """
UPDATE sync_newcomer SET contact_id = %(contact)s, contact_role = %(role)s, moment = (
    SELECT s FROM generate_series(moment, moment + %(most)s) AS s WHERE NOT EXISTS (
        SELECT 1 FROM sync_newcomer AS o WHERE o.connection_id = %(connection)s AND o.kind = %(kind)s
        AND o.contact_id = %(contact)s AND o.moment = s AND o.id <> %(id)s)
    ORDER BY s LIMIT 1)
WHERE id = %(id)s RETURNING moment
"""


class Known(NamedTuple):
    """A contact, as far as we know it."""

    id: str
    role: str
    last_seen_at: int | None = None


@dataclass(slots=True)
class Parcel:
    """One newcomer in the hands of a job, with what the CRM is to be told by now."""

    row: Newcomer
    is_on: bool
    intake: Intake
    values: Values = field(default_factory=dict)
    initial: Values = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)


def waiting() -> list[UUID]:
    """Connections with newcomers to send."""
    rows = Newcomer.everywhere.filter(
        state=NewcomerState.WAITING, due_at__lte=now(), connection__status=ConnectionStatus.CONNECTED
    )
    return list(rows.order_by().values_list("connection_id", flat=True).distinct())


def take(connection_id: UUID) -> list[Parcel]:
    """The next ones that are due, those who have waited longest first."""
    due = Newcomer.everywhere.filter(
        connection_id=connection_id,
        state=NewcomerState.WAITING,
        due_at__lte=now(),
        connection__status=ConnectionStatus.CONNECTED,
    )
    rows = list(due.select_related("campaign", "referrer", "lead").order_by("due_at", "pk")[:BATCH])
    rules = PeopleRule.everywhere.filter(connection_id=connection_id)
    by_campaign = {rule.campaign_id: rule for rule in rules}
    return [_parcel(row, by_campaign.get(row.campaign_id)) for row in rows]


def _parcel(row: Newcomer, rule: PeopleRule | None) -> Parcel:
    if rule is None or not rule.is_on(row.kind):
        return Parcel(row, is_on=False, intake=Intake())
    if row.is_event:
        return Parcel(row, is_on=True, intake=Intake(), details=_details(row))
    if row.lead is None and row.posting_at is None and row.email != row.referrer.email:
        row.email = row.referrer.email
        Newcomer.everywhere.filter(pk=row.pk).update(email=row.email)
    asked, wanted = rule.intake(row.kind), rule.qualifying
    values = values_of(asked.fields, facts_of(row))
    begins = row.kind == NewcomerKind.LEAD and wanted.is_on and wanted.initial is not None
    initial = {wanted.field: wanted.initial} if begins else {}
    return Parcel(row, is_on=True, intake=asked, values=values, initial=initial)


def _details(row: Newcomer) -> dict[str, str]:
    friend = row.lead.first_name if row.lead else ""
    said = {"campaign": row.campaign.name, "referral_code": row.referrer.code, "friend": friend}
    return {key: value for key, value in said.items() if value}


def facts_of(row: Newcomer) -> dict[str, Scalar]:
    """What there is to say of one person, by the keys of rules.SOURCES; all of it text."""
    person = row.referrer
    campaign: dict[str, Scalar] = {"campaign_name": row.campaign.name}
    if row.lead is not None:
        said: dict[str, Scalar] = {
            "email": row.lead.email,
            "first_name": row.lead.first_name,
            "referrer_name": person.name,
            "referrer_email": person.email,
            "referrer_code": person.code,
            "referrer_link": person.referral_link,
        }
        return {**said, **campaign, **_own(row.lead.fields)}
    said = {key: getattr(person, key) for key in ("email", "first_name", "last_name", "name", "phone")}
    return {
        **said,
        "referral_link": person.referral_link,
        "referral_code": person.code,
        **campaign,
        **_own(person.fields),
    }


def _own(fields: dict[str, Any]) -> dict[str, str]:
    return {f"{OWN}{key}": _text(value) for key, value in fields.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


# Who is it?


def known_contact(row: Newcomer) -> Known | None:
    """The contact this person is, as far as our own books know: past any index that lags.

    First the contacts that are this referrer for good; then whoever was found or made for this email before,
    in any campaign.
    """
    if row.kind != NewcomerKind.LEAD:
        linked = _leader(ContactLink.objects.filter(connection=row.connection_id, referrer=row.referrer_id))
        if linked is not None:
            return linked
    memory = Newcomer.everywhere.filter(connection=row.connection_id, email=row.email).exclude(contact_id="")
    met = [Candidate(one.contact_id, one.contact_role, None) for one in memory.exclude(pk=row.pk)[:50]]
    if met:
        best = min(met, key=lead_key)
        return Known(best.external_id, best.role)
    campaigns = list(Campaign.everywhere.filter(workspace=row.workspace_id).values_list("pk", flat=True))
    same = with_email(Referrer.everywhere.filter(campaign__in=campaigns), row.email)
    people = list(same.values_list("pk", flat=True))
    return _leader(ContactLink.objects.filter(connection=row.connection_id, referrer__in=people))


def _leader(links: QuerySet[ContactLink]) -> Known | None:
    found = [Candidate(link.external_id, link.role, link.last_seen_at) for link in links[:50]]
    if not found:
        return None
    best = min(found, key=lead_key)
    return Known(best.external_id, best.role, best.last_seen_at)


def is_coming(row: Newcomer) -> bool:
    """Whether the referrer of this event is about to be made known."""
    waits = Newcomer.everywhere.filter(
        connection=row.connection_id,
        kind=NewcomerKind.REFERRER,
        referrer=row.referrer_id,
        state=NewcomerState.WAITING,
    )
    return waits.exists()


# Step by step


def claim(row: Newcomer) -> bool:
    """Note that the CRM is about to be asked to make this contact. False when somebody else is at it, or at
    another person with this email."""
    same = Newcomer.everywhere.filter(
        pk=row.pk, state=NewcomerState.WAITING, contact_id="", posting_at=row.posting_at
    )
    moment = now()
    try:
        with transaction.atomic():
            if not same.update(posting_at=moment):
                return False
    except IntegrityError:
        return False
    row.posting_at = moment
    return True


def release(row: Newcomer) -> None:
    """The CRM has refused: nothing was made."""
    Newcomer.everywhere.filter(pk=row.pk, contact_id="").update(posting_at=None)
    row.posting_at = None


@transaction.atomic
def remember(row: Newcomer, contact: Known, *, made: bool) -> None:
    """This contact it is. One that is a referrer's is linked, so that write-back and syncs know it."""
    row.contact_id, row.contact_role, row.is_made = contact.id, contact.role, made
    if row.kind == NewcomerKind.LEAD and not made:
        # They may say already what means qualified.
        enqueue_watch(row.connection_id, [contact.id])
    there = Newcomer.everywhere.filter(pk=row.pk).update(
        contact_id=contact.id, contact_role=contact.role, is_made=made
    )
    if there and row.kind == NewcomerKind.REFERRER:
        link = ContactLink(
            workspace_id=row.workspace_id,
            campaign_id=row.campaign_id,
            connection_id=row.connection_id,
            external_id=contact.id,
            referrer_id=row.referrer_id,
            role=contact.role,
            last_seen_at=contact.last_seen_at,
        )
        ContactLink.objects.bulk_create([link], ignore_conflicts=True)


def take_second(row: Newcomer, contact: Known) -> int | None:
    """The second by which this contact's event goes out: the same one when it is sent again. None when its
    lead has been deleted."""
    named: dict[str, Any] = {
        "id": row.pk,
        "connection": row.connection_id,
        "kind": row.kind,
        "most": MOST_IN_A_ROW,
    }
    for last in (False, False, True):
        try:
            with transaction.atomic(), database.cursor() as cursor:
                cursor.execute(SECOND, {**named, "contact": contact.id, "role": contact.role})
                found = cursor.fetchone()
        except IntegrityError:
            # Another job took this second between our look and our update: look again.
            if last:
                raise
        else:
            return found[0] if found else None
    return None


def finish(row: Newcomer, state: NewcomerState) -> None:
    """It is done."""
    _rows(row).update(state=state, done_at=now(), problem=None)


def cancel(row: Newcomer) -> None:
    """It is not wanted any more."""
    _rows(row).update(state=NewcomerState.CANCELLED, done_at=now(), problem=None, posting_at=None)


def fail(row: Newcomer, error: SyncError) -> None:
    """It cannot be done; a person has to look."""
    changes: dict[str, Any] = {} if row.contact_id else {"posting_at": None}
    _rows(row).update(state=NewcomerState.FAILED, done_at=now(), problem=error.as_dict(), **changes)


def put_off(row: Newcomer, after: timedelta, error: SyncError | None = None) -> None:
    """Try this one again after a while."""
    _rows(row).update(due_at=now() + after, problem=error.as_dict() if error else row.problem)


def put_off_all(connection_id: UUID, after: timedelta, error: SyncError, kind: str = "") -> None:
    """Try all of a connection again after a while, or those of one kind whose contact is not known."""
    until: datetime = now() + after
    rows = Newcomer.everywhere.filter(
        connection_id=connection_id, state=NewcomerState.WAITING, due_at__lt=until
    )
    if kind:
        rows = rows.filter(kind=kind, contact_id="")
    rows.update(due_at=until, problem=error.as_dict())


def _rows(row: Newcomer) -> QuerySet[Newcomer]:
    """The row, while it waits: whom a person has cancelled meanwhile stays so."""
    return Newcomer.everywhere.filter(pk=row.pk, state=NewcomerState.WAITING)
