"""Campaigns, their settings, and the Referrers tab."""

import re

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.referrers.models import Referrer
from passalong.referrers.services import add_referrer

pytestmark = pytest.mark.django_db


def at(campaign: Campaign, rest: str = "") -> str:
    return f"/campaigns/{public_id('campaign', campaign.pk)}{rest}"


def add(campaign: Campaign, count: int) -> None:
    with in_workspace(campaign.workspace_id):
        for number in range(count):
            add_referrer(campaign, f"p{number}@example.com", first_name=f"Person {number}")


def test_it_starts_empty_and_says_what_to_do(page: Client) -> None:
    text = page.get("/").content.decode()
    assert "Create your first campaign" in text
    assert 'href="/campaigns/new"' in text


def test_it_creates_a_campaign(page: Client) -> None:
    form = {"name": "Spring <b>", "destination_url": "https://shop.example.com/"}
    answer = page.post("/campaigns/new", form, follow=True)
    assert answer.status_code == 200
    assert "Spring &lt;b&gt;" in answer.content.decode()
    assert Campaign.everywhere.get().destination_url == "https://shop.example.com/"


def test_it_keeps_what_was_typed_and_says_what_is_wrong(page: Client) -> None:
    answer = page.post("/campaigns/new", {"name": "Spring", "destination_url": "shop"})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="Spring"' in text
    assert 'value="shop"' in text
    assert text.count("Give the full web address friends should reach, with https://.") >= 2
    assert 'aria-invalid="true" aria-describedby="destination_url-error"' in text


def test_it_pauses_and_makes_live(page: Client, campaign: Campaign) -> None:
    page.post(at(campaign, "/status"), {"status": "paused"})
    assert Campaign.everywhere.get().status == "paused"
    page.post(at(campaign, "/status"), {"status": "live"})
    assert Campaign.everywhere.get().status == "live"


def test_it_changes_the_settings(page: Client, campaign: Campaign) -> None:
    form = {"name": "Autumn", "destination_url": "https://example.com/a"}
    assert page.post(at(campaign, "/settings"), form).status_code == 302
    assert Campaign.everywhere.get().name == "Autumn"


def test_it_adds_by_hand_and_shows_the_link_to_copy(page: Client, campaign: Campaign) -> None:
    answer = page.post(at(campaign, "/referrers/add/manually"), {"email": " Ada@Example.com "}, follow=True)
    code = Referrer.everywhere.get().code
    text = answer.content.decode()
    assert "ada@example.com is a referrer now." in text
    assert f'data-copy="http://127.0.0.1:8000/r/{code}"' in text


def test_it_says_when_the_person_was_there_already(page: Client, campaign: Campaign) -> None:
    add(campaign, 1)
    answer = page.post(at(campaign, "/referrers/add/manually"), {"email": "P0@example.com"}, follow=True)
    assert "p0@example.com was a referrer already. The link stays the same." in answer.content.decode()
    assert Referrer.everywhere.count() == 1


def test_it_refuses_an_unusable_email_at_the_field(page: Client, campaign: Campaign) -> None:
    answer = page.post(at(campaign, "/referrers/add/manually"), {"email": "nope", "first_name": "Ada"})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "This is not an email address we can use." in text
    assert 'value="Ada"' in text


def test_it_shows_the_api_call_for_this_campaign(page: Client, campaign: Campaign) -> None:
    text = page.get(at(campaign, "/referrers/add/api")).content.decode()
    assert f"http://127.0.0.1:8000/api/v1/campaigns/{public_id('campaign', campaign.pk)}/referrers" in text
    assert "passalong token create --workspace Acme --name my-program" in text
    assert 'href="/api/v1/docs">API reference</a>' in text


def test_it_offers_only_ways_that_work(page: Client, campaign: Campaign) -> None:
    text = page.get(at(campaign, "/referrers/add")).content.decode()
    ways = re.findall(r'choice-stretch"[^>]*>([^<]+)<', text)
    assert ways == ["Upload", "Sync", "Add manually", "API"]


def test_it_pages_with_a_cursor_and_says_where_it_is(page: Client, campaign: Campaign) -> None:
    add(campaign, 53)
    first = page.get(at(campaign, "/referrers")).content.decode()
    assert "Showing 1–50 of 53" in first
    following = re.search(r'href="(\?cursor=[^"]+)" rel="next"', first)
    assert following is not None
    second = page.get(at(campaign, "/referrers") + following[1].replace("&amp;", "&")).content.decode()
    assert "Showing 51–53 of 53" in second
    assert "p0@example.com" in second
    assert "First page" in second


@pytest.mark.parametrize("query", ["?cursor=%00", "?cursor=zzz&start=-1", "?q=%00", "?start=9e9"])
def test_it_survives_odd_addresses(page: Client, campaign: Campaign, query: str) -> None:
    add(campaign, 1)
    assert page.get(at(campaign, "/referrers") + query).status_code in (200, 422)


def test_it_finds_by_name_email_and_code(page: Client, campaign: Campaign) -> None:
    add(campaign, 3)
    code = Referrer.everywhere.get(email="p2@example.com").code
    for q in ("person 2", "p2@example.com", code):
        text = page.get(at(campaign, "/referrers"), {"q": q}).content.decode()
        assert "p2@example.com" in text
        assert "p1@example.com" not in text
    assert "Nobody found" in page.get(at(campaign, "/referrers"), {"q": "zebra"}).content.decode()


def test_it_shows_names_as_text(page: Client, campaign: Campaign) -> None:
    with in_workspace(campaign.workspace_id):
        add_referrer(campaign, "x@example.com", first_name="<script>alert(1)</script>")
    text = page.get(at(campaign, "/referrers")).content.decode()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_it_asks_as_little_for_fifty_referrers_as_for_one(page: Client, campaign: Campaign) -> None:
    add(campaign, 1)
    one = statements(page, campaign)
    add(campaign, 51)
    fifty = statements(page, campaign)
    assert len(fifty) == len(one)
    assert [sql for sql in fifty if "COUNT(" in sql or "OFFSET" in sql] == []


def statements(page: Client, campaign: Campaign) -> list[str]:
    with CaptureQueriesContext(database) as captured:
        page.get(at(campaign, "/referrers"))
    return [query["sql"] for query in captured]
