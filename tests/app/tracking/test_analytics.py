"""Numbers by day: equal to a recount in any order of events, whether folded yet or not."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.core.ids import new_id, public_id
from passalong.core.problems import Problem
from passalong.leads.models import Lead
from passalong.leads.services import add_lead, delete_lead, qualify, unqualify
from passalong.referrers.models import Referrer
from passalong.referrers.services import delete_referrer
from passalong.tracking import analytics, tally, visits
from passalong.tracking.analytics import Report
from passalong.tracking.models import CampaignDay, ReferrerDay, Tally
from passalong.tracking.visits import Opened
from tests.support import cast
from tests.support.cast import Api

MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIRST, LAST = date(2026, 11, 20), date(2026, 11, 30)


def visit(referrer: Referrer, moment: datetime = MONDAY, times: int = 1) -> None:
    visits.write([Opened(new_id(), referrer.pk, moment) for _ in range(times)])


def report_of(campaign: Campaign) -> Report:
    with in_workspace(campaign.workspace_id):
        return analytics.report(campaign, FIRST, LAST)


def days(campaign: Campaign) -> dict[str, tuple[int, int, int]]:
    """day → visits, leads, qualified; days without anything are left out."""
    report = report_of(campaign)
    rows = {str(day): (one.visits, one.leads, one.qualified) for day, one in report.days.items()}
    return {day: row for day, row in rows.items() if any(row)}


@pytest.fixture
def campaign(db: None) -> Campaign:
    return cast.campaign_of(cast.alice())


@pytest.fixture
def referrer(campaign: Campaign) -> Referrer:
    return cast.referrer_of(campaign)


def test_it_counts_visits_and_leads_on_their_days(campaign: Campaign, referrer: Referrer) -> None:
    visit(referrer, MONDAY, 3)
    visit(referrer, MONDAY + timedelta(days=1))
    with time_machine.travel(MONDAY, tick=False):
        lead = cast.lead_of(referrer)
    with time_machine.travel(MONDAY + timedelta(days=2), tick=False), in_workspace(campaign.workspace_id):
        qualify(lead)
    expected = {"2026-11-23": (3, 1, 0), "2026-11-24": (1, 0, 0), "2026-11-25": (0, 0, 1)}
    before = days(campaign)
    tally.fold()
    assert (before, days(campaign), Tally.objects.count()) == (expected, expected, 0)


def test_it_takes_back_from_the_day_it_was_counted_on(campaign: Campaign, referrer: Referrer) -> None:
    with time_machine.travel(MONDAY, tick=False), in_workspace(campaign.workspace_id):
        one, two = (cast.lead_of(referrer, f"f{number}@example.com") for number in range(2))
        qualify(one)
        qualify(two)
        tally.fold()
    with time_machine.travel(MONDAY + timedelta(days=3), tick=False), in_workspace(campaign.workspace_id):
        unqualify(one)
        delete_lead(two)
        tally.fold()
    assert days(campaign) == {"2026-11-23": (0, 1, 0)}


def test_it_counts_days_in_utc(campaign: Campaign, referrer: Referrer) -> None:
    visit(referrer, datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC))
    visit(referrer, datetime.fromisoformat("2026-11-24T01:00:00+02:00"))
    visit(referrer, datetime(2026, 11, 24, tzinfo=UTC))
    assert days(campaign) == {"2026-11-23": (2, 0, 0), "2026-11-24": (1, 0, 0)}


def test_it_folds_again_and_again_without_counting_twice(campaign: Campaign, referrer: Referrer) -> None:
    for _ in range(3):
        visit(referrer, MONDAY, 2)
        tally.fold()
        tally.fold()
    assert days(campaign) == {"2026-11-23": (6, 0, 0)}
    assert (CampaignDay.objects.count(), ReferrerDay.objects.count()) == (1, 1)


def test_it_names_who_brings_most(campaign: Campaign, referrer: Referrer) -> None:
    other = cast.referrer_of(campaign, "erik@example.com")
    with time_machine.travel(MONDAY, tick=False):
        cast.lead_of(referrer)
        tally.fold()
        for number in range(2):
            cast.lead_of(other, f"f{number}@example.com")
    visit(referrer, MONDAY, 9)
    best = report_of(campaign).referrers
    assert [(one.email, numbers.leads, numbers.visits) for one, numbers in best] == [
        ("erik@example.com", 2, 0),
        ("dana@example.com", 1, 9),
    ]


def test_it_forgets_a_deleted_referrer_but_not_what_the_campaign_had(
    campaign: Campaign, referrer: Referrer
) -> None:
    visit(referrer)
    tally.fold()
    visit(referrer)
    with in_workspace(campaign.workspace_id):
        delete_referrer(referrer)
    tally.fold()
    report = report_of(campaign)
    assert (report.referrers, report.total.visits, ReferrerDay.objects.count()) == ([], 2, 0)


def test_it_tells_sources_apart(campaign: Campaign, referrer: Referrer) -> None:
    with time_machine.travel(MONDAY, tick=False), in_workspace(campaign.workspace_id):
        for number, source in enumerate(("join_page", "api", "join_page")):
            add_lead(campaign, referrer.code, f"f{number}@example.com", source=source)
    report = report_of(campaign)
    assert {source: one.leads for source, one in report.sources.items()} == {"join_page": 2, "api": 1}


def test_it_shows_other_campaigns_nothing(campaign: Campaign, referrer: Referrer) -> None:
    visit(referrer)
    assert days(cast.campaign_of(cast.charlie(), "Theirs")) == {}


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [("yesterday", "", "from"), ("", "2026-13-01", "to"), ("2026-11-02", "2026-11-01", "from")],
)
def test_it_refuses_days_that_are_none(first: str, last: str, field: str) -> None:
    with pytest.raises(Problem) as refused:
        analytics.period(first, last)
    assert [error.field for error in refused.value.errors] == [field]


def test_it_refuses_more_than_two_years() -> None:
    with pytest.raises(Problem):
        analytics.period("2020-01-01", "2026-01-01")


def test_it_is_asked_for_over_rest(campaign: Campaign, referrer: Referrer) -> None:
    visit(referrer)
    from passalong.accounts.services import create_token

    api = Api(create_token(campaign.workspace_id, "reads")[1])
    path = f"/campaigns/{public_id('campaign', campaign.pk)}/analytics"
    answer = api.get(path, **{"from": "2026-11-22", "to": "2026-11-24"}).json()
    assert [(day["day"], day["visits"]) for day in answer["days"]] == [
        ("2026-11-22", 0),
        ("2026-11-23", 1),
        ("2026-11-24", 0),
    ]
    assert (answer["total"], api.get(path, **{"from": "x"}).status_code) == (
        {"visits": 1, "leads": 0, "qualified": 0},
        422,
    )


@pytest.mark.django_db(transaction=True)
def test_it_folds_each_note_once_when_two_fold_at_once() -> None:
    campaign = cast.campaign_of(cast.alice())
    referrer = cast.referrer_of(campaign)
    for _ in range(50):
        visit(referrer)

    def work() -> None:
        try:
            tally.fold()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert days(campaign) == {"2026-11-23": (50, 0, 0)}


class AnyOrder(TestCase):
    """Joining, qualifying, taking back, deleting, visiting and folding, in any order."""

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.sampled_from("jquvdf"), st.integers(0, 3), st.integers(0, 4)), max_size=25))
    def test_it_equals_a_recount(self, steps: list[tuple[str, int, int]]) -> None:
        campaign = cast.campaign_of(cast.alice())
        referrer = cast.referrer_of(campaign)
        seen = 0
        verbs: dict[str, Any] = {"q": qualify, "u": unqualify, "d": delete_lead}
        with in_workspace(campaign.workspace_id):
            for step, who, day in steps:
                with time_machine.travel(MONDAY + timedelta(days=day), tick=False):
                    found = Lead.objects.filter(email=f"f{who}@example.com").first()
                    if step == "j":
                        add_lead(campaign, referrer.code, f"f{who}@example.com")
                    elif step == "v":
                        visit(referrer, MONDAY + timedelta(days=day))
                        seen += 1
                    elif step == "f":
                        tally.fold()
                    elif found is not None:
                        verbs[step](found)
            report = report_of(campaign)
            counted = {
                str(day): (one.leads, one.qualified)
                for day, one in report.days.items()
                if one.leads or one.qualified
            }
            recount: dict[str, tuple[int, int]] = {}
            for lead in Lead.objects.all():
                for moment, step_in in ((lead.created_at, (1, 0)), (lead.qualified_at, (0, 1))):
                    if moment is not None:
                        leads, qualified = recount.get(str(moment.date()), (0, 0))
                        recount[str(moment.date())] = (leads + step_in[0], qualified + step_in[1])
        assert (counted, report.total.visits) == (recount, seen)


def test_it_shows_the_numbers_on_the_overview(client: Client, campaign: Campaign, referrer: Referrer) -> None:
    from passalong.accounts.models import User

    visit(referrer, MONDAY, 4)
    client.force_login(User.objects.get(), backend="allauth.account.auth_backends.AuthenticationBackend")
    path = f"/campaigns/{public_id('campaign', campaign.pk)}"
    days_asked = {"from": "2026-11-22", "to": "2026-11-24"}
    shown = client.get(path, days_asked).content.decode()
    file = client.get(f"{path}/numbers.csv", days_asked)
    assert "23 Nov 2026" in shown
    assert b"".join(file.streaming_content).decode("utf-8-sig").splitlines() == [  # type: ignore[attr-defined]
        "Day,Visits,Leads,Qualified",
        "2026-11-22,0,0,0",
        "2026-11-23,4,0,0",
        "2026-11-24,0,0,0",
    ]
    assert client.get(path, {"from": "x"}).status_code == 422
