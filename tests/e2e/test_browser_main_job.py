"""The main job by mouse: from signing in to links that redirect and stand in Intercom."""

from collections.abc import Iterator
from typing import NamedTuple

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.support import walk
from tests.support.browser import EMAIL, PASSWORD, Visitors, look_over, start_all
from tests.support.sandbox import Sandbox

FIELD = "Link of Friends"


class Desk(NamedTuple):
    """A window, and what is around it."""

    page: Page
    visitors: Visitors
    crm: Sandbox


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """The tests of this file go on from each other, as one person's afternoon."""
    with start_all(600) as (visitors, crm):
        yield Desk(visitors.page(signed_in=False), visitors, crm)


def test_it_says_that_a_password_is_wrong(desk: Desk) -> None:
    desk.page.goto("/")
    desk.page.get_by_label("Email").fill(EMAIL)
    desk.page.get_by_label("Password").fill("not my password")
    walk.press(desk.page, "Sign in")
    expect(desk.page.get_by_role("alert")).to_contain_text("not correct")
    assert look_over(desk.page) == []


def test_it_signs_in_and_makes_a_campaign(desk: Desk) -> None:
    desk.page.get_by_label("Email").fill(EMAIL)
    desk.page.get_by_label("Password").fill(PASSWORD)
    walk.press(desk.page, "Sign in")
    desk.page.get_by_role("link", name="Create campaign").click()
    walk.press(desk.page, "Create campaign")
    expect(desk.page.get_by_role("alert")).to_be_visible()
    desk.page.get_by_label("Name").fill("Friends")
    desk.page.get_by_label("Destination").fill(walk.SHOP)
    walk.press(desk.page, "Create campaign")
    expect(walk.heading(desk.page, "Friends")).to_be_visible()


def test_it_names_what_a_wrong_token_cannot_do_and_takes_the_right_one(desk: Desk) -> None:
    page = desk.page
    page.get_by_role("link", name="Referrers", exact=True).click()
    page.get_by_role("link", name="Add referrers").click()
    expect(page.get_by_role("dialog", name="Add referrers")).to_be_visible()
    walk.press(page, "Sync")

    walk.connect(page, "not-the-token-at-all")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Intercom is not connected, and nothing was kept")
    wrong = alert.get_by_role("listitem").filter(has_text="Access token is valid failed")
    expect(wrong).to_contain_text("Copy the current token from Intercom's Developer Hub")
    for ability in ("Can read contacts", "Can read segments", "Can read fields"):
        expect(alert.get_by_role("listitem").filter(has_text=ability)).to_contain_text("Not checked yet")
    assert look_over(page) == []

    desk.crm.control.add_token("cannot-read", missing=["read_contacts"])
    walk.connect(page, "cannot-read")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("turn on “Read and list users and companies”")

    walk.connect(page)
    expect(page.get_by_role("radio", name="Intercom")).to_be_checked()
    assert "not-the-token-at-all" not in page.content()


def test_it_walks_the_wizard(desk: Desk) -> None:
    page = desk.page
    walk.press(page, "Next")
    walk.press(page, "Next")
    expect(page.get_by_role("alert")).to_contain_text("Choose which contacts become referrers.")
    page.get_by_label("A specific segment").check()
    members = desk.crm.control.members(desk.crm.control.segment_id("Active"))
    row = page.locator(".segment").filter(has=page.get_by_role("checkbox", name="Active", exact=True)).first
    expect(row).to_contain_text(f"{len(members)}")
    walk.choose_segment(page)

    walk.sampled(page)
    expect(page.get_by_text("Suggested")).to_have_count(4)
    first = page.get_by_role("group", name="First name")
    first.get_by_label("Take").select_option(value="whole")
    sample = first.get_by_text("Sample:").inner_text().removeprefix("Sample: ")
    expect(first.get_by_text(f"becomes {sample}")).to_be_visible()
    first.get_by_label("Take").select_option(value="first_word")
    expect(first.get_by_text(f"becomes {sample.split()[0]}", exact=True)).to_be_visible()
    walk.map_in(page)

    expect(page.get_by_label("Write nothing back")).to_be_checked()
    walk.map_back(page, FIELD)
    walk.choose_type(page)
    for answer in ("Intercom · Sandbox Ltd", "A specific segment", "One-time sync"):
        expect(page.get_by_role("definition").filter(has_text=answer)).to_be_visible()


def test_it_does_what_the_preview_says_and_shows_it_moving(desk: Desk) -> None:
    page, control = desk.page, desk.crm.control
    before = control.digest()
    promised = walk.previewed(page)
    assert control.digest() == before  # a preview writes nothing
    assert promised["Created"] > 100

    control.latency(400)  # so that there is something to watch
    walk.start(page)
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_attribute("max", str(promised["Created"] + promised["Duplicate"]), timeout=30_000)
    walk.moved(page, beyond=walk.moved(page))
    control.latency(0)

    assert walk.wait_for_end(page) == promised
    page.get_by_role("link", name="Skipped").click()
    expect(page.get_by_role("heading", name="Skipped", level=2)).to_be_visible()
    records = page.get_by_role("region", name="Contacts").get_by_role("row")
    expect(records).to_have_count(promised["Skipped"] + 1)


def test_it_gives_everybody_a_link_that_redirects_and_stands_in_intercom(desk: Desk) -> None:
    page = desk.page
    page.get_by_role("link", name="See the referrers").click()
    member = next(c for c in desk.crm.control.dump() if c["custom_attributes"].get(FIELD))
    email = member["email"].strip().lower()
    page.get_by_label("Search by name, email or code").fill(email)
    walk.press(page, "Search")
    row = page.get_by_role("row").filter(has_text=email)
    expect(row).to_have_count(1)

    walk.press(page, "Copy")
    expect(row.get_by_text("Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{desk.visitors.base}/r/")
    assert link == member["custom_attributes"][FIELD]
    answer = httpx2.get(link, headers={"User-Agent": "Mozilla/5.0"}, trust_env=False)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{walk.SHOP}?")


def test_it_pages_through_the_referrers(desk: Desk) -> None:
    page = desk.page
    page.get_by_role("link", name="Clear").click()
    expect(page.get_by_text("Showing 1–50 of")).to_be_visible()
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_text("Showing 51–100 of")).to_be_visible()
    page.get_by_label("Search by name, email or code").fill("nobody-is-called-this")
    walk.press(page, "Search")
    expect(page.get_by_role("heading", name="Nobody found")).to_be_visible()


def test_it_signs_out(desk: Desk) -> None:
    desk.page.get_by_text(EMAIL).first.click()
    walk.press(desk.page, "Sign out")
    desk.page.goto("/connections")
    expect(walk.heading(desk.page, "Sign in")).to_be_visible()
