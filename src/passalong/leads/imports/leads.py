"""Rows become leads: the kind `leads`, by the rules of services.add_lead for a set of rows."""

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from django.db.backends.utils import CursorWrapper
from django.db.models import F

from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from passalong.leads.imports import columns, rows
from passalong.leads.imports.columns import Said, judge_lead
from passalong.leads.mailbox import mailbox
from passalong.leads.models import Lead, LeadSource
from passalong.leads.services import self_referral
from passalong.referrers.imports.kinds import Kind, Made, repeated
from passalong.referrers.imports.models import Import
from passalong.referrers.imports.rows import met, record
from passalong.referrers.imports.table import Row
from passalong.referrers.naming import named, referrer_not_found
from passalong.referrers.services import normal_email

NOBODY = (
    "is no code, link, email or id of a referrer of this campaign. Correct it or add the referrer first, and "
    "upload the file again."
)
STAYS = "Somebody else brought this friend first, and stays the referrer."


@dataclass
class _Plan:
    """What the rows of a chunk come to. `added` is by email, `qualify` are leads, new or not, with their
    referrers."""

    made: list[Made] = field(default_factory=list)
    added: dict[str, Lead] = field(default_factory=dict)
    qualify: dict[UUID, UUID] = field(default_factory=dict)


def _apply(upload: Import, cursor: CursorWrapper, chunk: list[Row]) -> Counter[str]:
    """Rows are locked in the order of every verb: referrers, leads, the campaign."""
    plan = _planned(upload, cursor, chunk)
    # Ordered, so that two who insert the same people wait for each other instead of dead-locking.
    added = sorted(plan.added.values(), key=lambda lead: lead.email)
    rows.lock(cursor, [*(lead.referrer_id for lead in added), *plan.qualify.values()])
    Lead.objects.bulk_create(added)
    rows.follow(cursor, added, rows.qualify(cursor, list(plan.qualify), now()))
    counted = record(cursor, upload.pk, plan.made)
    if added:
        Campaign.objects.filter(pk=upload.campaign_id).update(leads_count=F("leads_count") + len(added))
    return counted


def _planned(upload: Import, cursor: CursorWrapper, chunk: list[Row]) -> _Plan:
    judged = [judge_lead(row, upload.columns, upload.mapping, normal_email) for row in chunk]
    usable = [one for one in judged if not one.outcome]
    seen = met(cursor, upload.pk, list(dict.fromkeys(one.email for one in usable)))
    known = rows.leads(cursor, upload.campaign_id, [("email", one.email) for one in usable])
    names = {one.referrer: named(one.referrer, "referrer") for one in usable}
    people = rows.persons(cursor, upload.campaign_id, names.values())
    plan = _Plan()
    for one in judged:
        lead = known.get(("email", one.email))
        if one.outcome:
            made = Made(one.number, one.email, one.outcome, reason=one.reason, message=one.message)
        elif one.email in seen:
            made = _again(one, lead, plan.added.get(one.email))
        elif lead is not None:
            made = _known(upload, one, lead, people.get(names[one.referrer]), plan)
        else:
            made = _fresh(upload, one, people.get(names[one.referrer]), plan)
        if made.outcome in ("created", "updated", "unchanged"):
            seen.add(one.email)
        plan.made.append(made)
    return plan


def _again(one: Said, lead: rows.Known | None, added: Lead | None) -> Made:
    referrer = lead.referrer if lead else added.referrer_id if added else None
    return repeated(
        one.number,
        one.email,
        referrer=referrer,
        lead=lead.id if lead else added.pk if added else None,
    )


def _known(upload: Import, one: Said, lead: rows.Known, named_one: rows.Person | None, plan: _Plan) -> Made:
    """A friend who is a lead keeps the referrer; qualifying is all that a list can add."""
    promoted = _is_qualified(upload, one) and not lead.is_qualified
    if promoted:
        plan.qualify[lead.id] = lead.referrer
    stays = named_one is not None and named_one.id != lead.referrer
    outcome = "updated" if promoted else "unchanged"
    return Made(one.number, one.email, outcome, lead.referrer, lead.id, message=STAYS if stays else "")


def _fresh(upload: Import, one: Said, referrer: rows.Person | None, plan: _Plan) -> Made:
    if referrer is None:
        message = f"“{one.referrer[:60]}” {NOBODY}"
        return Made(one.number, one.email, "failed", reason=referrer_not_found().code, message=message)
    if mailbox(one.email) == mailbox(referrer.email):
        problem = self_referral()
        return Made(one.number, one.email, "failed", reason=problem.code, message=str(problem))
    lead = _lead(upload, one, referrer.id)
    plan.added[one.email] = lead
    if _is_qualified(upload, one):
        plan.qualify[lead.pk] = referrer.id
    return Made(one.number, one.email, "created", referrer.id, lead.pk)


def _lead(upload: Import, one: Said, referrer: UUID) -> Lead:
    return Lead(
        workspace_id=upload.workspace_id,
        campaign_id=upload.campaign_id,
        referrer_id=referrer,
        email=one.email,
        first_name=one.first_name,
        source=LeadSource.UPLOAD,
    )


def _is_qualified(upload: Import, one: Said) -> bool:
    return upload.qualified if one.qualified is None else one.qualified


LEADS = Kind(
    name="leads",
    template=columns.LEADS_TEMPLATE,
    suggested=columns.suggested_for_leads,
    check=columns.check_leads,
    apply=_apply,
)
