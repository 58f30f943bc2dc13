"""Visits of a real server: soon in the database, and none lost when it is stopped properly."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.support.product import Product, start_product

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def product() -> Iterator[Product]:
    with start_product("http://127.0.0.1:9", workers=0) as product:
        yield product


def open_link(product: Product, times: int) -> str:
    """The id of a new referrer whose link was opened this often."""
    campaign_id = product.make_campaign()
    made = product.call("POST", f"/campaigns/{campaign_id}/referrers", {"email": "dana@example.com"})
    with httpx2.Client(headers={"User-Agent": BROWSER}, trust_env=False) as friend:
        for _ in range(times):
            answer = friend.get(made["referral_link"])
            assert answer.headers["location"] == f"https://shop.example.com/?ref={made['code']}"
            assert "set-cookie" not in answer.headers
    referrer_id: str = made["id"]
    return referrer_id


def test_it_counts_visits_within_moments(product: Product) -> None:
    referrer_id = open_link(product, 25)

    def counted() -> bool:
        return bool(product.call("GET", f"/referrers/{referrer_id}")["visits_count"] == 25)

    product.until(counted, 10, "25 visits")
    assert product.sql("SELECT count(*) FROM tracking_visit") == [(25,)]


def test_it_loses_no_visit_when_it_is_stopped(product: Product) -> None:
    open_link(product, 40)

    product.stop_web()

    assert product.sql("SELECT visits_count FROM referrers_referrer") == [(40,)]
    assert product.sql("SELECT count(*) FROM tracking_visit") == [(40,)]
