"""The life of a run of 20,000 contacts in Chromium: promised, watched, paused, cancelled and mended."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support import walk
from tests.support.browser import PHONE, Visitors, look_over, start_all
from tests.support.product import LINK_OUT, Json, Product
from tests.support.sandbox import Sandbox

Pair = tuple[Visitors, Sandbox]
MANY = 20_000
COUNTED = ("created", "updated", "unchanged", "duplicate", "skipped", "failed")


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with start_all(MANY, rate_limit=10_000_000) as (visitors, crm):
        connection = visitors.product.connect()
        visitors.product.make_field(connection)
        yield visitors, crm


@pytest.fixture(autouse=True)
def tidy(pair: Pair) -> Iterator[None]:
    yield
    pair[1].control.latency(0)
    pair[1].control.clear_faults()
    pair[0].close()


def connection_of(product: Product) -> str:
    found: str = product.call("GET", "/connections")["data"][0]["id"]
    return found


def everybody(product: Product, **more: object) -> Json:
    """A sync of all contacts into a campaign of its own, with nothing written back unless said."""
    return product.make_sync(connection_of(product), {"kind": "all"}, **more)  # type: ignore[arg-type]


def writes(crm: Sandbox) -> dict[str, int]:
    """Calls that change something."""
    asked = {key: count for key, count in crm.control.counts().items() if not key.startswith("GET ")}
    return {key: count for key, count in asked.items() if key != "POST /contacts/search"}


def previewed(product: Product, sync: Json) -> Json:
    """The numbers of a preview, once it is complete."""
    asked = product.call("POST", f"/syncs/{sync['id']}/preview", wait=30)

    def complete() -> Json | None:
        shown: Json = product.call("GET", f"/previews/{asked['id']}")
        return shown if shown["complete"] else None

    return product.until(complete, 240, "the preview")


# What is promised is what happens


def test_it_does_number_for_number_what_the_preview_of_20000_said_and_writes_nothing_before(
    pair: Pair,
) -> None:
    visitors, crm = pair
    product, control = visitors.product, crm.control
    campaign = product.make_campaign()
    active, slipping = control.segment_id("Active"), control.segment_id("Slipping Away", "contact")
    early = product.make_sync(
        connection_of(product),
        {"kind": "segments", "segment_ids": [slipping]},
        outbound=LINK_OUT,
        campaign_id=campaign,
    )
    product.run_and_wait(early, seconds=240)
    known = [contact["email"] for contact in control.dump() if contact["email"]][:300:7]
    for email in known:
        product.http.post(f"/api/v1/campaigns/{campaign}/referrers", json={"email": email})
    sync = product.make_sync(
        connection_of(product),
        {"kind": "all", "exclude_segment_ids": [active]},
        outbound=LINK_OUT,
        campaign_id=campaign,
    )
    product.call(
        "PATCH", f"/syncs/{sync['id']}", {"contact_policy": {"unsubscribed": "skip", "bounced": "skip"}}
    )
    before, calls = control.digest(), writes(crm)

    promised = previewed(product, sync)

    assert (control.digest(), writes(crm)) == (before, calls)
    run = product.start(sync)
    product.until_run(run, 240, phase="write_back")
    product.call("POST", f"/runs/{run}/cancel")  # 20,000 writes would show nothing more
    shown = product.wait(run, seconds=240)
    counts = shown["counts"]
    reasons: dict[str, int] = {}
    for record in product.records(run, outcome="skipped"):
        reasons[record["reason"]] = reasons.get(record["reason"], 0) + 1
    came = {
        "read": counts["read"],
        "new": counts["created"],
        "updated": counts["updated"],
        "unchanged": counts["unchanged"],
        "duplicate": counts["duplicate"],
        "skipped": reasons,
        "write_backs": counts["write_backs_due"],
    }
    assert came == {key: promised[key] for key in came}
    assert counts["read"] > 19_000
    assert set(reasons) == {"no_email", "invalid_email", "unsubscribed", "bounced", "spam", "excluded"}
    assert min(promised[key] for key in ("new", "updated", "unchanged", "duplicate", "write_backs")) > 0


# Watched


def open_run(page: Page, sync: Json) -> None:
    """Run again, from the sync's home."""
    page.goto(f"/syncs/{sync['id']}")
    walk.press(page, "Run again")
    expect(page.get_by_role("heading", name="Run of", level=1)).to_be_visible()


def test_it_shows_20000_contacts_moving_to_the_end(pair: Pair) -> None:
    visitors, crm = pair
    sync = everybody(visitors.product)
    page = visitors.page()
    crm.control.latency(700)
    open_run(page, sync)
    expect(page.get_by_text(re.compile(r"about .* left"))).to_be_visible(timeout=120_000)
    expect(page.get_by_text(re.compile("contacts per second"))).to_be_visible()
    faults = look_over(page)
    seen = walk.moved(page)
    for _ in range(2):
        seen = walk.moved(page, seen, timeout=120_000)
    crm.control.latency(0)

    counts = walk.wait_for_end(page)

    assert counts["read"] > 19_000
    assert counts["Created"] > 15_000
    assert faults + look_over(page) == []
    other = visitors.page(width=PHONE)
    other.goto(page.url)
    assert walk.counts(other) == counts


@pytest.mark.parametrize("scripts", [True, False])
def test_it_stands_still_while_paused_and_goes_on_to_the_end(pair: Pair, scripts: bool) -> None:
    visitors, crm = pair
    product = visitors.product
    sync = everybody(product)
    page = visitors.page(scripts=scripts)
    crm.control.latency(300)
    open_run(page, sync)
    run_id = page.url.rpartition("/")[2]
    product.until_run(run_id, 240, read=500)
    page.reload()
    walk.press(page, "Pause")
    product.until_run(run_id, 120, status="paused")
    page.reload()
    expect(page.get_by_role("status").get_by_text("Paused")).to_be_visible()
    stood = product.show(run_id)["counts"]["read"]
    if scripts:
        assert look_over(page) == []
    crm.control.latency(0)
    assert product.show(run_id)["counts"]["read"] == stood

    walk.press(page, "Resume")

    counts = walk.wait_for_end(page)
    assert counts["read"] > 19_000
    assert 0 < stood < counts["read"]


def test_it_keeps_what_is_done_when_it_is_cancelled_and_runs_again(pair: Pair) -> None:
    visitors, crm = pair
    product = visitors.product
    sync = everybody(product)
    page = visitors.page(width=PHONE)
    crm.control.latency(300)
    open_run(page, sync)
    run_id = page.url.rpartition("/")[2]
    product.until_run(run_id, 240, read=500)
    page.get_by_role("link", name="Cancel run").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel run").click()
    expect(page.get_by_text("The run was cancelled; what it had done stays.")).to_be_visible(timeout=120_000)
    crm.control.latency(0)
    first = walk.counts(page)
    assert product.call("GET", f"/campaigns/{sync['campaign_id']}")["referrers_count"] == first["Created"]
    assert look_over(page) == []

    walk.press(page, "Run again")

    second = walk.wait_for_end(page)
    assert first["Created"] + second["Created"] == len(product.referrers(sync))
    assert second["Unchanged"] + second["Duplicate"] >= first["Created"] > 0


def test_it_says_that_it_waits_for_intercom_and_goes_on(pair: Pair) -> None:
    visitors, crm = pair
    sync = everybody(visitors.product)
    page = visitors.page()
    match = {"method": "POST", "path": "/contacts/search"}
    crm.control.add_fault("429", match=match, times=None, reset_in=5)
    open_run(page, sync)
    expect(page.get_by_role("status").get_by_text("Waiting for Intercom")).to_be_visible(timeout=120_000)
    assert look_over(page) == []
    crm.control.clear_faults()

    assert walk.wait_for_end(page)["Created"] > 15_000


# Mended


@pytest.fixture
def few(pair: Pair) -> Json:
    """A sync of a dozen people whose link goes back; four of them cannot be written."""
    visitors, crm = pair
    for number in range(12):
        crm.control.add_contact(role="user", email=f"few{number}@example.com", name="=Few")
    rule = [{"field": "name", "operator": "=", "value": "=Few"}]
    segment = crm.control.add_segment("Few", rule)
    audience = {"kind": "segments", "segment_ids": [segment]}
    sync = visitors.product.make_sync(connection_of(visitors.product), audience, outbound=LINK_OUT)
    crm.control.add_fault(
        "status",
        match={"method": "PUT", "path": "/contacts/{contact_id}"},
        status=400,
        code="parameter_invalid",
        message="Custom attribute value is not allowed",
        times=4,
    )
    return sync


@pytest.mark.parametrize("scripts", [True, False])
def test_it_mends_one_and_then_all_that_failed(pair: Pair, few: Json, scripts: bool, tmp_path: Path) -> None:
    visitors, crm = pair
    page = visitors.page(scripts=scripts)
    open_run(page, few)
    expect(page.get_by_role("status").get_by_text("Done with problems")).to_be_visible(timeout=120_000)
    members = walk.counts(page)["read"]
    page.get_by_role("definition").get_by_role("link", name="4").click()
    rows = page.get_by_role("region", name="Contacts").locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("Intercom did not take the value")
    expect(rows.first).to_contain_text("Correct the value or map another field, and retry.")
    if scripts:
        assert look_over(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    download.value.save_as(tmp_path / "contacts.csv")
    with (tmp_path / "contacts.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["Written back"] for row in table] == ["Failed"] * 4
    assert [cell for row in table for cell in row.values() if cell[:1] in ("=", "+", "-", "@")] == []

    failed_run = page.url
    rows.first.get_by_role("button", name=re.compile("Retry")).click()
    expect(page.get_by_role("status").get_by_text("Done", exact=True)).to_be_visible(timeout=120_000)
    assert walk.counts(page)["read"] == 1

    page.goto(failed_run)
    walk.press(page, "Retry 4 failed")
    expect(page.get_by_role("status").get_by_text("Done", exact=True)).to_be_visible(timeout=120_000)
    assert walk.counts(page)["read"] == 4
    in_intercom = [
        c
        for c in crm.control.dump()
        if (c["email"] or "").startswith("few") and c["sandbox"]["status"] == "active"
    ]
    written = [c for c in in_intercom if c["custom_attributes"].get("Referral Link")]
    assert len(written) == len({c["email"] for c in in_intercom}) == members == 12
    for contact in in_intercom:
        crm.control.delete_contact(contact["id"])
