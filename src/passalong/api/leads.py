"""Leads over REST."""

# ruff: noqa: ARG001 - every operation is given the request

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from passalong.api import lookup
from passalong.api.auth import caller
from passalong.api.referrers import Erased, erased_out
from passalong.api.schemas import Body, Moment, Page, Paging, page
from passalong.core.ids import public_id
from passalong.leads import services
from passalong.leads.models import Lead
from passalong.referrers.erasing import erase_person

router = Router(tags=["Leads"])

_COLUMNS = ("email", "first_name", "status", "source", "fields", "consented_at", "created_at", "qualified_at")


class LeadOut(BaseModel):
    """An invited friend, attributed to one referrer for good."""

    id: str
    campaign_id: str
    referrer_id: str
    email: str
    first_name: str
    status: Literal["pending", "qualified"]
    source: Literal["manual", "api", "join_page", "website", "upload"]
    fields: dict[str, str] = Field(description="What they said of themselves beyond that.")
    consented_at: Moment | None = Field(description="When they agreed to be written to, if they were asked.")
    created_at: Moment
    qualified_at: Moment | None


class LeadIn(Body):
    """A friend somebody brought. Who is there already keeps the referrer who came first."""

    email: str = Field(examples=["frida@example.com"])
    first_name: str = Field("", examples=["Frida"])
    fields: dict[str, str] = Field(default_factory=dict, description="At most 20, of 255 characters each.")
    referrer: str = Field(
        description="Code, referral link, email or id of the referrer.", examples=["k7m2x9q4tz"]
    )


class Filters(Paging):
    """Which leads."""

    q: str = Field("", description="What email or first name begins with.")
    status: Literal["", "pending", "qualified"] = ""
    referrer_id: str = Field("", description="Only those of this referrer.")


def lead_out(lead: Lead) -> dict[str, Any]:
    """A lead as the contract shows it."""
    return {
        "id": public_id("lead", lead.pk),
        "campaign_id": public_id("campaign", lead.campaign_id),
        "referrer_id": public_id("referrer", lead.referrer_id),
        **{key: getattr(lead, key) for key in _COLUMNS},
    }


@router.get(
    "/campaigns/{campaign_id}/leads",
    response=Page[LeadOut],
    operation_id="list_leads",
    summary="List and search leads",
)
def index(request: HttpRequest, campaign_id: str, filters: Query[Filters]) -> dict[str, Any]:
    """Newest first."""
    campaign = lookup.campaign(campaign_id)
    referrer = lookup.referrer(filters.referrer_id) if filters.referrer_id else None
    found = services.find_leads(
        campaign,
        limit=filters.limit,
        cursor=filters.cursor,
        q=filters.q,
        status=filters.status,
        referrer=referrer,
    )
    return page(found, [lead_out(lead) for lead in found.items])


@router.post(
    "/campaigns/{campaign_id}/leads",
    response={200: LeadOut, 201: LeadOut},
    operation_id="add_lead",
    summary="Add a lead",
)
def add(request: HttpRequest, campaign_id: str, body: LeadIn) -> Status[dict[str, Any]]:
    """201 for a new lead. 200 for one who is there already: the first referrer wins for good. 422
    `self_referral` for the referrer's own mailbox, `referrer_not_found` for nobody of this campaign."""
    campaign = lookup.campaign(campaign_id)
    lead, is_new = services.add_lead(
        campaign, body.referrer, body.email, first_name=body.first_name, fields=body.fields
    )
    return Status(201 if is_new else 200, lead_out(lead))


@router.get("/leads/{lead_id}", response=LeadOut, operation_id="get_lead", summary="Show a lead")
def show(request: HttpRequest, lead_id: str) -> dict[str, Any]:
    """One lead."""
    return lead_out(lookup.lead(lead_id))


@router.post(
    "/leads/{lead_id}/qualify", response=LeadOut, operation_id="qualify_lead", summary="Qualify a lead"
)
def qualify(request: HttpRequest, lead_id: str) -> dict[str, Any]:
    """The friend did what the campaign asks for. Doing it again changes nothing."""
    return lead_out(services.qualify(lookup.lead(lead_id)))


@router.post(
    "/leads/{lead_id}/unqualify", response=LeadOut, operation_id="unqualify_lead", summary="Unqualify a lead"
)
def unqualify(request: HttpRequest, lead_id: str) -> dict[str, Any]:
    """Take it back. Doing it again changes nothing."""
    return lead_out(services.unqualify(lookup.lead(lead_id)))


@router.post(
    "/leads/{lead_id}/erase",
    response=Erased,
    operation_id="erase_lead",
    summary="Erase a person who is a lead",
)
def erase(request: HttpRequest, lead_id: str) -> dict[str, int]:
    """As `erase_referrer`, for whoever has the lead's address: the lead stays and stays counted, without
    email, name and answers."""
    return erased_out(erase_person([lookup.lead(lead_id).email], who=caller(request)))


@router.delete("/leads/{lead_id}", response={204: None}, operation_id="delete_lead", summary="Delete a lead")
def delete(request: HttpRequest, lead_id: str) -> Status[None]:
    """Removes the lead; the counts follow."""
    services.delete_lead(lookup.lead(lead_id))
    return Status(204, None)
