"""One person, followed: synced from the CRM, link opened, friend joined and qualified, and the CRM knows."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support import walk
from tests.support.browser import Visitors, look_over, start_all
from tests.support.product import INBOUND, LINK_OUT
from tests.support.sandbox import Sandbox

REFERRALS, CONVERTED = "custom_attributes.Referrals", "custom_attributes.Converted"
COUNTS_OUT = [
    {"from": "referrals_count", "to": REFERRALS},
    {"from": "converted_referrals_count", "to": CONVERTED},
]
SOON, GATHER_SECONDS = 5, 2.5


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Visitors, Sandbox]]:
    with start_all(40) as (visitors, crm):
        yield visitors, crm


@pytest.fixture
def synced(both: tuple[Visitors, Sandbox]) -> dict[str, Any]:
    """A campaign with a join page, everybody synced, and one of them."""
    product = both[0].product
    connection = product.connect()
    product.make_field(connection)
    for label in ("Referrals", "Converted"):
        field = {"label": label, "type": "integer"}
        product.call("POST", f"/connections/{connection}/fields", field)
    campaign = product.call("POST", "/campaigns", {"name": "Friends", "hosted_page": True})
    body = {
        "connection_id": connection,
        "audience": {"kind": "users"},
        "inbound": INBOUND,
        "outbound": [*LINK_OUT, *COUNTS_OUT],
    }
    sync = product.call("POST", f"/campaigns/{campaign['id']}/syncs", body)
    product.run_and_wait(sync)
    person = next(one for one in product.referrers(sync).values() if one["first_name"])
    return {"campaign": campaign, "person": person, "contact": person["contacts"][0]["external_id"]}


def says(crm: Sandbox, contact: str) -> tuple[Any, Any]:
    """Referrals and converted, as the CRM has them."""
    found = next(one for one in crm.control.dump() if one["id"] == contact)["custom_attributes"]
    return found.get("Referrals"), found.get("Converted")


def writes(crm: Sandbox) -> int:
    """How many writes to contacts there have been."""
    count: int = crm.control.state()["puts"]
    return count


def test_it_follows_a_person_from_the_sync_to_the_numbers_in_the_crm(
    both: tuple[Visitors, Sandbox], synced: dict[str, Any]
) -> None:
    visitors, crm = both
    product, contact = visitors.product, synced["contact"]
    assert says(crm, contact) == (0, 0)
    before = writes(crm)

    friend = visitors.page(signed_in=False, width=390)
    friend.goto(synced["person"]["referral_link"])
    invited = f"{synced['person']['first_name']} invites you"
    expect(friend.get_by_role("heading", name=invited)).to_be_visible()
    assert look_over(friend) == []
    friend.get_by_label("First name").fill("Frida")
    friend.get_by_label("Email").fill("frida@example.org")
    friend.get_by_label("I agree").check()
    walk.press(friend, "Join")
    expect(friend.get_by_role("heading", name="Thank you")).to_be_visible()
    product.until(lambda: says(crm, contact) == (1, 0) or None, SOON, "one referral in the CRM")
    after_joining = writes(crm)

    page = visitors.page()
    page.goto(f"/campaigns/{synced['campaign']['id']}/leads")
    row = page.get_by_role("row").filter(has_text="frida@example.org")
    expect(row).to_contain_text("Join page")
    row.get_by_role("checkbox").check()
    walk.press(page, "Qualify")
    expect(page.get_by_role("row").filter(has_text="frida@example.org")).to_contain_text("Qualified")
    product.until(lambda: says(crm, contact) == (1, 1) or None, SOON, "one converted in the CRM")

    assert (after_joining - before, writes(crm) - after_joining) == (1, 1)


def test_it_writes_a_hundred_friends_of_one_moment_once(
    both: tuple[Visitors, Sandbox], synced: dict[str, Any]
) -> None:
    visitors, crm = both
    product, contact = visitors.product, synced["contact"]
    before, began = writes(crm), time.monotonic()
    code = synced["person"]["code"]
    for number in range(100):
        body = {"email": f"friend{number}@example.org", "referrer": code}
        product.call("POST", f"/campaigns/{synced['campaign']['id']}/leads", body)

    product.until(lambda: says(crm, contact) == (100, 0) or None, 15, "a hundred in the CRM")

    # One for each time of waiting for others that fits into what a busy machine takes for a hundred calls.
    assert 1 <= writes(crm) - before <= 1 + (time.monotonic() - began) / GATHER_SECONDS


# The customer's own website

SITE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'self'; script-src 'self' {product};
 connect-src {product}">
<script src="{product}/passalong.js" data-key="{key}" defer></script><script src="shop.js" defer></script>
</head><body><h1>Shop</h1><a href="join.html">Join</a>
<form><label>Email <input id="email"></label><input type="hidden" name="ref">
<button type="button">Sign up</button></form><p role="status"></p></body></html>"""
SHOP_JS = """document.querySelector("button").addEventListener("click", async () => {
  const said = document.querySelector("[role=status]");
  try {
    const email = document.getElementById("email").value;
    said.textContent = (await passalong("lead", { email, first_name: "Gustav" })).status;
  } catch (error) { said.textContent = error.code; }
});"""


@contextmanager
def website(folder: Path, product: str, key: str) -> Iterator[str]:
    """The customer's pages on an origin of their own."""
    for name in ("index.html", "join.html"):
        (folder / name).write_text(SITE.format(product=product, key=key))
    (folder / "shop.js").write_text(SHOP_JS)
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def sign_up(page: Page, email: str, answer: str) -> None:
    page.get_by_label("Email").fill(email)
    walk.press(page, "Sign up")
    expect(page.get_by_role("status")).to_have_text(answer)


def test_it_brings_a_friend_through_the_customers_own_website(
    both: tuple[Visitors, Sandbox], synced: dict[str, Any], tmp_path: Path
) -> None:
    visitors, _crm = both
    product, campaign = visitors.product, synced["campaign"]
    campaign_path = f"/campaigns/{campaign['id']}"
    code = synced["person"]["code"]
    with website(tmp_path, visitors.base, campaign["publishable_key"]) as shop:
        page = visitors.page(signed_in=False)
        page.goto(f"{shop}/index.html")
        sign_up(page, "nobody@example.org", "no_referrer")

        product.call("PATCH", campaign_path, {"destination_url": f"{shop}/index.html", "hosted_page": False})
        page.goto(synced["person"]["referral_link"])
        assert page.url == f"{shop}/index.html?ref={code}"
        expect(page.locator("input[name=ref]")).to_have_value(code)

        page.goto(f"{shop}/index.html?ref=another123")
        page.get_by_role("link", name="Join").click()
        expect(page.locator("input[name=ref]")).to_have_value(code)

        product.call("PATCH", campaign_path, {"origins": [shop]})
        sign_up(page, "gustav@example.org", "accepted")

    leads = product.everything(f"{campaign_path}/leads", q="gustav")
    assert [(lead["email"], lead["first_name"], lead["source"]) for lead in leads] == [
        ("gustav@example.org", "Gustav", "website")
    ]
    assert leads[0]["referrer_id"] == synced["person"]["id"]


def test_it_can_be_joined_without_scripts_and_from_the_keyboard(
    both: tuple[Visitors, Sandbox], synced: dict[str, Any]
) -> None:
    visitors, _crm = both
    page = visitors.page(signed_in=False, scripts=False)
    page.goto(synced["person"]["referral_link"])
    page.get_by_label("First name").focus()
    for text in ("Hanna", "hanna@example.org"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/c/[a-z0-9-]+/thanks$"))
    path = f"/campaigns/{synced['campaign']['id']}/leads"
    assert [lead["email"] for lead in visitors.product.everything(path, q="hanna")] == ["hanna@example.org"]


def test_it_sends_friends_on_to_the_customers_own_thanks(
    both: tuple[Visitors, Sandbox], synced: dict[str, Any], tmp_path: Path
) -> None:
    visitors, _crm = both
    campaign = synced["campaign"]
    with website(tmp_path, visitors.base, campaign["publishable_key"]) as shop:
        page = {"thanks_url": f"{shop}/join.html".replace("127.0.0.1", "localhost"), "asks_consent": False}
        visitors.product.call("PATCH", f"/campaigns/{campaign['id']}", {"join_page": page})
        friend = visitors.page(signed_in=False)
        friend.goto(synced["person"]["referral_link"])
        friend.get_by_label("First name").fill("Ida")
        friend.get_by_label("Email").fill("ida@example.org")
        walk.press(friend, "Join")
        expect(friend.get_by_role("heading", name="Shop")).to_be_visible()
        friend.close()


def test_it_shows_the_numbers_and_draws_them(both: tuple[Visitors, Sandbox], synced: dict[str, Any]) -> None:
    visitors, _crm = both
    body = {"email": "jonas@example.org", "referrer": synced["person"]["code"]}
    visitors.product.call("POST", f"/campaigns/{synced['campaign']['id']}/leads", body)
    page = visitors.page()
    page.goto(f"/campaigns/{synced['campaign']['id']}")
    expect(page.locator(".chart canvas")).to_be_visible()
    page.get_by_text("Every day in numbers").click()
    rows = page.get_by_role("region", name="Every day in numbers").get_by_role("row")
    expect(rows).to_have_count(31)
    expect(rows.nth(1).get_by_role("cell").nth(1)).to_have_text("1")
    assert look_over(page) == []
