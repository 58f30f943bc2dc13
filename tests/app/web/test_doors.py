"""Settings of where friends join: the hosted page and the customer's website."""

import pytest
from django.test import Client

from passalong.campaigns import hooks
from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id

pytestmark = pytest.mark.django_db


def at(campaign: Campaign, rest: str) -> str:
    return f"/campaigns/{public_id('campaign', campaign.pk)}/settings{rest}"


def test_it_leads_friends_to_the_hosted_page(page: Client, campaign: Campaign) -> None:
    page.post(at(campaign, ""), {"name": "Spring", "lands": "hosted", "destination_url": ""})
    campaign.refresh_from_db()
    assert campaign.lands_at == "http://127.0.0.1:8000/c/spring"


def test_it_creates_a_campaign_without_a_website(page: Client, db: None) -> None:
    page.post("/campaigns/new", {"name": "Autumn", "lands": "hosted"})
    assert Campaign.everywhere.get().is_hosted


def test_it_wants_an_address_when_friends_land_elsewhere(page: Client, campaign: Campaign) -> None:
    answer = page.post(at(campaign, ""), {"name": "Spring", "lands": "own", "destination_url": ""})
    assert answer.status_code == 422
    assert 'id="destination_url-error"' in answer.content.decode()


def test_it_keeps_the_words_of_the_join_page(page: Client, campaign: Campaign) -> None:
    body = {
        "headline": " Hello ",
        "colour": "#aa0000",
        "label-0": "Size",
        "required-0": "on",
        "label-3": "Shoe",
    }
    page.post(at(campaign, "/join-page"), body)
    campaign.refresh_from_db()
    assert campaign.join_page == {
        "headline": "Hello",
        "colour": "#aa0000",
        "asks_consent": False,
        "questions": [{"label": "Size", "required": True}, {"label": "Shoe", "required": False}],
    }


def test_it_says_what_is_wrong_and_keeps_what_was_typed(page: Client, campaign: Campaign) -> None:
    body = {"headline": "x" * 151, "colour": "#aa0000", "thanks_url": "nowhere", "text": "Dear friend"}
    answer = page.post(at(campaign, "/join-page"), body)
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert [word in shown for word in ("Use at most 150 characters.", "Dear friend", "with https://.")] == [
        True,
        True,
        True,
    ]
    campaign.refresh_from_db()
    assert campaign.join_page == {}


def test_it_shows_the_code_for_the_website(page: Client, campaign: Campaign) -> None:
    shown = page.get(at(campaign, "/website")).content.decode()
    assert f"data-key=&quot;{campaign.public_key}&quot;" in shown


def test_it_keeps_the_websites(page: Client, campaign: Campaign) -> None:
    page.post(at(campaign, "/website"), {"origins": "https://a.example.com\r\nhttps://b.example.com/"})
    campaign.refresh_from_db()
    assert campaign.origins == ["https://a.example.com", "https://b.example.com"]


def test_it_explains_a_website_that_is_none(page: Client, campaign: Campaign) -> None:
    answer = page.post(at(campaign, "/website"), {"origins": "a.example.com/shop"})
    assert answer.status_code == 422
    assert "is not the beginning of an address" in answer.content.decode()


def test_it_renews_the_key(page: Client, campaign: Campaign) -> None:
    before = campaign.public_key
    page.post(at(campaign, "/website/key"))
    campaign.refresh_from_db()
    assert campaign.public_key != before


def test_it_shows_the_secret_address_to_writers_and_renews_it(
    page: Client, viewer: Client, campaign: Campaign
) -> None:
    before = hooks.address(campaign)
    seen = [before in one.get(at(campaign, "/qualifying")).content.decode() for one in (page, viewer)]
    page.post(at(campaign, "/qualifying/address"))
    campaign.refresh_from_db()
    assert (seen, hooks.address(campaign) == before) == ([True, False], False)


@pytest.mark.parametrize("rest", ["/join-page", "/website"])
def test_it_is_for_members_and_changed_by_writers(
    stranger: Client, viewer: Client, campaign: Campaign, rest: str
) -> None:
    path = at(campaign, rest)
    assert [stranger.get(path).status_code, viewer.get(path).status_code] == [404, 200]
    assert [stranger.post(path).status_code, viewer.post(path).status_code] == [404, 403]
