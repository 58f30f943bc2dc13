"""What a campaign does in a CRM when people join, over REST."""

# ruff: noqa: ARG001 - every operation is given the request

from typing import Any, Literal

import msgspec
from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from passalong.api import lookup
from passalong.api.schemas import Body, Failure, Moment, Page, Paging, Scalar, Value, choice, failure, page
from passalong.core.ids import parse_id, public_id
from passalong.sync.newcomers import services
from passalong.sync.newcomers.models import Newcomer, NewcomerKind, PeopleRule
from passalong.sync.newcomers.rules import EVENTS, SOURCES, Intake

router = Router(tags=["People into the CRM"])
_FOR_LEADS, _FOR_REFERRERS = (", ".join(SOURCES[kind]) for kind in ("lead", "referrer"))


class FieldRow(Body):
    """A field of the CRM and where its value comes from: `from`, or a fixed `value`."""

    to: str = Field(description="The CRM's field key.", examples=["email"])
    source: str = Field(
        "",
        alias="from",
        description=f"For leads {_FOR_LEADS}; for referrers {_FOR_REFERRERS}; or fields.<question>.",
        examples=["email"],
    )
    value: Scalar = Field(None, description="A fixed value, in the field's type.")


class IntakeIn(Body):
    """What happens when a person joins. Nobody is sent until a row fills `email` from `email`."""

    create: str = choice("nothing", "lead", "user", default="nothing", examples=["lead"])
    on_match: str = choice("leave", "update", default="leave", examples=["leave"])
    fields: list[FieldRow] = Field(default_factory=list, examples=[[{"to": "email", "from": "email"}]])
    tag: str = Field(default="", description="A tag for those who are created or updated.")


class IntakeOut(IntakeIn):
    """What happens when a person joins."""

    setup_required: bool = Field(description="It is switched on, but no row fills `email` yet.")


class QualifyIn(Body):
    """When a lead qualifies: its contact's field takes one of the values. An empty field: never by that."""

    field: str = Field(default="", description="The CRM's field key.", examples=["custom_attributes.plan"])
    initial: Scalar = Field(default=None, description="What a contact that we make for a lead says there.")
    values: list[Value] = Field(
        default_factory=list, description="What means qualified.", examples=[["pro", "enterprise"]]
    )
    unqualifies: bool = Field(
        default=False, description="Take it back when the value is left; never what a person gave."
    )


class PeopleIn(Body):
    """What to change; what is not given stays."""

    leads: IntakeIn = Field(default_factory=IntakeIn)
    referrers: IntakeIn = Field(default_factory=IntakeIn)
    events: list[str] = Field(
        default_factory=list,
        description=f"Which of {', '.join(EVENTS)} are noted on the contact of who referred.",
        examples=[["invited-friend"]],
    )
    qualify: QualifyIn = Field(default_factory=QualifyIn)


class PeopleOut(BaseModel):
    """What a campaign does in one connection when people join."""

    campaign_id: str
    connection_id: str
    leads: IntakeOut
    referrers: IntakeOut
    events: list[str]
    qualify: QualifyIn
    problem: Failure | None = Field(description="What kept the last look for qualified contacts.")


class NewcomerOut(BaseModel):
    """A person, or an event, on the way into the CRM."""

    id: str
    kind: Literal["lead", "referrer", "invited-friend", "referral-converted"]
    email: str = Field(description="Of the contact it is about.")
    lead_id: str | None
    referrer_id: str = Field(description="The referrer, or who referred the lead.")
    state: Literal["waiting", "created", "updated", "left_alone", "sent", "failed", "cancelled"]
    contact_id: str | None = Field(description="The CRM's id of the contact, once it is known.")
    problem: Failure | None = Field(description="Why it failed, or waits.")
    created_at: Moment
    done_at: Moment | None


class Filters(Paging):
    """Which of them."""

    kind: Literal["", "lead", "referrer", "invited-friend", "referral-converted"] = ""
    state: Literal["", "waiting", "created", "updated", "left_alone", "sent", "failed", "cancelled"] = ""


class RetryIn(Body):
    """Which ones; all that failed when not given."""

    ids: list[str] | None = Field(None, examples=[["new_0190f0c27b7c7d3f8f0a3c5d7e9b1a2c"]])


class RetryOut(BaseModel):
    """How many are tried again."""

    retried: int


def _intake_out(one: Intake) -> dict[str, Any]:
    rows = [{"to": row.to, "from": row.source, "value": row.value} for row in one.fields]
    said = {"create": one.create, "on_match": one.on_match, "tag": one.tag}
    return {**said, "fields": rows, "setup_required": one.needs_setup}


def _rule_out(rule: PeopleRule) -> dict[str, Any]:
    return {
        "campaign_id": public_id("campaign", rule.campaign_id),
        "connection_id": public_id("connection", rule.connection_id),
        "leads": _intake_out(rule.intake(NewcomerKind.LEAD)),
        "referrers": _intake_out(rule.intake(NewcomerKind.REFERRER)),
        "events": rule.events,
        "qualify": msgspec.to_builtins(rule.qualifying),
        "problem": failure(rule.problem),
    }


def _newcomer_out(row: Newcomer) -> dict[str, Any]:
    columns = ("kind", "email", "state", "created_at", "done_at")
    return {
        "id": public_id("newcomer", row.pk),
        "lead_id": public_id("lead", row.lead_id) if row.lead_id else None,
        "referrer_id": public_id("referrer", row.referrer_id),
        "contact_id": row.contact_id or None,
        "problem": failure(row.problem),
        **{key: getattr(row, key) for key in columns},
    }


@router.get(
    "/campaigns/{campaign_id}/crm/{connection_id}",
    response=PeopleOut,
    by_alias=True,
    operation_id="get_people_rule",
    summary="Show what happens in the CRM when people join",
)
def show(request: HttpRequest, campaign_id: str, connection_id: str) -> dict[str, Any]:
    """Nothing, until somebody says so."""
    return _rule_out(services.rule_of(lookup.campaign(campaign_id), lookup.connection(connection_id)))


@router.put(
    "/campaigns/{campaign_id}/crm/{connection_id}",
    response=PeopleOut,
    by_alias=True,
    operation_id="change_people_rule",
    summary="Say what happens in the CRM when people join",
)
def change(request: HttpRequest, campaign_id: str, connection_id: str, body: PeopleIn) -> dict[str, Any]:
    """Sets `leads`, `referrers`, `events` and `qualify`, each as a whole if it is given. The first three
    concern who joins from now on; who waits for something that is switched off is cancelled."""
    campaign, connection = lookup.campaign(campaign_id), lookup.connection(connection_id)
    changes = body.model_dump(by_alias=True, exclude_unset=True)
    return _rule_out(services.change_rule(campaign, connection, changes))


@router.get(
    "/campaigns/{campaign_id}/crm/{connection_id}/people",
    response=Page[NewcomerOut],
    operation_id="list_newcomers",
    summary="List who was made known in the CRM",
)
def people(
    request: HttpRequest, campaign_id: str, connection_id: str, filters: Query[Filters]
) -> dict[str, Any]:
    """Newest first, with what became of each."""
    found = services.people(
        lookup.campaign(campaign_id),
        lookup.connection(connection_id),
        limit=filters.limit,
        cursor=filters.cursor,
        kinds=[filters.kind] if filters.kind else [],
        state=filters.state,
    )
    return page(found, [_newcomer_out(row) for row in found.items])


@router.post(
    "/campaigns/{campaign_id}/crm/{connection_id}/people/retry",
    response={202: RetryOut},
    operation_id="retry_newcomers",
    summary="Try again who failed",
)
def retry(
    request: HttpRequest, campaign_id: str, connection_id: str, body: RetryIn
) -> Status[dict[str, int]]:
    """All that failed or wait because of a problem, or those named."""
    campaign, connection = lookup.campaign(campaign_id), lookup.connection(connection_id)
    ids = None
    if body.ids is not None:
        ids = services.newcomer_ids([parse_id("newcomer", one) for one in body.ids])
    return Status(202, {"retried": services.retry(campaign, connection, ids)})
