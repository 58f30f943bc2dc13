"""The Leads tab."""

import pytest
from django.test import Client

from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.leads.models import Lead
from passalong.referrers.models import Referrer
from tests.support import cast

pytestmark = pytest.mark.django_db


def at(campaign: Campaign, rest: str = "") -> str:
    return f"/campaigns/{public_id('campaign', campaign.pk)}/leads{rest}"


@pytest.fixture
def referrer(campaign: Campaign) -> Referrer:
    return cast.referrer_of(campaign, first_name="Dana", last_name="Doe")


def ticked(*leads: Lead) -> list[str]:
    return [public_id("lead", lead.pk) for lead in leads]


def test_it_says_what_leads_are_while_there_are_none(page: Client, campaign: Campaign) -> None:
    assert "First of all this campaign needs referrers." in page.get(at(campaign)).content.decode()


def test_it_shows_who_brought_whom(page: Client, campaign: Campaign, referrer: Referrer) -> None:
    cast.lead_of(referrer)
    shown = page.get(at(campaign)).content.decode()
    assert [word in shown for word in ("frida@example.com", "Dana Doe", "Pending", "API")] == [True] * 4


def test_it_narrows(page: Client, campaign: Campaign, referrer: Referrer) -> None:
    cast.lead_of(referrer)
    cast.lead_of(referrer, "gustav@example.com")
    found = page.get(at(campaign), {"q": "gus", "status": "pending"}).content.decode()
    assert ("gustav@example.com" in found, "frida@example.com" in found) == (True, False)
    assert "Nobody found" in page.get(at(campaign), {"status": "qualified"}).content.decode()


def test_it_adds_one_by_hand(page: Client, campaign: Campaign, referrer: Referrer) -> None:
    body = {"email": "Frida@example.com", "first_name": "Frida", "referrer": referrer.email}
    answer = page.post(at(campaign, "/add"), body, follow=True)
    lead = Lead.everywhere.get()
    assert (lead.email, lead.referrer_id, lead.source) == ("frida@example.com", referrer.pk, "manual")
    assert "frida@example.com is a lead of Dana Doe now" in answer.content.decode()


def test_it_says_whose_a_lead_is_already(page: Client, campaign: Campaign, referrer: Referrer) -> None:
    cast.lead_of(referrer)
    other = cast.referrer_of(campaign, "erik@example.com")
    body = {"email": "frida@example.com", "referrer": other.code}
    answer = page.post(at(campaign, "/add"), body, follow=True)
    assert "frida@example.com was a lead of Dana Doe already, and stays so" in answer.content.decode()


def test_it_explains_what_is_wrong_at_the_field(page: Client, campaign: Campaign, referrer: Referrer) -> None:
    answer = page.post(at(campaign, "/add"), {"email": "frida@example.com", "referrer": "nobody"})
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="referrer-error"' in shown
    assert "No referrer of this campaign has this code, link, email or id." in shown


def test_it_qualifies_and_takes_back_the_ticked_ones(
    page: Client, campaign: Campaign, referrer: Referrer
) -> None:
    one, two, three = (cast.lead_of(referrer, f"f{number}@example.com") for number in range(3))
    body = {"lead": ticked(one, two)}
    page.post(at(campaign, "/chosen"), {**body, "do": "qualify"})
    qualified = Lead.everywhere.filter(status="qualified").count()
    page.post(at(campaign, "/chosen"), {"lead": ticked(one, three), "do": "unqualify"})
    referrer.refresh_from_db()
    assert (qualified, referrer.converted_referrals_count) == (2, 1)


def test_it_asks_before_it_deletes(page: Client, campaign: Campaign, referrer: Referrer) -> None:
    body = {"lead": ticked(cast.lead_of(referrer)), "do": "delete"}
    asked = page.post(at(campaign, "/chosen"), body).content.decode()
    left = Lead.everywhere.count()
    page.post(at(campaign, "/chosen"), {**body, "do": "delete_now"})
    campaign.refresh_from_db()
    assert ("Delete 1 lead?" in asked, left, Lead.everywhere.count(), campaign.leads_count) == (True, 1, 0, 0)


def test_it_passes_over_leads_of_others(page: Client, campaign: Campaign) -> None:
    theirs = cast.lead_of(cast.referrer_of(cast.campaign_of(cast.charlie(), "Theirs")))
    for action in ("qualify", "delete", "delete_now"):
        page.post(at(campaign, "/chosen"), {"lead": ticked(theirs), "do": action})
    theirs.refresh_from_db()
    assert theirs.status == "pending"


def test_it_is_hidden_from_strangers(stranger: Client, campaign: Campaign) -> None:
    assert [stranger.get(at(campaign, rest)).status_code for rest in ("", "/add")] == [404, 404]
    assert stranger.post(at(campaign, "/chosen")).status_code == 404


def test_it_lets_viewers_look_only(viewer: Client, campaign: Campaign, referrer: Referrer) -> None:
    lead = cast.lead_of(referrer)
    assert "frida@example.com" in viewer.get(at(campaign)).content.decode()
    assert viewer.get(at(campaign, "/add")).status_code == 403
    answer = viewer.post(at(campaign, "/chosen"), {"lead": ticked(lead), "do": "qualify"})
    assert answer.status_code == 403
