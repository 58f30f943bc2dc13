"""Verbs for leads. Each keeps the counts of referrer and campaign exact in its own transaction.

Rows are locked in one order everywhere: the referrer, then the lead, then the campaign. The campaign's row is
the one that everybody wants, so it comes last and is held for the commit only.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q, QuerySet

from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from passalong.core.pages import CursorPage, page_of
from passalong.core.problems import FieldProblem, Problem, invalid
from passalong.leads.mailbox import mailbox
from passalong.leads.models import Lead, LeadSource, LeadStatus
from passalong.leads.signals import lead_created, lead_deleted, lead_qualified, lead_unqualified
from passalong.referrers.models import Referrer
from passalong.referrers.naming import (
    named,
    referrer_named,
    referrer_not_found,
    survivor_of,
    with_code,
)
from passalong.referrers.services import FIELD_NAME_LIMIT, MOST_AT_ONCE, NAME_LIMIT, normal_email
from passalong.referrers.signals import facts_changed

FIELDS_LIMIT = 20


def add_lead(
    campaign: Campaign,
    referrer: str,
    email: str,
    *,
    first_name: str = "",
    source: str = LeadSource.API,
    **more: Any,
) -> tuple[Lead, bool]:
    """The lead with this email and whether it is new. The first referrer wins for good.

    `referrer` is a code, a referral link, an email or an id; `more` are `fields` and `consented_at`. Problem
    422 `referrer_not_found`, `self_referral` for the referrer's own mailbox, `invalid_input` naming each
    wrong field.
    """
    clean, name = _valid(email, first_name, more.get("fields", {}))
    existing = _lead_of(campaign, clean)
    if existing is not None:
        return existing, False
    found = referrer_named(campaign, referrer)
    try:
        with transaction.atomic():
            return _add(campaign, found, email=clean, first_name=name, source=source, **more), True
    except IntegrityError:
        # Somebody else brought the same friend between our look and our insert.
        winner = _lead_of(campaign, clean)
        if winner is None:
            raise
        return winner, False


def _add(campaign: Campaign, referrer: Referrer, **columns: Any) -> Lead:
    referrer = _held(referrer)
    if mailbox(columns["email"]) == mailbox(referrer.email):
        raise self_referral()
    lead = Lead(workspace_id=campaign.workspace_id, campaign=campaign, referrer=referrer, **columns)
    lead.save(force_insert=True)
    Referrer.objects.filter(pk=referrer.pk).update(
        referrals_count=F("referrals_count") + 1, last_referral_at=lead.created_at
    )
    _tell(referrer.pk, "referrals_count", "last_referral_at")
    lead_created.send(sender=Lead, leads=[lead])
    Campaign.objects.filter(pk=campaign.pk).update(leads_count=F("leads_count") + 1)
    return lead


def _held(referrer: Referrer) -> Referrer:
    """The referrer, locked; or whom they were merged into since they were looked up."""
    key: UUID | None = referrer.pk
    while key is not None:
        locked = _locked(key).first()
        if locked is not None:
            return locked
        key = survivor_of(key)
    raise referrer_not_found()


@transaction.atomic
def qualify(lead: Lead) -> Lead:
    """The friend did what the campaign asks for. Doing it again changes nothing."""
    return _set_status(lead, LeadStatus.QUALIFIED, +1)


@transaction.atomic
def unqualify(lead: Lead) -> Lead:
    """Take it back. Doing it again changes nothing."""
    return _set_status(lead, LeadStatus.PENDING, -1)


def _set_status(lead: Lead, status: LeadStatus, step: int) -> Lead:
    _lock_referrer_of(lead)
    moment = now() if status == LeadStatus.QUALIFIED else None
    before = Lead.objects.filter(pk=lead.pk).values_list("qualified_at", flat=True).first()
    rows = Lead.objects.filter(pk=lead.pk).exclude(status=status)
    changed = rows.update(status=status, qualified_at=moment)
    lead.refresh_from_db()
    if changed:
        Referrer.objects.filter(pk=lead.referrer_id).update(
            converted_referrals_count=F("converted_referrals_count") + step
        )
        _tell(lead.referrer_id, "converted_referrals_count")
        if status == LeadStatus.QUALIFIED:
            lead_qualified.send(sender=Lead, leads=[lead])
        else:
            lead_unqualified.send(sender=Lead, lead=lead, qualified_at=before)
    return lead


@transaction.atomic
def delete_lead(lead: Lead) -> bool:
    """Remove a lead; whether it was still there."""
    _lock_referrer_of(lead)
    row = Lead.objects.select_for_update().filter(pk=lead.pk).first()
    if row is None:
        return False
    lead_deleted.send(sender=Lead, lead=row)
    row.delete()
    latest = Lead.objects.filter(referrer=row.referrer_id).aggregate(at=Max("created_at"))["at"]
    Referrer.objects.filter(pk=row.referrer_id).update(
        referrals_count=F("referrals_count") - 1,
        converted_referrals_count=F("converted_referrals_count") - int(row.status == LeadStatus.QUALIFIED),
        last_referral_at=latest,
    )
    _tell(row.referrer_id, "referrals_count", "converted_referrals_count", "last_referral_at")
    Campaign.objects.filter(pk=row.campaign_id).update(leads_count=F("leads_count") - 1)
    return True


def change_each(campaign: Campaign, ids: Sequence[UUID], verb: Callable[[Lead], object]) -> int:
    """Qualify, unqualify or delete these leads of the campaign, each in a transaction of its own; returns how
    many there were. Ids of others are passed over. Problem 422 `too_many` for more than 500."""
    if len(ids) > MOST_AT_ONCE:
        said = f"These are {len(ids):,} leads; {MOST_AT_ONCE} can be changed at once."
        raise Problem(422, "too_many", "Too many", said, "Choose fewer and do the rest after them.")
    found = list(Lead.objects.filter(campaign=campaign, pk__in=ids))
    for lead in found:
        verb(lead)
    return len(found)


def find_leads(
    campaign: Campaign,
    *,
    limit: int,
    cursor: str | None = None,
    q: str = "",
    status: str = "",
    referrer: Referrer | None = None,
) -> CursorPage[Lead]:
    """One page of the campaign's leads with their referrers, newest first."""
    rows: QuerySet[Lead] = Lead.objects.filter(campaign=campaign).select_related("referrer")
    if q.strip():
        words = q.strip()
        rows = rows.filter(Q(email__startswith=words.lower()) | Q(first_name__istartswith=words))
    if status:
        rows = rows.filter(status=status)
    if referrer is not None:
        rows = rows.filter(referrer=referrer)
    return page_of(rows, limit=limit, cursor=cursor)


def _valid(email: str, first_name: str, fields: Mapping[str, str]) -> tuple[str, str]:
    clean, name = normal_email(email), first_name.replace("\0", "").strip()
    errors = []
    if clean is None:
        errors.append(FieldProblem("email", "This is not an email address we can use."))
    if len(name) > NAME_LIMIT:
        errors.append(FieldProblem("first_name", f"Use at most {NAME_LIMIT} characters."))
    if len(fields) > FIELDS_LIMIT:
        errors.append(FieldProblem("fields", f"Send at most {FIELDS_LIMIT} fields."))
    errors += [
        FieldProblem(f"fields.{key}", f"Use at most {NAME_LIMIT} characters.")
        for key, value in fields.items()
        if not 1 <= len(key) <= FIELD_NAME_LIMIT or len(value) > NAME_LIMIT
    ]
    if clean is None or errors:
        raise invalid(errors)
    return clean, name


def _lead_of(campaign: Campaign, email: str) -> Lead | None:
    return Lead.objects.filter(campaign=campaign, email=email).first()


def lead_named(campaign: Campaign, said: str) -> Lead:
    """The lead with this id or email, or who has this code or link as a referrer by now. Problem 404
    `lead_not_found`."""
    rows = Lead.objects.filter(campaign=campaign).select_related("referrer")
    by, value = named(said, "lead")
    if by == "code":
        person = with_code(campaign, value)
        by, value = ("email", person.email) if person else ("", None)
    found = rows.filter(**{by: value}).first() if by else None
    if found is None:
        raise no_lead()
    return found


def no_lead() -> Problem:
    """Nobody is there of this name."""
    return Problem(
        404,
        "lead_not_found",
        "Lead not found",
        "No lead of this campaign has this email, code or id.",
        "Send the address the friend joined with, or add the lead first.",
    )


def _locked(referrer_id: Any) -> QuerySet[Referrer]:
    """The referrer, kept from others who change counts, but not from those who merely point to it."""
    return Referrer.objects.select_for_update(no_key=True).filter(pk=referrer_id)


def _lock_referrer_of(lead: Lead) -> None:
    """Lock whoever the lead belongs to, which a merge may be changing at this moment."""
    while True:
        owners = Lead.objects.filter(pk=lead.pk).values_list("referrer_id", flat=True)
        owner = owners.first()
        if owner is None or (_locked(owner).first() and owners.first() == owner):
            return


def _tell(referrer_id: Any, *facts: str) -> None:
    facts_changed.send(sender=Lead, referrers=[referrer_id], facts=set(facts))


def self_referral() -> Problem:
    """Nobody brings themselves."""
    detail = "This address is the referrer's own: nobody can refer themselves."
    return Problem(
        422,
        "self_referral",
        "Self-referral",
        detail,
        "Use the friend's own email address.",
        [FieldProblem("email", detail)],
    )
