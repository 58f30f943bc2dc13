"""A sync's home and a referrer's page in Chromium: by mouse, by keyboard, on a phone, without scripts."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.support import walk
from tests.support.browser import PHONE, Visitors, look_over, start_all
from tests.support.product import LINK_OUT, Json


class Site(NamedTuple):
    """A campaign whose sync has run once."""

    visitors: Visitors
    campaign: str
    sync: Json


@pytest.fixture(scope="module")
def running() -> Iterator[Visitors]:
    with start_all(40) as (visitors, _crm):
        yield visitors


@pytest.fixture
def site(running: Visitors) -> Iterator[Site]:
    product = running.product
    connections = product.call("GET", "/connections")["data"]
    connection = connections[0]["id"] if connections else product.connect()
    if not connections:
        product.make_field(connection)
    campaign_id = product.make_campaign()
    sync = product.make_sync(connection, {"kind": "all"}, outbound=LINK_OUT, campaign_id=campaign_id)
    product.run_and_wait(sync)
    yield Site(running, f"/campaigns/{campaign_id}", sync)
    running.close()


def open_tab(page: Page, name: str) -> None:
    tabs = page.get_by_role("navigation", name="This sync")
    tabs.get_by_role("link", name=name, exact=True).click()
    expect(tabs.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")


def open_sync(page: Page, site: Site) -> None:
    page.goto(f"{site.campaign}/syncs")
    page.get_by_role("link", name=site.sync["name"]).click()
    expect(walk.heading(page, site.sync["name"])).to_be_visible()


@pytest.mark.parametrize(("width", "scripts"), [(1280, True), (1280, False), (PHONE, True)])
def test_it_changes_a_sync_and_tells_who_did(site: Site, width: int, scripts: bool) -> None:
    page = site.visitors.page(width=width, scripts=scripts)
    open_sync(page, site)
    expect(page.get_by_text("Done", exact=True).first).to_be_visible()
    open_tab(page, "Runs")
    expect(page.get_by_text("token tests")).to_be_visible()

    open_tab(page, "Mapping")
    page.get_by_role("link", name="Edit map in").click()
    page.get_by_label("When the referrer exists").first.select_option(label="Only for new referrers")
    walk.press(page, "Save")
    changes = page.locator(".timeline")
    expect(changes.get_by_text("Mapping changed")).to_be_visible()
    expect(changes.get_by_text("alice@example.com")).to_be_visible()
    expect(changes.get_by_text("Only for new referrers")).to_be_visible()

    open_tab(page, "Settings")
    page.get_by_label("Name").fill("Everybody <b>there</b> is")
    page.get_by_label("Ongoing sync").check()
    page.get_by_label("Every 6 hours").check()
    page.get_by_label("Deactivate their link").check()
    walk.press(page, "Save")
    expect(page.get_by_role("heading", name="Everybody <b>there</b> is", level=1)).to_be_visible()
    expect(page.locator(".timeline").get_by_text("Settings changed")).to_be_visible()
    open_tab(page, "Status")
    expect(page.get_by_text("Ongoing sync, every 6 hours").first).to_be_visible()
    if scripts:
        assert look_over(page) == []
    shown = site.visitors.product.call("GET", f"/syncs/{site.sync['id']}")
    assert (shown["type"], shown["interval_minutes"], shown["on_leave"]) == ("ongoing", 360, "deactivate")
    assert shown["inbound"][0]["mode"] == "only_new"


def tab_to(page: Page, name: str, role: str = "link") -> None:
    """Press Tab until this has the focus."""
    wanted = page.get_by_role(role, name=name, exact=True).first  # type: ignore[arg-type]
    for _ in range(120):
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} is out of the keyboard's reach")


def test_it_changes_a_mapping_by_keyboard_alone(site: Site) -> None:
    page = site.visitors.page()
    page.goto(f"/syncs/{site.sync['id']}/mapping")
    tab_to(page, "Edit map back")
    page.keyboard.press("Enter")
    tab_to(page, "Write results back", "radio")
    page.keyboard.press("ArrowUp")
    tab_to(page, "Save", "button")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Nothing is written to Intercom")).to_be_visible()
    assert site.visitors.product.call("GET", f"/syncs/{site.sync['id']}")["outbound"] == []


def test_it_pauses_resumes_and_runs_again(site: Site) -> None:
    page = site.visitors.page()
    open_sync(page, site)
    walk.press(page, "Pause")
    expect(page.get_by_text("This sync is paused")).to_be_visible()
    walk.press(page, "Resume")
    walk.press(page, "Run again")
    assert walk.wait_for_end(page)["Unchanged"] > 0


def test_it_finds_a_person_and_changes_them(site: Site) -> None:
    page = site.visitors.page()
    page.goto(f"{site.campaign}/referrers")
    first = page.locator("tbody tr").first
    email = first.locator("td .clip").first.inner_text()
    page.get_by_label("Search by name, email or code").fill(email)
    walk.press(page, "Search")
    page.locator("tbody th a").click()
    expect(page.get_by_role("link", name="Open in Intercom").first).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("First name").fill("Ada <i>")
    walk.press(page, "Save")
    expect(page.get_by_role("heading", name="Ada <i>", level=1)).to_be_visible()
    walk.press(page, "Deactivate")
    expect(page.locator(".timeline").get_by_text("Inactive")).to_be_visible()
    assert look_over(page) == []

    friend = site.visitors.page(signed_in=False)
    friend.goto(page.locator(".link-big code").inner_text())
    expect(friend.get_by_role("heading", name="This programme is closed")).to_be_visible()


@pytest.mark.parametrize(("width", "scripts"), [(1280, True), (1280, False), (PHONE, True)])
def test_it_deletes_the_ticked_ones_after_asking(site: Site, width: int, scripts: bool) -> None:
    page = site.visitors.page(width=width, scripts=scripts)
    page.goto(f"{site.campaign}/referrers")
    before = site.visitors.product.call("GET", site.campaign)["referrers_count"]
    for number in (0, 1, 2):
        page.locator("tbody input[type=checkbox]").nth(number).check()
    if scripts:
        expect(page.get_by_text("3 ticked")).to_be_visible()
        assert look_over(page) == []
    walk.press(page, "Delete")
    expect(walk.heading(page, "Delete 3 referrers?")).to_be_visible()
    assert look_over(page) == [] if scripts else True
    walk.press(page, "Delete 3 referrers")
    expect(page.get_by_text("3 referrers deleted")).to_be_visible()
    assert site.visitors.product.call("GET", site.campaign)["referrers_count"] == before - 3


def test_it_ticks_all_by_keyboard(site: Site) -> None:
    page = site.visitors.page()
    page.goto(f"{site.campaign}/referrers")
    tab_to(page, "Tick all on this page", "checkbox")
    page.keyboard.press("Space")
    rows = page.locator("tbody tr").count()
    expect(page.get_by_text(f"{rows} ticked")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    tab_to(page, "Deactivate", "button")
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{rows} links deactivated")).to_be_visible()
