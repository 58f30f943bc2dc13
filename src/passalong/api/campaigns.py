"""Campaigns over REST."""

# ruff: noqa: ARG001 - every operation is given the request

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from passalong.api import lookup
from passalong.api.schemas import Body, Moment, Page, Paging, choice, page
from passalong.campaigns.join_page import COLOUR
from passalong.campaigns.models import Campaign
from passalong.campaigns.services import change_campaign, create_campaign
from passalong.core.ids import public_id
from passalong.core.pages import page_of

router = Router(tags=["Campaigns"])


class JoinFieldBody(Body):
    """A question beyond first name and email; the label is its name among the lead's fields."""

    label: str
    required: bool = False


class JoinPageBody(Body):
    """The words and colour of the hosted join page. An empty text stands for our own words; `{referrer}` in
    one for the first name of who invites."""

    sender: str = Field(default="", description="Who invites; the workspace's name when empty.")
    headline: str = ""
    text: str = ""
    button: str = ""
    asks_consent: bool = True
    consent: str = ""
    thanks_headline: str = ""
    thanks_text: str = ""
    thanks_url: str = Field(default="", description="Where friends go instead of the page of thanks.")
    colour: str = Field(default=COLOUR, description="`#` and six hexadecimal digits.")
    questions: list[JoinFieldBody] = Field(default_factory=list, description="At most five.")


class CampaignOut(BaseModel):
    """A referral programme."""

    id: str
    slug: str
    name: str
    status: Literal["draft", "live", "paused"]
    destination_url: str = Field(description="Where referral links lead, before anything is added.")
    utm: dict[str, str] = Field(description="What referral links add to the destination's query, by key.")
    hosted_page: bool = Field(description="Whether links lead to the hosted join page.")
    join_url: str = Field(description="Where the hosted join page is; `?ref=<code>` says who invites.")
    join_page: JoinPageBody
    publishable_key: str = Field(description="Names the campaign in the code of a website; no secret.")
    origins: list[str] = Field(description="Websites that may send leads with the publishable key.")
    referrers_count: int
    leads_count: int
    created_at: Moment


class Utm(Body):
    """UTM parameters that referral links add to the destination; an empty one adds nothing."""

    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    utm_term: str = ""
    utm_content: str = ""


class CampaignIn(Body):
    """A new campaign."""

    name: str = Field(description="At most 150 characters.", examples=["Spring referrals"])
    destination_url: str = Field(
        "",
        description="Where referral links lead, with http:// or https://. Needed unless `hosted_page`.",
        examples=["https://example.com/"],
    )
    utm: Utm = Field(default_factory=Utm)
    hosted_page: bool = False
    join_page: JoinPageBody = Field(default_factory=JoinPageBody)
    origins: list[str] = Field(default_factory=list)


class CampaignChanges(Body):
    """What to change; what is not given stays."""

    # Factories rather than values: not given stays not given, and null is refused.
    name: str = Field(default_factory=str, examples=["Summer referrals"])
    destination_url: str = Field(default_factory=str, examples=["https://example.com/friends"])
    utm: Utm = Field(default_factory=Utm)
    hosted_page: bool = Field(default_factory=bool)
    join_page: JoinPageBody = Field(default_factory=JoinPageBody)
    origins: list[str] = Field(default_factory=list, examples=[["https://www.example.com"]])
    status: str = choice("draft", "live", "paused", default_factory=str, examples=["paused"])


def campaign_out(campaign: Campaign) -> dict[str, Any]:
    """A campaign as the contract shows it."""
    columns = (
        "slug",
        "name",
        "status",
        "utm",
        "join_url",
        "origins",
        "referrers_count",
        "leads_count",
        "created_at",
    )
    return {
        "id": public_id("campaign", campaign.pk),
        **{key: getattr(campaign, key) for key in columns},
        "destination_url": campaign.lands_at,
        "hosted_page": campaign.is_hosted,
        "join_page": JoinPageBody.model_validate(campaign.join_page),
        "publishable_key": campaign.public_key,
    }


def _as_columns(body: dict[str, Any]) -> dict[str, Any]:
    return {{"hosted_page": "is_hosted"}.get(key, key): value for key, value in body.items()}


@router.post(
    "/campaigns", response={201: CampaignOut}, operation_id="create_campaign", summary="Create a campaign"
)
def create(request: HttpRequest, body: CampaignIn) -> Status[dict[str, Any]]:
    """A new campaign is live at once."""
    return Status(201, campaign_out(create_campaign(**_as_columns(body.model_dump()))))


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
    """Set what is given; `utm`, `join_page` and `origins` as a whole. Links of a campaign that is not live
    say it is closed."""
    changes = _as_columns(body.model_dump(exclude_unset=True))
    return campaign_out(change_campaign(lookup.campaign(campaign_id), **changes))
