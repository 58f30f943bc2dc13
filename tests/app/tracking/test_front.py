"""Open links are answered before Django; everything else goes to it."""

from typing import Any

import pytest
from django.test import Client

from passalong.referrers.models import Referrer
from passalong.tracking.front import ReferralLinks
from passalong.tracking.models import Visit
from tests.support import cast

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def referrer(db: None) -> Referrer:
    return cast.referrer_of(cast.campaign_of(cast.alice()))


def open_path(path: str, method: str = "GET", **headers: str) -> tuple[str, dict[str, str]]:
    """Status and headers; "behind" when it was left to the application behind."""
    told: list[Any] = []

    def behind(_environ: dict[str, Any], _start: Any) -> list[bytes]:
        told[:] = ["behind", []]
        return [b""]

    environ = {"PATH_INFO": path, "REQUEST_METHOD": method, "HTTP_USER_AGENT": BROWSER, **headers}
    body = ReferralLinks(behind)(environ, lambda status, given: told.extend([status, given]))
    assert b"".join(body) == b""
    return told[0], dict(told[1])


def test_it_leads_on_and_counts(referrer: Referrer) -> None:
    status, headers = open_path(f"/r/{referrer.code}")

    assert status == "302 Found"
    assert headers == {
        "Location": f"https://shop.example.com/welcome?ref={referrer.code}",
        "Content-Length": "0",
        "Cache-Control": "no-store",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-Robots-Tag": "noindex",
    }
    assert Visit.everywhere.filter(referrer=referrer).count() == 1


def test_it_says_what_django_would_say(client: Client, referrer: Referrer) -> None:
    _, headers = open_path(f"/r/{referrer.code}")
    answer = client.get(f"/r/{referrer.code}", headers={"User-Agent": BROWSER})

    assert {key: answer.headers[key] for key in headers} == headers


def test_it_answers_a_head_without_counting_it(referrer: Referrer) -> None:
    assert open_path(f"/r/{referrer.code}", "HEAD")[0] == "302 Found"
    assert Visit.everywhere.count() == 0


@pytest.mark.parametrize(
    "path", ["/", "/r", "/r/", "/r/unknown1", "/r/a/b", "/referrers", "/r/\xff", "/r/%27"]
)
def test_it_leaves_everything_else_to_django(db: None, path: str) -> None:
    assert open_path(path)[0] == "behind"


def test_it_leaves_posts_to_django(referrer: Referrer) -> None:
    assert open_path(f"/r/{referrer.code}", "POST")[0] == "behind"


def test_it_leaves_closed_links_to_django(referrer: Referrer) -> None:
    Referrer.everywhere.update(status="inactive")

    assert open_path(f"/r/{referrer.code}")[0] == "behind"
    assert Visit.everywhere.count() == 0
