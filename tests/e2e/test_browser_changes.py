"""Changes at once, as a marketer sets it up; and a connection that stops working and is mended."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.support import walk
from tests.support.browser import PHONE, WIDE, Scheme, Visitors, look_over, start_all
from tests.support.product import LINK_OUT
from tests.support.sandbox import TOKEN, Sandbox

LOOKS: list[tuple[Scheme, int]] = [("light", WIDE), ("dark", PHONE)]
SECRET = "the-apps-client-secret"


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Visitors, Sandbox]]:
    with start_all(40) as (visitors, crm):
        yield visitors, crm


@pytest.fixture(scope="module")
def ongoing(both: tuple[Visitors, Sandbox]) -> tuple[str, str]:
    """The paths of a connection and of an ongoing sync that has run."""
    product = both[0].product
    connection = product.connect()
    product.make_field(connection)
    sync = product.make_sync(connection, {"kind": "users"}, outbound=LINK_OUT)
    product.call("PATCH", f"/syncs/{sync['id']}", {"type": "ongoing"})
    product.run_and_wait(sync)
    return f"/connections/{connection}", f"/syncs/{sync['id']}"


def test_it_is_set_up_and_the_light_goes_on(both: tuple[Visitors, Sandbox], ongoing: tuple[str, str]) -> None:
    visitors, crm = both
    page = visitors.page()
    page.goto(ongoing[1])
    page.get_by_role("link", name="Get them at once").click()
    expect(walk.heading(page, "Changes at once")).to_be_visible()
    address = f"{visitors.base}/hooks/intercom"
    expect(page.get_by_text(f"Intercom cannot reach {address}")).to_be_visible()
    page.get_by_label("Client secret").fill(SECRET)
    walk.press(page, "Save secret")
    expect(page.get_by_text("A secret is set")).to_be_visible()
    expect(page.get_by_text("Waiting for the first notification")).to_be_visible()

    crm.control.aim_webhook(address, secret=SECRET)
    crm.control.ping_webhook()
    expect(page.locator("#live").get_by_text(": ping")).to_be_visible()
    product, sync = visitors.product, visitors.product.call("GET", ongoing[1])
    person = next(iter(product.referrers(sync).values()))
    contact = person["contacts"][0]["external_id"]
    crm.control.patch_contact(contact, name="Renamed Person")
    expect(page.locator("#live").get_by_text(": contact.user.updated")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="contact.user.updated").first
    expect(row.get_by_role("link", name=contact)).to_be_visible()
    expect(row).to_contain_text("Handled")

    def renamed() -> bool | None:
        return product.referrers(sync)[person["email"]]["first_name"] == "Renamed" or None

    product.until(renamed, 20, "the new name")


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_it_can_be_read_by_everybody(
    both: tuple[Visitors, Sandbox], ongoing: tuple[str, str], scheme: Scheme, width: int
) -> None:
    page = both[0].page(scheme=scheme, width=width)
    page.goto(f"{ongoing[0]}/changes")
    expect(walk.heading(page, "Changes at once")).to_be_visible()
    assert look_over(page) == []


def test_it_can_be_set_up_without_scripts(both: tuple[Visitors, Sandbox], ongoing: tuple[str, str]) -> None:
    page = both[0].page(scripts=False)
    page.goto(f"{ongoing[0]}/changes")
    page.get_by_label("Client secret").fill("another-secret")
    page.get_by_role("button", name="Save secret").click()
    expect(page.get_by_text("A secret is set")).to_be_visible()
    page.get_by_role("link", name="Look again").click()
    expect(page).to_have_url(f"{both[0].base}{ongoing[0]}/changes")


def test_a_lost_connection_is_told_everywhere_and_mended(
    both: tuple[Visitors, Sandbox], ongoing: tuple[str, str]
) -> None:
    visitors, crm = both
    crm.control.revoke_token()
    visitors.product.call("POST", f"{ongoing[1]}/runs")
    page = visitors.page()
    banner = page.get_by_role("alert").filter(has_text="no longer lets Passalong into")

    def told() -> bool | None:
        page.goto("/")
        return banner.count() == 1 or None

    visitors.product.until(told, 20, "the banner")
    for scheme, width in LOOKS:
        other = visitors.page(scheme=scheme, width=width)
        other.goto("/")
        assert look_over(other) == []
    page.get_by_role("link", name="Give it a new token").click()
    crm.control.add_token(TOKEN)
    page.get_by_label("Access token").fill(TOKEN)
    walk.press(page, "Save token")
    expect(page.get_by_text("Connected again. Its syncs are catching up.")).to_be_visible()
    assert look_over(page) == []
    page.goto("/")
    expect(banner).to_have_count(0)
