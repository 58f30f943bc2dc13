"""Merging and erasing people in a browser: by keyboard, with and without scripts, and what is left of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support import walk
from tests.support.browser import PHONE, Visitors, look_over, start_all


@pytest.fixture(scope="module")
def visitors() -> Iterator[Visitors]:
    with start_all(20) as (visitors, _crm):
        yield visitors


@pytest.fixture(autouse=True)
def tidy(visitors: Visitors) -> Iterator[None]:
    yield
    visitors.close()


def two(visitors: Visitors) -> tuple[str, dict[str, str], dict[str, str]]:
    """A campaign with ann and bea, who has a friend."""
    product = visitors.product
    campaign = f"/campaigns/{product.make_campaign('People')}"
    ann, bea = (
        product.call("POST", f"{campaign}/referrers", {"email": f"{name}@example.com", "first_name": name})
        for name in ("ann", "bea")
    )
    product.call("POST", f"{campaign}/leads", {"email": "frida@example.com", "referrer": bea["code"]})
    return campaign, ann, bea


def test_it_merges_two_and_both_links_lead_on(visitors: Visitors) -> None:
    _campaign, ann, bea = two(visitors)
    page = visitors.page()
    page.goto(f"/referrers/{bea['id']}")
    page.get_by_role("link", name="Merge with another referrer").click()
    found = look_over(page)
    page.get_by_label("Email, code or link of the other referrer").fill("ann@example.com")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="These become one referrer")).to_be_visible()
    found += look_over(page)
    walk.press(page, "Merge them")

    expect(page.get_by_text("Merged: ann@example.com is one referrer now")).to_be_visible()
    assert found + look_over(page) == []
    one = visitors.product.call("GET", f"/referrers/{ann['id']}")
    assert one["referrals_count"] == 1
    for code in (ann["code"], bea["code"]):
        answer = visitors.product.http.get(f"/r/{code}")
        assert (answer.status_code, f"ref={ann['code']}" in answer.headers["location"]) == (302, True)


def test_it_erases_somebody_on_a_phone(visitors: Visitors) -> None:
    campaign, _ann, bea = two(visitors)
    page = visitors.page(width=PHONE)
    page.goto(f"/referrers/{bea['id']}")
    page.get_by_role("link", name="Erase", exact=True).click()
    expect(walk.heading(page, "Erase bea@example.com?")).to_be_visible()
    found = look_over(page)
    walk.press(page, "Erase for good")
    expect(page.get_by_text("Erased. Nothing personal of them is left.")).to_be_visible()

    assert found + look_over(page) == []
    assert visitors.product.call("GET", campaign)["leads_count"] == 1
    assert visitors.product.http.get(f"/r/{bea['code']}").status_code == 404
    assert _erased_leads(page, campaign) == []


def _erased_leads(page: Page, campaign: str) -> list[str]:
    page.goto(f"{campaign}/leads")
    expect(page.get_by_role("link", name="Erased person")).to_be_visible()
    page.get_by_label("Tick frida@example.com").check()
    walk.press(page, "Erase")
    expect(walk.heading(page, "Erase 1 person?")).to_be_visible()
    found = look_over(page)
    walk.press(page, "Erase for good")
    expect(page.get_by_text("1 person erased")).to_be_visible()
    return found + look_over(page)


def test_it_keeps_the_choice_for_deleted_contacts(visitors: Visitors) -> None:
    visitors.product.connect()
    page = visitors.page()
    page.goto("/connections")
    page.get_by_label("Erase the person here, too").check()
    found = look_over(page)
    walk.press(page, "Save")
    expect(page.get_by_label("Erase the person here, too")).to_be_checked()
    assert found == []
    assert visitors.product.call("GET", "/workspace")["on_contact_deleted"] == "erase"
