"""People into the CRM from the settings: set up in the browser, seen in the CRM a moment later."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import PHONE, WIDE, Visitors, look_over, start_all
from tests.support.product import Product, inner_id
from tests.support.sandbox import Sandbox

Desk = tuple[Visitors, Sandbox]
PICTURES = os.environ.get("PASSALONG_TEST_PICTURES", "")


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with start_all(60) as (visitors, crm):
        crm.control.add_attribute("Invited by")
        visitors.product.connect()
        yield visitors, crm


@pytest.fixture(autouse=True)
def tidy(desk: Desk) -> Iterator[None]:
    yield
    desk[0].close()


def opened(page: Page, campaign: str, section: str = "Leads") -> None:
    page.goto(f"/campaigns/{campaign}/settings/crm")
    page.get_by_label("What happens").get_by_role("link", name=section).click()
    expect(page.get_by_label("Do nothing")).to_be_visible()


def take(page: Page, name: str) -> None:
    """A picture, if somebody wants to look."""
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def friend(product: Product, campaign: str, email: str) -> None:
    dana = product.call("POST", f"/campaigns/{campaign}/referrers", {"email": f"dana-{email}"})
    body = {"email": email, "first_name": "Frida", "referrer": dana["code"]}
    product.call("POST", f"/campaigns/{campaign}/leads", body)


def in_crm(crm: Sandbox, email: str) -> list[dict[str, Any]]:
    return [one for one in crm.control.dump() if one["email"] == email]


def test_it_sends_a_friend_once_it_is_switched_on(desk: Desk) -> None:
    (visitors, crm), page = desk, desk[0].page()
    campaign = visitors.product.make_campaign("On")
    opened(page, campaign)
    page.get_by_label("Create a lead").check()
    page.get_by_role("button", name="Add a field").click()
    last = page.locator(".map").last
    last.get_by_role("combobox").first.fill("Invited by")
    page.keyboard.press("Enter")
    last.get_by_label("Value").select_option(label="Referrer's email")
    page.get_by_label("Tag", exact=True).fill("Friends")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Settings saved")).to_be_visible()

    friend(visitors.product, campaign, "frida@example.com")
    found = visitors.product.until(lambda: in_crm(crm, "frida@example.com"), 30, "frida in the CRM")
    assert [(one["role"], one["name"], one["custom_attributes"]) for one in found] == [
        ("lead", "Frida", {"Invited by": "dana-frida@example.com"})
    ]
    expect_state(page, "Created")
    assert look_over(page) == []
    take(page, "leads")


def expect_state(page: Page, words: str) -> None:
    for _ in range(30):
        page.reload()
        if page.locator(".table .badge", has_text=words).count():
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"nobody is {words}")


def test_it_is_set_up_without_scripts(desk: Desk) -> None:
    (visitors, crm), page = desk, desk[0].page(scripts=False)
    campaign = visitors.product.make_campaign("Plain")
    opened(page, campaign, "Referrers")
    page.get_by_label("Create a user").check()
    page.get_by_role("button", name="Add a field").click()
    last = page.locator(".map").last
    last.get_by_label("Intercom field").select_option(label="plan (text)")
    last.get_by_label("Value").select_option(label="A fixed value")
    last.get_by_label("The same for everybody").fill("referrer")
    page.get_by_label("invited-friend, when a friend joins").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Settings saved")).to_be_visible()

    friend(visitors.product, campaign, "gus@example.com")
    found = visitors.product.until(lambda: in_crm(crm, "dana-gus@example.com"), 30, "dana in the CRM")
    assert [(one["role"], one["custom_attributes"]) for one in found] == [("user", {"plan": "referrer"})]
    assert in_crm(crm, "gus@example.com") == []


def test_it_says_that_the_email_is_missing_and_takes_it_then(desk: Desk) -> None:
    (visitors, _crm), page = desk, desk[0].page()
    opened(page, visitors.product.make_campaign("Empty"))
    page.get_by_label("Create a user").check()
    while page.get_by_role("button", name="Remove").count():
        page.get_by_role("button", name="Remove").first.click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Setup required: nobody is sent yet.")).to_be_visible()
    assert look_over(page) == []
    take(page, "setup-required")


def test_it_shows_what_failed_and_goes_on_when_it_is_mended(desk: Desk) -> None:
    (visitors, crm), page = desk, desk[0].page()
    campaign = visitors.product.make_campaign("Mended")
    opened(page, campaign)
    page.get_by_label("Create a lead").check()
    page.get_by_role("button", name="Add a field").click()
    last = page.locator(".map").last
    last.get_by_role("combobox").first.fill("Never Set")
    page.keyboard.press("Enter")
    last.get_by_label("Value").select_option(label="Campaign name")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Settings saved")).to_be_visible()

    crm.control.archive_attribute("Never Set")
    friend(visitors.product, campaign, "hal@example.com")
    expect_state(page, "Failed")
    expect(page.get_by_text("The field “Never Set” is not in Intercom (any more).")).to_be_visible()
    assert look_over(page) == []
    take(page, "failed")
    crm.control.unarchive_attribute("Never Set")
    page.get_by_role("button", name="Retry hal@example.com").click()
    expect(page.get_by_text("Trying 1 again")).to_be_visible()
    expect_state(page, "Created")


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "dark"), (PHONE, "light"), (PHONE, "dark")])
def test_it_fits_and_can_be_read(desk: Desk, width: int, scheme: Any) -> None:
    (visitors, _crm), page = desk, desk[0].page(width=width, scheme=scheme)
    campaign = visitors.product.make_campaign("Looks")
    for section in ("Leads", "Referrers"):
        opened(page, campaign, section)
        assert look_over(page) == []
        page.get_by_label("Create a lead").check()
        with page.expect_navigation():
            page.get_by_role("button", name="Add a field").click()
        assert look_over(page) == []
        take(page, f"{section.lower()}-{width}-{scheme}")


def test_it_qualifies_by_a_field_of_the_crm(desk: Desk) -> None:
    (visitors, crm), page = desk, desk[0].page()
    product, campaign = visitors.product, visitors.product.make_campaign("Qualified")
    opened(page, campaign)
    page.get_by_label("Create a lead").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Settings saved")).to_be_visible()
    page.get_by_label("What happens").get_by_role("link", name="Qualifying").click()
    page.get_by_role("combobox").first.fill("plan")
    page.keyboard.press("Enter")
    page.get_by_label("Values that mean qualified, one a line").fill("pro\nenterprise")
    page.get_by_label("Value of contacts that are made for a lead").fill("invited")
    assert look_over(page) == []
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Settings saved")).to_be_visible()
    take(page, "qualifying")

    friend(product, campaign, "ida@example.com")
    [made] = product.until(lambda: in_crm(crm, "ida@example.com"), 30, "ida in the CRM")
    assert made["custom_attributes"] == {"plan": "invited"}
    crm.control.patch_contact(made["id"], custom_attributes={"plan": "pro"})
    [connection] = product.call("GET", "/connections")["data"]
    # As a webhook does.
    product.sql(
        "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('runs', 'sync.watch_contacts', 0, NULL, NULL, "
        "jsonb_build_object('connection_id', %s::text, 'contact_ids', jsonb_build_array(%s::text)), "
        "NULL)]::procrastinate_job_to_defer_v1[])",
        str(inner_id(connection["id"])),
        made["id"],
    )

    def qualified() -> bool:
        [lead] = product.call("GET", f"/campaigns/{campaign}/leads")["data"]
        return bool(lead["status"] == "qualified")

    product.until(lambda: qualified() or None, 30, "ida qualified")


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "light"), (WIDE, "dark")])
def test_it_can_be_read_how_leads_qualify(desk: Desk, width: int, scheme: Any) -> None:
    page = desk[0].page(width=width, scheme=scheme)
    opened(page, desk[0].product.make_campaign("Looks"))
    page.get_by_label("What happens").get_by_role("link", name="Qualifying").click()
    expect(page.get_by_label("Values that mean qualified, one a line")).to_be_visible()
    assert look_over(page) == []
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Settings saved")).to_be_visible()
    take(page, f"qualifying-{width}-{scheme}")
