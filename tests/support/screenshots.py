"""The ten main screens, wide and on a phone, as pictures for README and docs: `./scripts/screenshots`."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from playwright.sync_api import Page

from passalong.postgres import embedded
from tests.support import walk
from tests.support.browser import (
    PHONE,
    WIDE,
    Visitors,
    give_password,
    start_chromium,
)
from tests.support.product import Product, set_up, start_product
from tests.support.sandbox import Sandbox, start_sandbox

FOLDER = Path("docs/screenshots")
CONTACTS = 4_000
CAMPAIGN = "Give 20, get 20"
BROWSER = "Mozilla/5.0"
COMPANY = "Northwind Coffee"
LEAST, MOST, TALLEST = 720, 1000, 1600


class Album:
    """Takes each picture twice: of the same page, wide and on a phone."""

    def __init__(self, folder: Path, visitors: Visitors) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.outside = visitors.page(signed_in=False)
        self.wide, self.phone = visitors.page(), visitors.page(width=PHONE)

    def take(
        self, name: str, prepare: Callable[[Page], object] = lambda _page: None, *, most: int = MOST
    ) -> None:
        """What the wide window shows now, there and on the phone."""
        self.phone.goto(self.wide.url)
        for page, suffix in ((self.wide, ""), (self.phone, "-phone")):
            prepare(page)
            _take(page, self.folder / f"{name}{suffix}.png", TALLEST if suffix else most)

    def take_outside(self, name: str) -> None:
        """The page of somebody who is not signed in."""
        for width, suffix in ((WIDE, ""), (PHONE, "-phone")):
            self.outside.set_viewport_size({"width": width, "height": LEAST})
            self.outside.goto("/")
            _take(self.outside, self.folder / f"{name}{suffix}.png", MOST)


def _take(page: Page, path: Path, most: int) -> None:
    """As tall as what is on it, within reason: a window, so that what sticks to its edges does."""
    page.evaluate("document.fonts.ready")
    width = page.viewport_size["width"] if page.viewport_size else WIDE
    page.set_viewport_size({"width": width, "height": LEAST})
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": max(LEAST, min(most, height))})
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=path, animations="disabled")


@contextmanager
def stage() -> Iterator[tuple[Visitors, Sandbox]]:
    """Everything, with a database of its own in a folder that goes away."""
    folder = Path(tempfile.mkdtemp(prefix="pal-"))
    try:
        with embedded.start(folder, {"fsync": "off"}) as server, start_sandbox(contacts=CONTACTS) as crm:
            database = (server.url, set_up(server.url, folder / "setup"))
            with start_product(crm.url, database=database) as product, start_chromium() as chromium:
                give_password(product)
                product.sql("UPDATE accounts_workspace SET name = %s", COMPANY)
                visitors = Visitors(chromium, product)
                yield visitors, crm
                visitors.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def take_all(visitors: Visitors, crm: Sandbox, folder: Path) -> None:
    """The main job once more, with a camera."""
    album = Album(folder, visitors)
    page = album.wide
    album.take_outside("sign-in")
    campaign = walk.create_campaign(page, CAMPAIGN)
    walk.open_wizard(page, campaign)
    album.take("source")
    walk.connect(page)
    walk.choose_source(page)
    album.take("contacts", lambda p: p.get_by_label("A specific segment").check())
    walk.choose_segment(page)
    walk.sampled(page)
    album.take("map-in")
    walk.map_in(page)
    walk.map_back(page, "Referral Link")
    walk.choose_type(page)
    walk.press(page, "Back")
    walk.press(page, "Back")
    album.take("map-back")
    walk.press(page, "Next")
    walk.choose_type(page)
    walk.previewed(page)
    album.take("review", most=TALLEST)
    crm.control.latency(250)
    walk.start(page)
    page.wait_for_function("() => document.querySelector('progress')?.value > 100")
    album.take("run-progress")
    crm.control.latency(0)
    walk.wait_for_end(page)
    album.take("run")
    _bring_friends(visitors.product, campaign)
    page.goto(f"{campaign}/referrers")
    album.take("referrers")
    page.goto(campaign)
    album.take("campaign")


def _bring_friends(product: Product, campaign: str) -> None:
    """A first day: links are opened, friends join, some of them qualify."""
    people = product.call("GET", f"{campaign}/referrers?limit=8")["data"]
    for place, person in enumerate(people):
        for number in range(3 * len(people) - 2 * place):
            opened = httpx2.get(person["referral_link"], headers={"User-Agent": BROWSER}, trust_env=False)
            assert opened.status_code == 302
            if number % 4 == 1:
                friend = {"email": f"friend{place}.{number}@example.org", "referrer": person["code"]}
                lead = product.call("POST", f"{campaign}/leads", friend)
                if number % 8 == 1:
                    product.call("POST", f"/leads/{lead['id']}/qualify")
    asked = "SELECT sum(visits), sum(leads) FROM tracking_campaignday"
    product.until(lambda: all(product.sql(asked)[0]), 60, "the numbers of the day")


def main() -> int:
    """Take them all."""
    with stage() as (visitors, crm):
        take_all(visitors, crm, FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
