"""Every screen, light and wide, dark and on a phone: WCAG 2.2 AA, no sideways scrolling, a quiet console."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.support import walk
from tests.support.browser import EMAIL, PHONE, WIDE, WORKSPACE, Scheme, Visitors, look_over, start_all
from tests.support.process import run
from tests.support.product import LINK_OUT, Product

LOOKS: list[tuple[Scheme, int]] = [("light", WIDE), ("dark", PHONE)]
LONG = "Donaudampfschifffahrtsgesellschaftskapitaenswitwe " * 2


class Site(NamedTuple):
    """A workspace with something in it; addresses by what is there."""

    visitors: Visitors
    at: dict[str, str]


@pytest.fixture(scope="module")
def empty() -> Iterator[Visitors]:
    with start_all(60) as (visitors, _crm):
        yield visitors


@pytest.fixture(scope="module")
def site(empty: Visitors) -> Site:
    product = empty.product
    campaign_id = product.make_campaign(LONG)
    connection = product.connect()
    product.make_field(connection)
    sync = product.make_sync(connection, {"kind": "all"}, outbound=LINK_OUT, campaign_id=campaign_id)
    run_id = product.run_and_wait(sync)["id"]
    person = next(iter(product.referrers(sync).values()))
    link = person["referral_link"]
    for friend in ("frida", "y" * 60):
        body = {"email": f"{friend}@example.org", "first_name": LONG, "referrer": person["code"]}
        product.call("POST", f"/campaigns/{campaign_id}/leads", body)
    slug = product.call("GET", f"/campaigns/{campaign_id}")["slug"]
    product.call("POST", f"/campaigns/{campaign_id}/referrers", {"email": f"{'x' * 60}@example.com"})
    return Site(
        empty,
        {
            "campaign": f"/campaigns/{campaign_id}",
            "sync": f"/syncs/{sync['id']}",
            "run": f"/runs/{run_id}",
            "connection": f"/connections/{connection}",
            "link": link,
            "join": f"/c/{slug}",
            "webhook": f"/webhooks/{_webhook(product)}",
            "code": person["code"],
            "referrer": f"/referrers/{person['id']}",
            "setup": _draft(empty, f"/campaigns/{campaign_id}"),
        },
    )


def _webhook(product: Product) -> str:
    body = {"url": f"https://example.com/{'z' * 80}", "events": ["lead.created", "run.finished"]}
    made = product.call("POST", "/webhooks", body)
    product.call("POST", f"/webhooks/{made['id']}/test")
    return str(made["id"])


def _draft(visitors: Visitors, campaign: str) -> str:
    page = visitors.page()
    walk.open_wizard(page, campaign)
    walk.choose_source(page)
    walk.choose_segment(page)
    walk.map_in(page)
    page.get_by_label("Write results back").check()
    walk.press(page, "Next")
    walk.choose_type(page)
    walk.previewed(page)
    return page.url.rpartition("/")[0]


@pytest.fixture(autouse=True)
def tidy(empty: Visitors) -> Iterator[None]:
    yield
    empty.close()


def look_at(page: Page, *addresses: str) -> list[str]:
    """What is wrong on any of them."""
    found = []
    for address in addresses:
        page.goto(address)
        found += look_over(page)
    return found


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_it_is_right_while_everything_is_empty(empty: Visitors, scheme: Scheme, width: int) -> None:
    page = empty.page(scheme=scheme, width=width)
    assert look_at(page, "/", "/campaigns/new", "/connections", "/connections/new") == []


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_it_is_right_on_every_screen(site: Site, scheme: Scheme, width: int) -> None:
    page, at = site.visitors.page(scheme=scheme, width=width), site.at
    campaign, sync, run_page = at["campaign"], at["sync"], at["run"]
    found = look_at(
        page,
        "/",
        campaign,
        *(f"{campaign}/{name}" for name in ("referrers", "leads", "syncs", "settings")),
        f"{campaign}/leads/add",
        f"{campaign}/leads?q=nobody-at-all",
        f"{campaign}?from=2026-01-01&to=2026-03-01",
        f"{campaign}?from=never",
        *(f"{campaign}/settings/{name}" for name in ("join-page", "website", "qualifying")),
        *(f"{campaign}/referrers/{name}" for name in ("add", "add/manually", "add/api")),
        f"{campaign}/referrers?q=nobody-at-all",
        f"{campaign}/referrers?status=inactive&source=upload",
        at["referrer"],
        *(f"{at['referrer']}/{name}" for name in ("edit", "merge", "erase")),
        sync,
        *(f"{sync}/{name}" for name in ("runs", "mapping", "mapping/map-in", "mapping/map-back", "settings")),
        f"{sync}/delete",
        run_page,
        f"{run_page}?outcome=skipped",
        "/connections",
        at["connection"],
        f"{at['connection']}/disconnect",
        "/webhooks",
        "/webhooks/new",
        at["webhook"],
    )
    assert found + asked_first(page, at) == []


def asked_first(page: Page, at: dict[str, str]) -> list[str]:
    """The pages that ask before something is deleted."""
    found = []
    for tab in ("leads", "referrers"):
        page.goto(f"{at['campaign']}/{tab}")
        page.locator("tbody input[type=checkbox]").first.check()
        walk.press(page, "Delete")
        expect(walk.heading(page, f"Delete 1 {tab[:-1]}?")).to_be_visible()
        found += look_over(page)
    page.goto(at["webhook"])
    walk.press(page, "Delete webhook")
    expect(walk.heading(page, "Delete this webhook?")).to_be_visible()
    return found + look_over(page)


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_it_is_right_in_the_wizard(site: Site, scheme: Scheme, width: int) -> None:
    page, setup = site.visitors.page(scheme=scheme, width=width), site.at["setup"]
    steps = ("source", "contacts", "map-in", "map-back", "type", "review", "discard")
    assert look_at(page, *(f"{setup}/{step}" for step in steps)) == []


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_it_is_right_before_signing_in(site: Site, scheme: Scheme, width: int) -> None:
    page = site.visitors.page(scheme=scheme, width=width, signed_in=False)
    made = run("setup", "--email", EMAIL, "--workspace", WORKSPACE, env=site.visitors.product.env)
    link = made.stdout.split()[-1]
    found = look_at(
        page,
        "/accounts/login/",
        "/accounts/password/reset/",
        "/accounts/password/reset/done/",
        "/accounts/password/reset/key/1-never/",
        "/accounts/signup/",
        link,
        f"{link}x",
        "/no/such/page",
        "/api/v1/docs",
        "/r/AAAAAAAAAA",
        site.at["join"],
        f"{site.at['join']}?ref={site.at['code']}",
        f"{site.at['join']}/thanks",
    )
    assert found == []


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_it_is_right_when_a_programme_is_closed(site: Site, scheme: Scheme, width: int) -> None:
    campaign = site.at["campaign"]
    product = site.visitors.product
    product.call("PATCH", campaign, {"status": "paused"})
    page = site.visitors.page(scheme=scheme, width=width, signed_in=False)
    page.goto(site.at["link"])
    expect(page.get_by_role("heading", name="This programme is closed")).to_be_visible()
    assert look_over(page) == []
    product.call("PATCH", campaign, {"status": "live"})


def test_it_is_right_when_something_is_refused(site: Site) -> None:
    visitors, at = site.visitors, site.at
    page = visitors.page()
    found = look_at(page, "/no/such/page", "/runs/run_00000000000000000000000000000000")
    page.goto(f"{at['campaign']}/settings")
    page.context.clear_cookies(name="csrftoken")
    walk.press(page, "Save")
    expect(walk.heading(page, "Please send that once more")).to_be_visible()
    found += look_over(page)
    page.goto(f"{at['campaign']}/referrers/add/manually")
    page.get_by_label("Email").fill("not an address")
    walk.press(page, "Add referrer")
    expect(page.get_by_role("alert")).to_be_visible()
    found += look_over(page)
    page.goto("/connections/new")
    walk.connect(page, "not-the-token")
    expect(page.get_by_role("alert")).to_contain_text("Intercom is not connected")
    assert found + look_over(page) == []


def test_it_is_right_for_a_viewer_and_for_nobodys_member(site: Site) -> None:
    visitors, sql = site.visitors, site.visitors.product.sql
    page = visitors.page()
    sql("UPDATE accounts_member SET role = 'viewer'")
    found = look_at(page, "/", f"{site.at['campaign']}/referrers", site.at["run"], site.at["sync"])
    found += look_at(page, f"{site.at['setup']}/contacts", f"{site.at['setup']}/review")
    page.goto("/campaigns/new")
    expect(walk.heading(page, "You can look, but not change this")).to_be_visible()
    found += look_over(page)
    sql("UPDATE accounts_user SET is_active = false")
    assert found + look_at(page, "/") == []
    sql("UPDATE accounts_user SET is_active = true")
    sql("UPDATE accounts_member SET role = 'owner'")


def test_it_is_right_when_the_mistake_is_ours(site: Site) -> None:
    visitors, sql = site.visitors, site.visitors.product.sql
    page = visitors.page()
    sql("ALTER TABLE campaigns_campaign RENAME TO campaigns_away")
    page.goto("/")
    sql("ALTER TABLE campaigns_away RENAME TO campaigns_campaign")
    expect(walk.heading(page, "Something went wrong here")).to_be_visible()
    assert look_over(page) == []
    assert visitors.complaints.pop().endswith(": 500")


@pytest.mark.parametrize("what", ["menu", "switcher", "dialog", "theme"])
def test_it_is_right_when_open(site: Site, what: str) -> None:
    page = site.visitors.page(width=PHONE if what == "menu" else WIDE)
    page.goto(f"{site.at['campaign']}/referrers")
    if what == "switcher":
        page.locator("summary.switcher").first.click()
    elif what == "dialog":
        page.get_by_role("link", name="Add referrers").click()
    else:
        walk.press(page, what.title() if what == "menu" else "Dark")
    assert look_over(page) == []
    if what == "theme":
        expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
