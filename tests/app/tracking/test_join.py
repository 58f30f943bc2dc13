"""The hosted join page: who is greeted, what is asked, and who becomes a lead."""

from typing import Any

import pytest
from django.test import Client

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.campaigns.services import change_campaign
from passalong.leads.models import Lead
from passalong.referrers.models import Referrer
from passalong.tracking import friends
from tests.support import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return cast.campaign_of(cast.alice())


@pytest.fixture
def referrer(campaign: Campaign) -> Referrer:
    return cast.referrer_of(campaign, first_name="Dana")


def page_of(campaign: Campaign, **page: Any) -> None:
    with in_workspace(campaign.workspace_id):
        change_campaign(campaign, join_page=page)


def send(client: Client, referrer: Referrer, **said: str) -> Any:
    filled = {"first_name": "Frida", "email": "frida@example.com", "consent": "yes", "ref": referrer.code}
    return client.post("/c/spring", {key: value for key, value in {**filled, **said}.items() if value})


def see(client: Client, referrer: Referrer) -> str:
    return client.get(f"/c/spring?ref={referrer.code}").content.decode()


def test_it_greets_with_the_name_of_who_invites(client: Client, referrer: Referrer) -> None:
    assert "Dana invites you" in see(client, referrer)


def test_it_shows_names_with_html_as_text(client: Client, campaign: Campaign) -> None:
    bitten = cast.referrer_of(campaign, first_name="<script>alert(1)</script>")
    page_of(campaign, headline="{referrer} & <b>we</b>")
    shown = see(client, bitten)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;we&lt;/b&gt;" in shown
    assert "<script>" not in shown


def test_it_shows_the_words_of_the_customer(client: Client, campaign: Campaign, referrer: Referrer) -> None:
    page_of(campaign, sender="Acme Shoes", headline="{referrer} says hello", button="Count me in")
    shown = see(client, referrer)
    assert [words in shown for words in ("Acme Shoes", "Dana says hello", "Count me in")] == [True] * 3


def test_it_makes_a_lead_and_says_thanks(client: Client, referrer: Referrer) -> None:
    answer = send(client, referrer)

    lead = Lead.everywhere.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, "/c/spring/thanks")
    assert (lead.email, lead.first_name, lead.referrer_id, lead.source, lead.status) == (
        "frida@example.com",
        "Frida",
        referrer.pk,
        "join_page",
        "pending",
    )
    assert lead.consented_at is not None
    assert "Thank you" in client.get("/c/spring/thanks").content.decode()


def test_it_sends_friends_on_to_the_customers_own_thanks(
    client: Client, campaign: Campaign, referrer: Referrer
) -> None:
    page_of(campaign, thanks_url="https://shop.example.com/thanks")
    assert send(client, referrer).headers["Location"] == "https://shop.example.com/thanks"


@pytest.mark.parametrize(
    ("thanks_url", "allowed"),
    [
        ("https://shop.example.com/thanks", "form-action 'self' https://shop.example.com"),
        ("https://bücher.de:8443/danke", "form-action 'self' https://xn--bcher-kva.de:8443"),
        ("https://пример.рф/", "form-action 'self' https://xn--e1afmkfd.xn--p1ai"),
        (f"https://{'ü' * 60}.de/", "form-action 'self'"),
    ],
)
def test_it_lets_the_form_lead_to_the_customers_own_thanks(
    client: Client, campaign: Campaign, referrer: Referrer, thanks_url: str, allowed: str
) -> None:
    page_of(campaign, thanks_url=thanks_url)
    rules = client.get(f"/c/spring?ref={referrer.code}").headers["Content-Security-Policy"].split("; ")
    assert [rule for rule in rules if rule.startswith("form-action")] == [allowed]


def test_it_needs_no_cookie_and_sets_none(referrer: Referrer) -> None:
    client = Client(enforce_csrf_checks=True)
    see(client, referrer)
    answer = send(client, referrer)
    assert (answer.status_code, dict(client.cookies)) == (302, {})


def test_it_keeps_answers_to_further_questions(
    client: Client, campaign: Campaign, referrer: Referrer
) -> None:
    page_of(campaign, questions=[{"label": "Size", "required": True}, {"label": "Colour"}])
    send(client, referrer, **{"field-0": "42", "field-1": ""})
    assert Lead.everywhere.get().fields == {"Size": "42"}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"email": ""}, "Please fill this in."),
        ({"first_name": ""}, "Please fill this in."),
        ({"first_name": "   "}, "Please fill this in."),
        ({"consent": ""}, "Please tick this if you agree"),
        ({"email": "not an address"}, "This is not an email address we can use."),
        (
            {"email": "dana+me@example.com"},
            "This is the address of the person who invited you. Use your own.",
        ),
        ({"first_name": "x" * 256}, "Use at most 255 characters."),
    ],
)
def test_it_says_what_is_missing_and_keeps_the_rest(
    client: Client, referrer: Referrer, said: dict[str, str], words: str
) -> None:
    answer = send(client, referrer, **said)
    kept = said.get("first_name", "Frida") or "frida@example.com"
    assert (answer.status_code, Lead.everywhere.count()) == (422, 0)
    assert words in answer.content.decode()
    assert kept.strip() in answer.content.decode()


def test_it_asks_a_required_question(client: Client, campaign: Campaign, referrer: Referrer) -> None:
    page_of(campaign, questions=[{"label": "Size", "required": True}], asks_consent=False)
    assert send(client, referrer, consent="").status_code == 422
    assert send(client, referrer, consent="", **{"field-0": "42"}).status_code == 302
    assert Lead.everywhere.get().consented_at is None


def test_it_tells_programs_nothing(client: Client, referrer: Referrer) -> None:
    answer = send(client, referrer, website="https://spam.example.com")
    assert (answer.status_code, Lead.everywhere.count()) == (302, 0)


def test_it_thanks_who_has_joined_before_and_leaves_them_with_the_first(
    client: Client, campaign: Campaign, referrer: Referrer
) -> None:
    other = cast.referrer_of(campaign, "erik@example.com")
    send(client, referrer)
    assert send(client, other).status_code == 302
    assert Lead.everywhere.get().referrer_id == referrer.pk


def test_it_limits_how_many_join_from_one_address(
    client: Client, referrer: Referrer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(friends, "PER_MINUTE", 2)
    answers = [send(client, referrer, email=f"f{number}@example.com") for number in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 422]
    assert "Wait a minute, then try again." in answers[2].content.decode()
    assert Lead.everywhere.count() == 2


def test_it_counts_the_addresses_of_one_network_as_one(
    client: Client, referrer: Referrer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(friends, "PER_MINUTE", 1)
    whence = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1", "192.0.2.1", "192.0.2.2"]
    filled = {"email": "f@example.com", "consent": "yes", "ref": referrer.code}
    answers = [client.post("/c/spring", filled, REMOTE_ADDR=address) for address in whence]
    assert ["Wait a minute" in answer.content.decode() for answer in answers] == [
        False,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("query", ["", "?ref=", "?ref=unknown", "?ref=%00", "?ref=' OR 1=1"])
def test_it_asks_for_an_invitation(client: Client, campaign: Campaign, query: str) -> None:
    answer = client.get(f"/c/spring{query}")
    assert answer.status_code == 404
    assert "This page needs an invitation" in answer.content.decode()


def test_it_does_not_know_other_campaigns_codes(client: Client, campaign: Campaign) -> None:
    stranger = cast.referrer_of(cast.campaign_of(cast.charlie(), "Theirs"))
    assert client.get(f"/c/spring?ref={stranger.code}").status_code == 404


def test_it_is_closed_for_inactive_referrers_and_paused_campaigns(client: Client, referrer: Referrer) -> None:
    Referrer.everywhere.update(status="inactive")
    inactive = send(client, referrer).status_code
    Referrer.everywhere.update(status="active")
    Campaign.everywhere.update(status="paused")
    paused = send(client, referrer).status_code
    assert (inactive, paused, Lead.everywhere.count()) == (410, 410, 0)


def test_it_says_that_there_is_no_such_page(client: Client) -> None:
    assert [client.get(path).status_code for path in ("/c/none", "/c/none/thanks")] == [404, 404]


def test_it_has_the_customers_colour_and_words_that_stand_out_on_it(
    client: Client, campaign: Campaign
) -> None:
    page_of(campaign, colour="#ffee00")
    css = client.get("/c/spring/colours.css")
    assert css.headers["Content-Type"] == "text/css"
    assert css.content.decode() == ":root { --brand: #ffee00; --on-brand: #000000; }\n"


def test_it_is_where_links_lead_when_the_campaign_says_so(
    client: Client, campaign: Campaign, referrer: Referrer
) -> None:
    with in_workspace(campaign.workspace_id):
        change_campaign(campaign, is_hosted=True, utm={"utm_source": "friends"})
    answer = client.get(f"/r/{referrer.code}")
    expected = f"http://127.0.0.1:8000/c/spring?utm_source=friends&ref={referrer.code}"
    assert (answer.status_code, answer.headers["Location"]) == (302, expected)
