"""The main job in the browser, step by step, as a marketer does it: by names and roles, never by markup."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.support.sandbox import TOKEN

COUNTED = ("Created", "Updated", "Unchanged", "Duplicate", "Skipped", "Failed")
SHOP = "https://shop.example.com/"
Look = Callable[[Page], object]


def heading(page: Page, name: str) -> Locator:
    """The title of a page."""
    return page.get_by_role("heading", name=name, level=1, exact=True)


def press(page: Page, name: str) -> None:
    """A button by its name."""
    page.get_by_role("button", name=name, exact=True).click()


def choose(field: Locator, option: str) -> None:
    """In a box to search in; or, without scripts, in the select that it is then."""
    field.page.wait_for_load_state()
    if field.get_attribute("role") == "combobox":
        field.fill(option)
        field.page.get_by_role("listbox").get_by_role("option", name=option).first.click()
    else:
        field.select_option(label=option)


def create_campaign(page: Page, name: str) -> str:
    """The path of a new campaign, left open."""
    page.goto("/campaigns/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Destination").fill(SHOP)
    press(page, "Create campaign")
    expect(page.locator("#main").get_by_role("heading", level=1)).to_have_text(name)
    return re.sub(r"^https?://[^/]+", "", page.url)


def open_wizard(page: Page, campaign: str) -> None:
    """Referrers tab → Add referrers → Sync."""
    page.goto(f"{campaign}/referrers")
    page.get_by_role("link", name="Add referrers").click()
    press(page, "Sync")
    expect(heading(page, "Where do the people come from?")).to_be_visible()


def connect(page: Page, token: str = TOKEN) -> None:
    """In the first step."""
    page.get_by_label("Access token").fill(token)
    press(page, "Connect")


def choose_source(page: Page) -> None:
    """The one account there is."""
    page.get_by_role("radio", name="Intercom").check()
    press(page, "Next")
    expect(heading(page, "Which contacts become referrers?")).to_be_visible()


def choose_segment(page: Page, name: str = "Active") -> None:
    """A specific segment of users."""
    page.get_by_label("A specific segment").check()
    group = page.get_by_role("group", name="Segments of users")
    group.get_by_role("checkbox", name=name, exact=True).check()
    press(page, "Next")
    expect(heading(page, "What do we take from Intercom?")).to_be_visible()


def sampled(page: Page) -> None:
    """Until samples of one contact stand beside the rows of Map in; from then on they stay."""
    expect(page.get_by_text(re.compile(r"Samples below are of .+ · .+@"))).to_be_visible()


def map_in(page: Page) -> None:
    """As it is suggested."""
    press(page, "Next")
    expect(heading(page, "Write anything back to Intercom?")).to_be_visible()


def map_back(page: Page, field: str) -> None:
    """The link, into a field that is made here; nothing else."""
    page.get_by_label("Write results back").check()
    for other in ("Referral code", "Referrals count", "Converted referrals count"):
        choose(page.get_by_label(f"Intercom field for {other}", exact=True), "Do not send")
    page.get_by_text("Create a field in Intercom for Referral link").click()
    link = page.locator("#row-referral_link")
    link.get_by_label("Name of the new field").fill(field)
    press(page, "Create field for Referral link")
    select = page.locator("select[name=to-referral_link]")
    expect(select).to_have_value(f"custom_attributes.{field}")
    press(page, "Next")
    expect(heading(page, "How often?")).to_be_visible()


def choose_type(page: Page) -> None:
    """Once."""
    page.get_by_label("One-time sync").check()
    press(page, "Next")
    expect(heading(page, "Check your answers")).to_be_visible()


def previewed(page: Page) -> dict[str, int]:
    """What the review says would happen, once it is counted."""
    strip = page.get_by_role("group", name="What happened to the contacts")
    expect(strip).to_be_visible(timeout=120_000)
    return counts(page)


def start(page: Page) -> None:
    """Start sync, and see the run."""
    press(page, "Start sync")
    expect(page.get_by_role("heading", name="Run of", level=1)).to_be_visible()


# Read and judged in one go: the bar may be gone a moment later.
_BEYOND = """
(beyond) => {
  const value = document.querySelector('progress')?.value ?? beyond + 1;
  return value > beyond && String(value);
}
"""


def moved(page: Page, beyond: int = -1, *, timeout: float = 30_000) -> int:
    """Where the bar stands once it is beyond this; no bar any more is beyond, too."""
    return int(page.wait_for_function(_BEYOND, arg=beyond, timeout=timeout).json_value())


def wait_for_end(page: Page) -> dict[str, int]:
    """The counts of a run that is over, read off its page."""
    expect(page.locator("#progress").get_by_role("status")).to_have_text("Done", timeout=240_000)
    return counts(page)


def counts(page: Page) -> dict[str, int]:
    """The counts strip; it adds up."""
    strip = page.get_by_role("group", name="What happened to the contacts")
    found = {
        label: _number(strip.locator(".count", has_text=label).locator(".count-value")) for label in COUNTED
    }
    total = _number(strip.locator(".count-total .count-value"))
    assert sum(found.values()) == total
    return {**found, "read": total}


def _number(place: Locator) -> int:
    return int(place.inner_text().replace(",", ""))
