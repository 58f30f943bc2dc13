"""Referrers over REST."""

# ruff: noqa: ARG001 - every operation is given the request

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from passalong.api import lookup
from passalong.api.schemas import Body, Moment, Page, Paging, Scalar, Value, choice, page
from passalong.core.ids import public_id
from passalong.referrers.models import Referrer
from passalong.referrers.services import add_referrer, change_referrer, delete_referrer, find_referrers

router = Router(tags=["Referrers"])

_COLUMNS = (
    "email",
    "first_name",
    "last_name",
    "phone",
    "fields",
    "code",
    "referral_link",
    "visits_count",
    "referrals_count",
    "converted_referrals_count",
    "source",
    "status",
    "created_at",
    "updated_at",
)


class ContactOut(BaseModel):
    """A person in a CRM who is this referrer."""

    connection_id: str
    external_id: str


class ReferrerOut(BaseModel):
    """A person who refers, with a permanent link."""

    id: str
    campaign_id: str
    email: str
    first_name: str
    last_name: str
    phone: str
    fields: dict[str, Scalar]
    code: str
    referral_link: str
    visits_count: int
    referrals_count: int
    converted_referrals_count: int
    source: str
    status: Literal["active", "inactive"]
    contacts: list[ContactOut]
    created_at: Moment
    updated_at: Moment


class ReferrerIn(Body):
    """A person to add. Someone who is there already keeps the code; only empty fields are filled."""

    email: str = Field(examples=["dana@example.com"])
    first_name: str | None = Field(None, examples=["Dana"])
    last_name: str | None = Field(None, examples=["Levi"])
    phone: str | None = Field(None, examples=["+972 50 000 0000"])
    fields: dict[str, Value] | None = Field(None, examples=[{"plan": "pro"}])


class ReferrerChanges(Body):
    """What to change; what is not given stays. A field set to null is removed."""

    email: str = Field(default_factory=str, examples=["dana@example.com"])
    first_name: str = Field(default_factory=str, examples=["Dana"])
    last_name: str = Field(default_factory=str, examples=["Levi"])
    phone: str = Field(default_factory=str, examples=["+972 50 000 0000"])
    fields: dict[str, Scalar] = Field(default_factory=dict, examples=[{"plan": None}])
    status: str = choice("active", "inactive", default_factory=str, examples=["inactive"])


class Filters(Paging):
    """Which referrers."""

    q: str = Field("", description="Words that name, email or code begin with.")
    email: str = Field("", description="Exactly this address.")
    status: Literal["", "active", "inactive"] = ""


def referrer_out(referrer: Referrer) -> dict[str, Any]:
    """A referrer as the contract shows it; prefetch `links` when rendering many."""
    return {
        "id": public_id("referrer", referrer.pk),
        "campaign_id": public_id("campaign", referrer.campaign_id),
        "contacts": [
            {
                "connection_id": public_id("connection", link.connection_id),
                "external_id": link.external_id,
            }
            for link in referrer.links.all()
        ],
        **{key: getattr(referrer, key) for key in _COLUMNS},
    }


@router.get(
    "/campaigns/{campaign_id}/referrers",
    response=Page[ReferrerOut],
    operation_id="list_referrers",
    summary="List and search referrers",
)
def index(request: HttpRequest, campaign_id: str, filters: Query[Filters]) -> dict[str, Any]:
    """Newest first."""
    found = find_referrers(
        lookup.campaign(campaign_id),
        limit=filters.limit,
        cursor=filters.cursor,
        q=filters.q,
        email=filters.email,
        with_links=True,
        status=filters.status,
    )
    return page(found, [referrer_out(referrer) for referrer in found.items])


@router.post(
    "/campaigns/{campaign_id}/referrers",
    response={200: ReferrerOut, 201: ReferrerOut},
    operation_id="add_referrer",
    summary="Add a referrer",
)
def add(request: HttpRequest, campaign_id: str, body: ReferrerIn) -> Status[dict[str, Any]]:
    """201 for a new referrer. 200 for one who is there already: empty fields are filled, the code stays."""
    referrer, is_new = add_referrer(lookup.campaign(campaign_id), **body.model_dump(exclude_unset=True))
    return Status(201 if is_new else 200, referrer_out(referrer))


@router.get(
    "/referrers/{referrer_id}",
    response=ReferrerOut,
    operation_id="get_referrer",
    summary="Show a referrer",
)
def show(request: HttpRequest, referrer_id: str) -> dict[str, Any]:
    """One referrer."""
    return referrer_out(lookup.referrer(referrer_id))


@router.patch(
    "/referrers/{referrer_id}",
    response=ReferrerOut,
    operation_id="change_referrer",
    summary="Change a referrer",
)
def change(request: HttpRequest, referrer_id: str, body: ReferrerChanges) -> dict[str, Any]:
    """Set what is given; `fields` are set one by one. 409 when the email is another referrer's."""
    changes = body.model_dump(exclude_unset=True)
    return referrer_out(change_referrer(lookup.referrer(referrer_id), **changes))


@router.delete(
    "/referrers/{referrer_id}",
    response={204: None},
    operation_id="delete_referrer",
    summary="Delete a referrer",
)
def delete(request: HttpRequest, referrer_id: str) -> Status[None]:
    """Removes the referrer with everything that hangs on it; the link stops working."""
    delete_referrer(lookup.referrer(referrer_id))
    return Status(204, None)
