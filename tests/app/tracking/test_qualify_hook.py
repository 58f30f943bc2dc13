"""The secret address that qualifies leads: who is found, and what a refusal changes (nothing)."""

import json
from typing import Any

import pytest
from django.test import Client

from passalong.campaigns import hooks
from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.leads.models import Lead
from passalong.tracking.qualify_hook import MOST_BYTES
from tests.support import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return cast.campaign_of(cast.alice())


@pytest.fixture
def lead(campaign: Campaign) -> Lead:
    return cast.lead_of(cast.referrer_of(campaign))


def call(campaign: Campaign, body: Any, kind: str = "application/json", *, address: str = "") -> Any:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = (address or hooks.address(campaign)).removeprefix("http://127.0.0.1:8000")
    return Client(enforce_csrf_checks=True).post(path, text, content_type=kind)


def is_qualified(lead: Lead) -> bool:
    return Lead.everywhere.get(pk=lead.pk).status == "qualified"


def test_it_qualifies_by_email_once(campaign: Campaign, lead: Lead) -> None:
    answers = [call(campaign, {"email": " Frida@example.com", "amount": 3}) for _ in range(2)]
    lead.referrer.refresh_from_db()
    expected = {"lead_id": public_id("lead", lead.pk), "status": "qualified"}
    assert [(one.status_code, one.json()) for one in answers] == [(200, expected)] * 2
    assert lead.referrer.converted_referrals_count == 1


def test_it_qualifies_by_the_code_of_a_lead_who_refers_by_now(campaign: Campaign, lead: Lead) -> None:
    code = cast.referrer_of(campaign, lead.email).code
    assert (call(campaign, {"code": code.upper()}).status_code, is_qualified(lead)) == (200, True)


def test_it_qualifies_by_id(campaign: Campaign, lead: Lead) -> None:
    assert call(campaign, {"code": public_id("lead", lead.pk)}).status_code == 200


def test_it_takes_forms(campaign: Campaign, lead: Lead) -> None:
    answer = call(campaign, b"email=frida%40example.com", "application/x-www-form-urlencoded")
    assert (answer.status_code, is_qualified(lead)) == (200, True)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b"\xff", 400, "malformed_json"),
        (b"[1]", 400, "malformed_json"),
        (b"[" * 50_000, 400, "malformed_json"),
        (b"{}", 422, "invalid_input"),
        (b'{"email": 5}', 422, "invalid_input"),
        (b'{"email": "  "}', 422, "invalid_input"),
        (b'{"email": "nobody@example.com"}', 404, "lead_not_found"),
        (b'{"code": "unknown"}', 404, "lead_not_found"),
        (b'{"email": "a@\\ud800.com"}', 400, "malformed_json"),
        (b'{"code": "http://x' + b"/r/a?" * 12_000 + b'"}', 404, "lead_not_found"),
        (b'{"code": "\\u0000"}', 404, "lead_not_found"),
        (b'{"email": "' + b"x" * MOST_BYTES + b'"}', 413, "too_large"),
    ],
)
def test_it_refuses_bad_bodies_in_words(
    campaign: Campaign, lead: Lead, body: bytes, status: int, code: str
) -> None:
    answer = call(campaign, body)
    assert (answer.status_code, answer.json()["code"], is_qualified(lead)) == (status, code, False)
    assert answer.json()["next_step"]


def test_it_refuses_forged_and_renewed_addresses(campaign: Campaign, lead: Lead) -> None:
    address = hooks.address(campaign)
    other = "A" if address[-5] != "A" else "B"
    forged = [address[:-5] + other + address[-4:], address.replace(".1.", ".2."), address[:-9]]
    hooks.renew(campaign)
    answers = [call(campaign, {"email": lead.email}, address=one) for one in (*forged, address)]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert not is_qualified(lead)


def test_it_knows_no_leads_of_others(campaign: Campaign) -> None:
    theirs = cast.lead_of(cast.referrer_of(cast.campaign_of(cast.charlie(), "Theirs")))
    for said in (theirs.email, public_id("lead", theirs.pk)):
        assert call(campaign, {"code": said}).status_code == 404
    assert not is_qualified(theirs)


def test_it_is_for_posts_only(client: Client, campaign: Campaign) -> None:
    path = hooks.address(campaign).removeprefix("http://127.0.0.1:8000")
    assert client.get(path).status_code == 405
