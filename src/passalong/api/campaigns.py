"""Campaigns over REST."""

# ruff: noqa: ARG001 - every operation is given the request

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from passalong.api import lookup
from passalong.api.schemas import Body, Moment, Page, Paging, choice, page
from passalong.campaigns.models import Campaign
from passalong.campaigns.services import change_campaign, create_campaign
from passalong.core.ids import public_id
from passalong.core.pages import page_of

router = Router(tags=["Campaigns"])


class CampaignOut(BaseModel):
    """A referral programme."""

    id: str
    slug: str
    name: str
    status: Literal["draft", "live", "paused"]
    destination_url: str
    referrers_count: int
    leads_count: int
    created_at: Moment


class CampaignIn(Body):
    """A new campaign."""

    name: str = Field(description="At most 150 characters.", examples=["Spring referrals"])
    destination_url: str = Field(
        description="Where referral links lead, with http:// or https://.", examples=["https://example.com/"]
    )


class CampaignChanges(Body):
    """What to change; what is not given stays."""

    # Factories rather than values: not given stays not given, and null is refused.
    name: str = Field(default_factory=str, examples=["Summer referrals"])
    destination_url: str = Field(default_factory=str, examples=["https://example.com/friends"])
    status: str = choice("draft", "live", "paused", default_factory=str, examples=["paused"])


def campaign_out(campaign: Campaign) -> dict[str, Any]:
    """A campaign as the contract shows it."""
    columns = ("slug", "name", "status", "destination_url", "referrers_count", "leads_count", "created_at")
    return {"id": public_id("campaign", campaign.pk), **{key: getattr(campaign, key) for key in columns}}


@router.post(
    "/campaigns", response={201: CampaignOut}, operation_id="create_campaign", summary="Create a campaign"
)
def create(request: HttpRequest, body: CampaignIn) -> Status[dict[str, Any]]:
    """A new campaign is live at once."""
    return Status(201, campaign_out(create_campaign(body.name, body.destination_url)))


@router.get("/campaigns", response=Page[CampaignOut], operation_id="list_campaigns", summary="List campaigns")
def index(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """Newest first."""
    found = page_of(Campaign.objects.all(), limit=paging.limit, cursor=paging.cursor)
    return page(found, [campaign_out(campaign) for campaign in found.items])


@router.get(
    "/campaigns/{campaign_id}",
    response=CampaignOut,
    operation_id="get_campaign",
    summary="Show a campaign",
)
def show(request: HttpRequest, campaign_id: str) -> dict[str, Any]:
    """One campaign."""
    return campaign_out(lookup.campaign(campaign_id))


@router.patch(
    "/campaigns/{campaign_id}",
    response=CampaignOut,
    operation_id="change_campaign",
    summary="Change a campaign",
)
def change(request: HttpRequest, campaign_id: str, body: CampaignChanges) -> dict[str, Any]:
    """Set name, destination or status. Links of a campaign that is not live say it is closed."""
    changes = body.model_dump(exclude_unset=True)
    return campaign_out(change_campaign(lookup.campaign(campaign_id), **changes))
