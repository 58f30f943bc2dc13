"""A campaign's numbers over REST."""

# ruff: noqa: ARG001 - every operation is given the request

from datetime import date
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from passalong.api import lookup
from passalong.core.ids import public_id
from passalong.tracking import analytics
from passalong.tracking.analytics import Numbers

router = Router(tags=["Analytics"])


class NumbersOut(BaseModel):
    """How many of each."""

    visits: int
    leads: int
    qualified: int


class DayOut(NumbersOut):
    """One day, in UTC."""

    day: date


class SourceOut(NumbersOut):
    """Leads by how they came here."""

    source: str


class BestOut(NumbersOut):
    """One of the referrers who brought most."""

    referrer_id: str
    email: str
    name: str


class ReportOut(BaseModel):
    """What happened in these days, both included."""

    first: date
    last: date
    total: NumbersOut
    days: list[DayOut] = Field(description="Every day of them.")
    sources: list[SourceOut]
    referrers: list[BestOut] = Field(description="The 20 who brought most.")


class Period(BaseModel):
    """Which days."""

    first: str = Field("", alias="from", description="The first day, as 2026-11-01; 30 days unless given.")
    last: str = Field("", alias="to", description="The last day; today unless given.")


def _numbers(one: Numbers) -> dict[str, int]:
    return {"visits": one.visits, "leads": one.leads, "qualified": one.qualified}


@router.get(
    "/campaigns/{campaign_id}/analytics",
    response=ReportOut,
    operation_id="get_analytics",
    summary="Show a campaign's numbers by day",
)
def show(request: HttpRequest, campaign_id: str, period: Query[Period]) -> dict[str, Any]:
    """At most two years at once."""
    campaign = lookup.campaign(campaign_id)
    found = analytics.report(campaign, *analytics.period(period.first, period.last))
    return {
        "first": found.first,
        "last": found.last,
        "total": _numbers(found.total),
        "days": [{"day": day, **_numbers(one)} for day, one in found.days.items()],
        "sources": [{"source": source, **_numbers(one)} for source, one in found.sources.items()],
        "referrers": [
            {
                "referrer_id": public_id("referrer", person.pk),
                "email": person.email,
                "name": person.name,
                **_numbers(one),
            }
            for person, one in found.referrers
        ],
    }
