"""The wizard in other ways: by keyboard, on a phone, without scripts, with names that bite."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support import walk
from tests.support.browser import PHONE, Visitors, look_over, start_all
from tests.support.sandbox import Sandbox

Desk = tuple[Visitors, Sandbox]
BITE = '<img src=x onerror="alert(1)">'


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with start_all(120) as (visitors, crm):
        visitors.product.connect()
        yield visitors, crm


@pytest.fixture(autouse=True)
def tidy(desk: Desk) -> Iterator[None]:
    yield
    desk[1].control.latency(0)
    desk[0].close()


def campaign(desk: Desk, name: str) -> str:
    """Its path."""
    return f"/campaigns/{desk[0].product.make_campaign(name)}"


def members(desk: Desk) -> int:
    control = desk[1].control
    return len(control.members(control.segment_id("Active")))


def tab_to(page: Page, target: Locator) -> None:
    """Tab until it has the focus, and can be seen to have it."""
    expect(target).to_be_visible()
    for _ in range(90):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            assert target.evaluate(SEEN), "the focus cannot be seen"
            return
    raise AssertionError(f"no Tab leads to {target}")


# An outline on the control itself, or on the card around it.
SEEN = """
element => [element, element.closest('.choice'), element.closest('.segment')].some(
  place => place && getComputedStyle(place).outlineStyle !== 'none')
"""


def press_key(page: Page, target: Locator, key: str = "Enter") -> None:
    tab_to(page, target)
    page.keyboard.press(key)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def test_it_is_done_with_the_keyboard_alone(desk: Desk) -> None:
    page = desk[0].page()
    page.goto(f"{campaign(desk, 'By keys')}/referrers")
    press_key(page, page.get_by_role("link", name="Add referrers"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("link", name="Add referrers")).to_be_focused()
    page.keyboard.press("Enter")
    press_key(page, button(page, "Sync"))

    tab_to(page, page.get_by_role("radio", name="Intercom"))
    press_key(page, button(page, "Next"))

    press_key(page, page.get_by_label("Only leads"), "Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("A specific segment")).to_be_checked()
    users = page.get_by_role("group", name="Segments of users")
    press_key(page, users.get_by_role("checkbox", name="Active", exact=True), "Space")
    press_key(page, button(page, "Next"))

    format_of_first = page.get_by_role("group", name="First name").get_by_label("Take")
    press_key(page, format_of_first, "ArrowDown")
    expect(format_of_first).to_be_focused()  # also after the row was drawn anew
    press_key(page, button(page, "Next"))

    press_key(page, page.get_by_label("Write nothing back"), "ArrowDown")
    press_key(page, page.get_by_text("Create a field in Intercom for Referral link"))
    tab_to(page, page.locator("#label-referral_link"))
    page.keyboard.press("Control+a")
    page.keyboard.type("Link by keys")
    press_key(page, button(page, "Create field for Referral link"))
    select = page.locator("select[name=to-referral_link]")
    expect(select).to_have_value("custom_attributes.Link by keys")
    press_key(page, button(page, "Next"))

    expect(walk.heading(page, "How often?")).to_be_visible()
    press_key(page, button(page, "Next"))
    promised = walk.previewed(page)
    press_key(page, button(page, "Start sync"))
    assert walk.wait_for_end(page) == promised
    assert promised["read"] == members(desk)


def test_it_skips_to_the_content(desk: Desk) -> None:
    page = desk[0].page()
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_it_is_done_on_a_phone(desk: Desk) -> None:
    page = desk[0].page(width=PHONE)
    path = campaign(desk, "On the phone")
    page.goto(path)
    walk.press(page, "Menu")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Referrers").click()
    found = look_over(page)
    page.get_by_role("link", name="Add referrers").click()
    found += look_over(page)
    walk.press(page, "Sync")
    found += look_over(page)
    walk.choose_source(page)
    page.get_by_label("A specific segment").check()
    found += look_over(page)
    walk.choose_segment(page)
    found += look_over(page)
    walk.map_in(page)
    page.get_by_label("Write results back").check()
    found += look_over(page)
    walk.map_back(page, "Link by phone")
    found += look_over(page)
    walk.choose_type(page)
    promised = walk.previewed(page)
    found += look_over(page)
    walk.start(page)
    assert walk.wait_for_end(page) == promised
    found += look_over(page)
    page.get_by_role("link", name="See the referrers").click()
    expect(page.get_by_text("Showing 1–")).to_be_visible()
    assert found + look_over(page) == []


def test_it_is_done_without_scripts(desk: Desk) -> None:
    page = desk[0].page(scripts=False)
    walk.open_wizard(page, campaign(desk, "Without scripts"))
    expect(walk.heading(page, "Where do the people come from?")).to_be_visible()
    walk.choose_source(page)
    walk.choose_segment(page)
    page.get_by_role("group", name="Phone").get_by_role("button", name="Remove Phone").click()
    expect(page.get_by_role("group", name="Phone")).to_have_count(0)
    walk.map_in(page)
    walk.map_back(page, "Link without scripts")
    walk.choose_type(page)
    walk.press(page, "Preview")
    promised = walk.previewed(page)  # the page loads itself again until it is counted
    walk.start(page)
    assert walk.wait_for_end(page) == promised
    assert promised["read"] == members(desk)


def test_it_leaves_alone_what_somebody_does_while_intercom_is_asked(desk: Desk) -> None:
    visitors, crm = desk
    page = visitors.page()
    gone = crm.control.add_segment("Soon gone", [{"field": "name", "operator": "=", "value": "Nobody"}])
    walk.open_wizard(page, campaign(desk, "Slow"))
    walk.choose_source(page)
    page.get_by_label("A specific segment").check()
    walk.press(page, "Read segments again")
    users = page.get_by_role("group", name="Segments of users")
    expect(users.get_by_role("checkbox", name="Soon gone", exact=True)).to_be_visible()
    crm.control.delete_segment(gone)
    crm.control.add_segment("Newly made", [{"field": "name", "operator": "=", "value": "Nobody"}])
    crm.control.latency(1_500)
    walk.press(page, "Read segments again")
    users.get_by_role("checkbox", name="Active", exact=True).check()
    users.get_by_role("checkbox", name="Exclude Pro plan").check()
    crm.control.latency(0)
    expect(users.get_by_role("checkbox", name="Newly made", exact=True)).to_be_visible()
    expect(users.get_by_role("checkbox", checked=True)).to_have_count(2)
    expect(users.get_by_role("checkbox", name="Active", exact=True)).to_be_checked()
    expect(users.get_by_role("checkbox", name="Exclude Pro plan")).to_be_checked()

    crm.control.latency(1_500)
    walk.press(page, "Next")
    expect(page.get_by_text("Asking Intercom for a contact to show as a sample")).to_be_visible()
    expect(page.get_by_text("Sample:")).to_have_count(0)
    first = page.get_by_role("group", name="First name")
    first.get_by_label("When empty in Intercom").press_sequentially("Fri")
    crm.control.latency(0)
    walk.sampled(page)
    page.keyboard.type("end")
    expect(first.get_by_label("When empty in Intercom")).to_have_value("Friend")
    shown = page.get_by_text("Samples below are of").inner_text()
    first.get_by_label("Take").select_option(value="whole")
    sample = first.get_by_text("Sample:").inner_text().removeprefix("Sample: ")
    expect(first.get_by_text(f"becomes {sample}", exact=True)).to_be_visible()
    expect(page.get_by_text("Samples below are of")).to_have_text(shown)


def test_it_shows_names_with_html_as_text(desk: Desk) -> None:
    visitors, crm = desk
    segment = f"{BITE} & friends"
    who = crm.control.add_contact(role="user", email="bite@example.com", name=f"{BITE} O'Neil")
    rule = [{"field": "email", "operator": "=", "value": "bite@example.com"}]
    crm.control.add_segment(segment, rule)
    crm.control.add_attribute(BITE)
    page = visitors.page()
    page.on("dialog", lambda dialog: pytest.fail(f"a name was run: {dialog.message}"))
    page.goto("/campaigns/new")
    path = walk.create_campaign(page, f"{BITE} campaign")
    walk.open_wizard(page, path)
    walk.choose_source(page)
    page.get_by_label("A specific segment").check()
    walk.press(page, "Read segments again")
    walk.choose_segment(page, segment)
    walk.press(page, "Read fields again")
    walk.choose(page.get_by_role("group", name="Phone").get_by_label("Intercom field"), BITE)
    expect(page.locator("img")).to_have_count(0)
    walk.map_in(page)
    walk.map_back(page, "Link of bites")
    walk.choose_type(page)
    expect(page.get_by_role("definition").filter(has_text=segment)).to_be_visible()
    assert walk.previewed(page)["Created"] == 1
    expect(page.get_by_role("rowheader", name=re.compile("O'Neil"))).to_be_visible()
    walk.start(page)
    assert walk.wait_for_end(page)["Created"] == 1
    for address in (page.url, *_screens(visitors, path)):
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator("img")).to_have_count(0)
    page.goto(f"{path}/referrers?q=%3Cimg+src%3Dx")
    expect(page.get_by_label("Search by name, email or code")).to_have_value("<img src=x")
    expect(page.get_by_role("rowheader")).to_contain_text(f"{BITE} O'Neil")
    assert look_over(page) == []
    assert who["id"]


def _screens(visitors: Visitors, campaign: str) -> list[str]:
    """Every screen on which a name stands that somebody else has chosen; leads and friends bite, too."""
    call = visitors.product.call
    referrer = call("GET", f"{campaign}/referrers")["data"][0]
    friend = {"email": "friend@example.com", "first_name": BITE, "referrer": referrer["code"]}
    call("POST", f"{campaign}/leads", friend)
    shown = call("GET", campaign)
    texts = ("sender", "headline", "text", "button", "consent", "thanks_headline", "thanks_text")
    join = dict.fromkeys(texts, BITE + "{referrer}")
    call("PATCH", campaign, {"join_page": {**join, "questions": [{"label": BITE}]}})
    sync = f"/syncs/{call('GET', f'{campaign}/syncs')['data'][0]['id']}"
    tabs = (
        "",
        "/leads",
        "/referrers",
        "/syncs",
        "/settings",
        "/settings/join-page",
        "/referrers/add/manually",
    )
    parts = ("", "/runs", "/mapping", "/mapping/map-in", "/mapping/map-back", "/settings", "/delete")
    return [
        "/",
        "/connections",
        *(f"{campaign}{tab}" for tab in tabs),
        *(f"{sync}{part}" for part in parts),
        f"/referrers/{referrer['id']}",
        f"/referrers/{referrer['id']}/edit",
        f"/c/{shown['slug']}?ref={referrer['code']}",
        f"/c/{shown['slug']}/thanks",
    ]
