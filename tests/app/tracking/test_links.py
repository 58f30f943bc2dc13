"""Referral links: where they lead, and who counts as a visitor."""

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from passalong.campaigns.models import Campaign
from passalong.referrers.models import Referrer
from passalong.tracking.links import destination
from passalong.tracking.models import Visit
from tests.support import cast

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def referrer(db: None) -> Referrer:
    return cast.referrer_of(cast.campaign_of(cast.alice()))


def visits(referrer: Referrer) -> tuple[int, int]:
    """As counted on the referrer, and as rows."""
    referrer.refresh_from_db()
    return referrer.visits_count, Visit.everywhere.filter(referrer=referrer).count()


def test_it_leads_to_the_destination_and_counts_the_visit(client: Client, referrer: Referrer) -> None:
    answer = client.get(f"/r/{referrer.code}", headers={"User-Agent": BROWSER})

    assert answer.status_code == 302
    assert answer.headers["Location"] == f"https://shop.example.com/welcome?ref={referrer.code}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert visits(referrer) == (1, 1)


def test_it_counts_every_visit(client: Client, referrer: Referrer) -> None:
    for _ in range(3):
        client.get(f"/r/{referrer.code}", headers={"User-Agent": BROWSER})

    assert visits(referrer) == (3, 3)


def test_it_reads_capitals_as_small_letters(client: Client, referrer: Referrer) -> None:
    answer = client.get(f"/r/{referrer.code.upper()}")

    assert answer.headers["Location"] == f"https://shop.example.com/welcome?ref={referrer.code}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://a.example", "https://a.example?ref=CODE"),
        ("https://a.example/p?x=1&y=%20a+b", "https://a.example/p?x=1&y=%20a+b&ref=CODE"),
        ("https://a.example/p?ref=old&x", "https://a.example/p?x&ref=CODE"),
        ("https://a.example/p?refer=1#part", "https://a.example/p?refer=1&ref=CODE#part"),
    ],
)
def test_it_keeps_the_query_that_is_there(given: str, expected: str) -> None:
    assert destination(given, {}, "CODE") == expected


def test_it_adds_utm_parameters_and_replaces_what_the_address_says_of_them() -> None:
    utm = {"utm_source": "referral", "utm_campaign": "give 20 & get 20"}

    said = destination("https://a.example/p?utm_source=web&x=1", utm, "CODE")

    assert said == (
        "https://a.example/p?x=1&utm_source=referral&utm_campaign=give%2020%20%26%20get%2020&ref=CODE"
    )


def test_it_leads_to_addresses_with_any_letters(client: Client, referrer: Referrer) -> None:
    Campaign.everywhere.update(destination_url="https://a.example/é?q=ü")

    answer = client.get(f"/r/{referrer.code}")

    assert answer.headers["Location"] == f"https://a.example/%C3%A9?q=%C3%BC&ref={referrer.code}"


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"User-Agent": "facebookexternalhit/1.1"},
        {"User-Agent": "curl/8.5.0"},
        {"User-Agent": BROWSER, "Purpose": "prefetch"},
        {"User-Agent": BROWSER, "Sec-Purpose": "prefetch;prerender"},
    ],
)
def test_it_leads_programs_without_counting_them(
    client: Client, referrer: Referrer, headers: dict[str, str]
) -> None:
    answer = client.get(f"/r/{referrer.code}", headers=headers)

    assert answer.status_code == 302
    assert visits(referrer) == (0, 0)


def test_it_does_not_count_a_head(client: Client, referrer: Referrer) -> None:
    answer = client.head(f"/r/{referrer.code}", headers={"User-Agent": BROWSER})

    assert answer.status_code == 302
    assert visits(referrer) == (0, 0)


@pytest.mark.parametrize("code", ["2222222222", "x", "%00", "é", "a" * 300, "a-b", "' OR 1=1"])
def test_it_explains_that_a_link_is_unknown(client: Client, db: None, code: str) -> None:
    answer = client.get(f"/r/{code}")

    assert answer.status_code == 404
    assert "This link leads nowhere" in answer.content.decode()


@pytest.mark.parametrize("status", ["paused", "draft"])
def test_it_says_that_a_campaign_is_closed(client: Client, referrer: Referrer, status: str) -> None:
    Campaign.everywhere.update(status=status)

    answer = client.get(f"/r/{referrer.code}", headers={"User-Agent": BROWSER})

    assert answer.status_code == 410
    assert "This programme is closed" in answer.content.decode()
    assert visits(referrer) == (0, 0)


def test_it_says_so_for_an_inactive_referrer(client: Client, referrer: Referrer) -> None:
    Referrer.everywhere.update(status="inactive")

    assert client.get(f"/r/{referrer.code}").status_code == 410


def test_it_takes_no_post(client: Client, referrer: Referrer) -> None:
    assert client.post(f"/r/{referrer.code}").status_code == 405


def test_it_asks_for_no_session(client: Client, referrer: Referrer) -> None:
    with CaptureQueriesContext(database) as queries:
        answer = client.get(f"/r/{referrer.code}", headers={"User-Agent": "curl/8.5.0"})

    assert len(queries) == 1
    assert not answer.cookies
