"""A sync half set up: left and found again, walked in order, and shared by two windows."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support import walk
from tests.support.browser import Visitors, look_over, start_all


@pytest.fixture(scope="module")
def module_visitors() -> Iterator[Visitors]:
    with start_all(60) as (visitors, _crm):
        visitors.product.connect()
        yield visitors


@pytest.fixture
def visitors(module_visitors: Visitors) -> Iterator[Visitors]:
    yield module_visitors
    module_visitors.close()


@pytest.fixture
def campaign(module_visitors: Visitors) -> str:
    return f"/campaigns/{module_visitors.product.make_campaign()}"


def draft_at(page: Page, campaign: str, *steps: str) -> str:
    """A draft answered up to here; the address of its wizard."""
    walk.open_wizard(page, campaign)
    base = page.url.rpartition("/")[0]
    walk.choose_source(page)
    if "contacts" in steps:
        walk.choose_segment(page)
    if "map-in" in steps:
        walk.map_in(page)
    if "map-back" in steps:
        walk.press(page, "Next")
    if "type" in steps:
        walk.choose_type(page)
    return base


def test_it_is_found_again_in_another_browser_as_it_was_left(visitors: Visitors, campaign: str) -> None:
    here = visitors.page()
    draft_at(here, campaign, "contacts")
    here.get_by_role("group", name="First name").get_by_label("When empty in Intercom").fill("Friend")
    here.get_by_role("group", name="Phone").get_by_label("When the referrer exists").select_option(index=1)
    walk.map_in(here)
    here.close()

    there = visitors.page()
    there.goto(f"{campaign}/syncs")
    expect(there.get_by_text("A sync that has not been started")).to_be_visible()
    assert look_over(there) == []
    there.get_by_role("link", name="Continue").click()
    expect(walk.heading(there, "Write anything back to Intercom?")).to_be_visible()
    walk.press(there, "Back")
    name = there.get_by_role("group", name="First name").get_by_label("When empty in Intercom")
    expect(name).to_have_value("Friend")
    mode = there.get_by_role("group", name="Phone").get_by_label("When the referrer exists")
    assert mode.evaluate("select => select.selectedIndex") == 1
    walk.press(there, "Back")
    users = there.get_by_role("group", name="Segments of users")
    expect(users.get_by_role("checkbox", name="Active", exact=True)).to_be_checked()
    walk.press(there, "Back")
    expect(there.get_by_role("radio", name="Intercom")).to_be_checked()


def test_it_keeps_what_was_typed_when_going_back(visitors: Visitors, campaign: str) -> None:
    page = visitors.page()
    draft_at(page, campaign, "contacts")
    field = page.get_by_role("group", name="First name").get_by_label("Intercom field")
    walk.choose(field, "Choose a field")
    walk.press(page, "Next")
    expect(page.get_by_role("alert")).to_contain_text("Choose the Intercom field that First name comes from.")
    assert look_over(page) == []
    page.get_by_role("alert").get_by_role("link").click()
    walk.press(page, "Back")
    walk.press(page, "Next")
    expect(page.get_by_role("group", name="First name").get_by_label("Intercom field")).to_have_value(
        "Choose a field"
    )


def test_it_searches_fields_by_keyboard(visitors: Visitors, campaign: str) -> None:
    page = visitors.page()
    draft_at(page, campaign, "contacts")
    walk.sampled(page)
    box = page.get_by_role("group", name="Phone").get_by_label("Intercom field")
    select = page.get_by_role("group", name="Phone").locator("select[name^=from]")
    box.focus()
    page.keyboard.type("ema")
    options = page.get_by_role("listbox").get_by_role("option")
    expect(options.first).to_contain_text("Email")
    assert look_over(page) == []
    page.keyboard.press("Enter")
    expect(select).to_have_value("email")
    expect(page.get_by_role("group", name="Phone").get_by_text("Suggested")).to_have_count(0)
    expect(box).to_be_focused()  # also after the row was drawn anew
    page.keyboard.type("no field has such a name")
    expect(options).to_have_text(["No field is called that"])
    page.keyboard.press("Escape")
    expect(box).to_have_value("Email")
    expect(page.get_by_role("listbox")).to_have_count(0)


def test_it_does_not_open_a_locked_step(visitors: Visitors, campaign: str) -> None:
    page = visitors.page()
    base = draft_at(page, campaign)
    for locked in ("map-in", "map-back", "type", "review"):
        page.goto(f"{base}/{locked}")
        expect(walk.heading(page, "Which contacts become referrers?")).to_be_visible()
    steps = page.get_by_role("navigation", name="Steps")
    expect(steps.get_by_role("link")).to_have_text(["Source (done)"])
    expect(steps.get_by_role("listitem").filter(has_text="Review")).to_contain_text("(locked)")


def test_it_changes_one_answer_and_comes_back_to_the_review(visitors: Visitors, campaign: str) -> None:
    page = visitors.page()
    draft_at(page, campaign, "contacts", "map-in", "map-back", "type")
    before = walk.previewed(page)
    page.get_by_role("link", name="Change contacts").click()
    page.get_by_label("All contacts").check()
    walk.press(page, "Next")
    expect(walk.heading(page, "Check your answers")).to_be_visible()
    assert walk.previewed(page)["read"] > before["read"]


def test_it_tells_two_windows_that_change_one_draft(visitors: Visitors, campaign: str) -> None:
    mine, theirs = visitors.page(), visitors.page()
    base = draft_at(mine, campaign)
    theirs.goto(f"{base}/contacts")
    mine.get_by_label("Only leads").check()
    walk.press(mine, "Next")
    expect(walk.heading(mine, "What do we take from Intercom?")).to_be_visible()

    theirs.get_by_label("All contacts").check()
    walk.press(theirs, "Next")
    expect(theirs.get_by_role("alert")).to_contain_text("Somebody else has changed this sync")
    expect(theirs.get_by_label("All contacts")).to_be_checked()
    assert look_over(theirs) == []
    mine.goto(f"{base}/contacts")
    expect(mine.get_by_label("Only leads")).to_be_checked()  # nothing was overwritten unasked

    walk.press(theirs, "Next")
    expect(walk.heading(theirs, "What do we take from Intercom?")).to_be_visible()
    mine.reload()
    expect(mine.get_by_label("All contacts")).to_be_checked()


def test_it_does_not_start_what_somebody_has_changed_meanwhile(visitors: Visitors, campaign: str) -> None:
    mine, theirs = visitors.page(), visitors.page()
    base = draft_at(mine, campaign, "contacts", "map-in", "map-back", "type")
    walk.previewed(mine)
    theirs.goto(f"{base}/contacts?from=review")
    theirs.get_by_label("Only users").check()
    walk.press(theirs, "Next")
    expect(walk.heading(theirs, "Check your answers")).to_be_visible()

    walk.press(mine, "Start sync")
    expect(mine.get_by_role("alert")).to_contain_text("so it was not started")
    expect(mine.get_by_role("definition").filter(has_text="Only users")).to_be_visible()
    walk.previewed(mine)
    walk.start(mine)
    walk.wait_for_end(mine)


def test_it_discards_a_draft_after_asking(visitors: Visitors, campaign: str) -> None:
    page = visitors.page()
    draft_at(page, campaign)
    page.goto(f"{campaign}/syncs")
    page.get_by_role("link", name="Discard").click()
    walk.press(page, "Discard setup")
    expect(page.get_by_role("heading", name="No syncs yet")).to_be_visible()
