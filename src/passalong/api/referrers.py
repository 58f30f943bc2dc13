"""Referrers over REST."""

# ruff: noqa: ARG001 - every operation is given the request

from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from passalong.api import lookup
from passalong.api.auth import caller
from passalong.api.schemas import Body, Moment, Page, Paging, Scalar, Value, choice, page
from passalong.core.ids import parse_id, public_id
from passalong.referrers.erasing import Person, erase_person
from passalong.referrers.merging import merge_two, other_referrer
from passalong.referrers.models import Referrer, ReferrerStatus
from passalong.referrers.services import (
    MOST_AT_ONCE,
    add_referrer,
    change_referrer,
    delete_referrer,
    delete_referrers,
    find_referrers,
    set_status,
)

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


class Chosen(Body):
    """Some referrers of one campaign."""

    ids: list[str] = Field(
        max_length=MOST_AT_ONCE, description="Ids of other campaigns' referrers are passed over."
    )


class Other(Body):
    """Another referrer of the same campaign."""

    into: str = Field(description="Code, referral link, email or id.", examples=["bea@example.com"])


class Erased(BaseModel):
    """How much of the person there was: referrers and leads of every campaign."""

    referrers: int
    leads: int


class Changed(BaseModel):
    """How many referrers this changed."""

    changed: int


class Filters(Paging):
    """Which referrers."""

    q: str = Field("", description="Words that name, email or code begin with.")
    email: str = Field("", description="Exactly this address.")
    status: Literal["", "active", "inactive"] = ""
    source: Literal["", "manual", "api", "upload", "intercom"] = ""


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
        source=filters.source,
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
    return referrer_out(change_referrer(lookup.referrer(referrer_id), who=caller(request), **changes))


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


@router.post(
    "/referrers/{referrer_id}/merge",
    response=ReferrerOut,
    operation_id="merge_referrers",
    summary="Merge two referrers",
)
def merge_with(request: HttpRequest, referrer_id: str, body: Other) -> dict[str, Any]:
    """Two referrers who are one person become one: the older, with the leads, visits and counts of both. What
    it lacks comes from the other, and every code goes on working. This cannot be undone. Answers with who is
    left. 422 `referrer_not_found` when nobody of this campaign is meant, `same_referrer` for oneself."""
    found = lookup.referrer(referrer_id)
    return referrer_out(merge_two(found, other_referrer(found, body.into), who=caller(request)))


@router.post(
    "/referrers/{referrer_id}/erase",
    response=Erased,
    operation_id="erase_referrer",
    summary="Erase a person",
)
def erase(request: HttpRequest, referrer_id: str) -> dict[str, int]:
    """Forgets everything personal of whoever has this address, in every campaign of the workspace: as a
    referrer, as a lead, in runs, imports, histories and logs. Their leads stay and stay counted, of somebody
    without a name. The CRM is not changed: a sync that still meets them makes them a new referrer."""
    return erased_out(erase_person([lookup.referrer(referrer_id).email], who=caller(request)))


def erased_out(person: Person) -> dict[str, int]:
    """How much there was."""
    return {"referrers": len(person.referrers), "leads": len(person.leads)}


@router.post(
    "/campaigns/{campaign_id}/referrers/deactivate",
    response=Changed,
    operation_id="deactivate_referrers",
    summary="Deactivate referrers",
)
def deactivate(request: HttpRequest, campaign_id: str, body: Chosen) -> dict[str, int]:
    """Their links say that the programme is closed for them; everything else stays."""
    return _set_status(request, campaign_id, body, ReferrerStatus.INACTIVE)


@router.post(
    "/campaigns/{campaign_id}/referrers/activate",
    response=Changed,
    operation_id="activate_referrers",
    summary="Activate referrers",
)
def activate(request: HttpRequest, campaign_id: str, body: Chosen) -> dict[str, int]:
    """Their links work again."""
    return _set_status(request, campaign_id, body, ReferrerStatus.ACTIVE)


@router.post(
    "/campaigns/{campaign_id}/referrers/delete",
    response=Changed,
    operation_id="delete_referrers",
    summary="Delete referrers",
)
def delete_some(request: HttpRequest, campaign_id: str, body: Chosen) -> dict[str, int]:
    """Removes them with everything that hangs on them; their links stop working."""
    return {"changed": delete_referrers(lookup.campaign(campaign_id), _keys(body))}


def _set_status(
    request: HttpRequest, campaign_id: str, body: Chosen, status: ReferrerStatus
) -> dict[str, int]:
    campaign = lookup.campaign(campaign_id)
    return {"changed": set_status(campaign, _keys(body), status, who=caller(request))}


def _keys(body: Chosen) -> list[UUID]:
    """What is no referrer's id is nobody's."""
    found = (parse_id("referrer", text) for text in body.ids)
    return [key for key in found if key is not None]
