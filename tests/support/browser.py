"""Chromium on the running product: pages watched for errors, held to WCAG 2.2 AA and to their width."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    StorageState,
    expect,
    sync_playwright,
)

from tests.support.process import run
from tests.support.product import Product, start_both
from tests.support.sandbox import Sandbox

EMAIL, WORKSPACE, PASSWORD = "alice@example.com", "Alice", "alice's long password"
AXE = Path(__file__).parent.parent / "e2e" / "vendor" / "axe.min.js"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDE, PHONE = 1280, 390
Scheme = Literal["light", "dark"]

expect.set_options(timeout=15_000)


class Visitors:
    """Browser windows on one product. What they complain about is kept; nothing may be left at the end."""

    def __init__(self, chromium: Browser, product: Product) -> None:
        self.chromium, self.product = chromium, product
        self.base = str(product.http.base_url).rstrip("/")
        self.complaints: list[str] = []
        self._state: StorageState | None = None
        self._open: list[BrowserContext] = []

    def page(
        self, *, width: int = WIDE, scheme: Scheme = "light", scripts: bool = True, signed_in: bool = True
    ) -> Page:
        """A fresh window of somebody who has never been here, except for being signed in."""
        if signed_in and self._state is None:
            self._state = self._sign_in()
        context = self.chromium.new_context(
            base_url=self.base,
            viewport={"width": width, "height": 844},
            color_scheme=scheme,
            reduced_motion="reduce",
            java_script_enabled=scripts,
            has_touch=width == PHONE,
            locale="en-GB",
            permissions=["clipboard-read", "clipboard-write"],
            storage_state=self._state if signed_in else None,
        )
        context.set_default_timeout(15_000)
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.complaints.append(f"{error.page}: {error.error}"))
        context.on("response", self._answered)
        self._open.append(context)
        return context.new_page()

    def close(self) -> None:
        """All windows shut."""
        for context in self._open:
            # Pages first: one still asking for something would ask without the cookies of a closed context.
            for page in context.pages:
                page.close()
            context.close()
        self._open.clear()

    def _sign_in(self) -> StorageState:
        page = self.page(signed_in=False)
        sign_in(page)
        return page.context.storage_state()

    def _heard(self, message: ConsoleMessage) -> None:
        # Chromium complains about every page that is answered with 4xx; `_answered` tells them apart.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.complaints.append(f"{message.location['url']}: {message.text}")

    def _answered(self, response: Response) -> None:
        is_page = response.request.is_navigation_request()
        if response.status >= (500 if is_page else 400):
            self.complaints.append(f"{response.request.method} {response.url}: {response.status}")


def sign_in(page: Page) -> None:
    """With email and password, as anybody does."""
    page.goto("/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Campaigns")).to_be_visible()


@contextmanager
def start_chromium() -> Iterator[Browser]:
    """The Chromium of the machine."""
    asked = os.environ.get("PASSALONG_TEST_CHROMIUM", "")
    found = next((path for name in (asked, *NAMES) if name and (path := shutil.which(name))), None)
    assert found, "Chromium is not installed: sudo apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*QUIET])
        yield browser
        browser.close()


@contextmanager
def start_all(contacts: int, *, workers: int = 1, **sandbox: Any) -> Iterator[tuple[Visitors, Sandbox]]:
    """A sandbox, the product beside it, and Chromium in front of it."""
    with start_both(contacts, workers=workers, **sandbox) as (product, crm):
        give_password(product)
        with start_chromium() as chromium:
            visitors = Visitors(chromium, product)
            yield visitors, crm
            visitors.close()
        assert not visitors.complaints, "\n".join(visitors.complaints)


def give_password(product: Product, email: str = EMAIL, workspace: str = WORKSPACE) -> None:
    """So that the owner can sign in."""
    owner = ("--email", email, "--workspace", workspace)
    done = run("setup", *owner, "--password-stdin", env=product.env, stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr


# What every page is held to


def look_over(page: Page) -> list[str]:
    """What is wrong with a page: accessibility, or something that makes it scroll sideways."""
    page.wait_for_function("document.readyState === 'complete'")
    where = (
        f"{re.sub(r'[0-9a-f-]{32,}', '…', page.url)} ({page.viewport_size and page.viewport_size['width']})"
    )
    return [f"{where}: {fault}" for fault in (*_sideways(page), *_axe(page))]


def _axe(page: Page) -> list[str]:
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text())
    found = page.evaluate(
        "(tags) => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", STANDARDS
    )
    return [
        f"{violation['id']}: {violation['help']} at {[node['target'] for node in violation['nodes']][:3]}"
        for violation in found["violations"]
    ]


def _sideways(page: Page) -> list[str]:
    wide, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return [f"it scrolls sideways: {wide} px in {room}"] if wide > room else []
