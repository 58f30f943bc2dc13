"""Leads from the customer's own website: which websites, which bodies; what a refusal changes (nothing)."""

import json
from typing import Any

import pytest
from django.test import Client

from passalong.campaigns.models import Campaign
from passalong.campaigns.services import renew_public_key
from passalong.leads.models import Lead
from passalong.referrers.models import Referrer
from passalong.tracking import browser, friends
from tests.support import cast

pytestmark = pytest.mark.django_db
SHOP = "https://shop.example.com"


@pytest.fixture
def campaign() -> Campaign:
    made = cast.campaign_of(cast.alice())
    Campaign.everywhere.update(origins=[SHOP])
    made.refresh_from_db()
    return made


@pytest.fixture
def referrer(campaign: Campaign) -> Referrer:
    return cast.referrer_of(campaign)


def send(campaign: Campaign, body: Any, *, origin: str = SHOP, kind: str = "application/json") -> Any:
    headers = {"Origin": origin} if origin else {}
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    client = Client(enforce_csrf_checks=True)
    return client.post(f"/browser/{campaign.public_key}/leads", text, content_type=kind, headers=headers)


def friend(referrer: Referrer, **more: Any) -> dict[str, Any]:
    return {"email": "frida@example.com", "first_name": "Frida", "ref": referrer.code, **more}


def test_it_takes_a_friend(campaign: Campaign, referrer: Referrer) -> None:
    answer = send(campaign, friend(referrer, fields={"plan": "pro"}))

    lead = Lead.everywhere.get()
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert (lead.email, lead.referrer_id, lead.source, lead.fields) == (
        "frida@example.com",
        referrer.pk,
        "website",
        {"plan": "pro"},
    )


def test_it_does_not_tell_who_is_there_already(campaign: Campaign, referrer: Referrer) -> None:
    answers = [send(campaign, friend(referrer)) for _ in range(2)]
    assert [(one.status_code, one.content) for one in answers] == [(202, b'{"status": "accepted"}')] * 2
    assert Lead.everywhere.count() == 1


@pytest.mark.parametrize("origin", ["", "null", "https://evil.example.com", "http://shop.example.com"])
def test_it_refuses_other_websites(campaign: Campaign, referrer: Referrer, origin: str) -> None:
    answer = send(campaign, friend(referrer), origin=origin)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert Lead.everywhere.count() == 0


def test_it_refuses_a_key_that_was_renewed(campaign: Campaign, referrer: Referrer) -> None:
    old = Campaign.everywhere.get()
    renew_public_key(campaign)
    assert (send(old, friend(referrer)).status_code, Lead.everywhere.count()) == (404, 0)


def test_it_answers_a_browser_that_asks_first(campaign: Campaign) -> None:
    path = f"/browser/{campaign.public_key}/leads"
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = Client().options(path, headers={"Origin": SHOP, **asked})
    assert answer.status_code == 204
    assert {key: value for key, value in answer.headers.items() if key.startswith("Access-")} == {
        "Access-Control-Allow-Origin": SHOP,
        "Access-Control-Max-Age": "3600",
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "Content-Type",
    }
    assert Client().options(path, headers={"Origin": "https://evil.example.com"}).status_code == 403


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b"\xff\xfe", 400, "malformed_json"),
        (b"[]", 422, "invalid_input"),
        (b"{}", 422, "invalid_input"),
        (b'{"email": 1, "ref": "a"}', 422, "invalid_input"),
        (b'{"email": "a@example.com", "ref": "none", "admin": true}', 422, "invalid_input"),
        (b'{"email": "a@example.com", "ref": "unknown"}', 422, "referrer_not_found"),
        (b'{"email": "a@example.com", "ref": "a\\u0000"}', 422, "referrer_not_found"),
        (b'{"email": "a@example.com", "ref": "a", "fields": {"x": 1}}', 422, "invalid_input"),
        (b'{"email": "' + b"x" * browser.MOST_BYTES + b'", "ref": "a"}', 413, "too_large"),
    ],
)
def test_it_refuses_bad_bodies_in_words(campaign: Campaign, body: bytes, status: int, code: str) -> None:
    answer = send(campaign, body)
    assert (answer.status_code, answer.json()["code"], Lead.everywhere.count()) == (status, code, 0)
    assert answer.json()["next_step"]
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP


@pytest.mark.parametrize("key", ["%00", "pk_%00", "unknown", "%F0%9F%8D%80"])
def test_it_does_not_know_other_keys(db: None, key: str) -> None:
    answer = Client().post(f"/browser/{key}/leads", b"{}", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_it_refuses_bodies_that_are_no_json(campaign: Campaign, referrer: Referrer) -> None:
    answer = send(campaign, friend(referrer), kind="text/plain")
    assert (answer.status_code, Lead.everywhere.count()) == (415, 0)


def test_it_refuses_a_wrong_address_and_oneself(campaign: Campaign, referrer: Referrer) -> None:
    wrong = send(campaign, friend(referrer, email="nobody"))
    oneself = send(campaign, friend(referrer, email=referrer.email))
    assert [wrong.json()["code"], oneself.json()["code"]] == ["invalid_input", "self_referral"]


def test_it_is_closed_while_the_campaign_is_paused(campaign: Campaign, referrer: Referrer) -> None:
    Campaign.everywhere.update(status="paused")
    answer = send(campaign, friend(referrer))
    assert (answer.status_code, answer.json()["code"]) == (409, "programme_closed")


def test_it_limits_how_many_come_from_one_address(
    campaign: Campaign, referrer: Referrer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(friends, "PER_MINUTE", 1)
    answers = [send(campaign, friend(referrer, email=f"f{number}@example.com")) for number in range(2)]
    assert [answer.status_code for answer in answers] == [202, 429]


def test_it_serves_a_small_script_to_other_websites(client: Client, db: None) -> None:
    answer = client.get("/passalong.js")
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert len(answer.content) < 3_000
