"""What changes in Intercom is here at once, told by webhook; real processes, real deliveries."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.product import INBOUND, LINK_OUT, Product, start_product
from tests.support.sandbox import TOKEN, Sandbox, start_sandbox

SECRET = "the-client-secret-of-the-app"
SOON = 3


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Product, Sandbox]]:
    with start_sandbox(contacts=40) as crm, start_product(crm.url) as product:
        yield product, crm


@pytest.fixture(scope="module")
def sync(both: tuple[Product, Sandbox]) -> dict[str, Any]:
    """An ongoing sync of everybody that has run once, and an Intercom that tells of changes, doubled and in
    another order."""
    product, crm = both
    connection = product.connect()
    product.make_field(connection)
    product.call("PUT", f"/connections/{connection}/webhooks", {"client_secret": SECRET})
    campaign = product.make_campaign()
    body = {
        "connection_id": connection,
        "audience": {"kind": "all"},
        "inbound": INBOUND,
        "outbound": LINK_OUT,
        "type": "ongoing",
        "on_leave": "deactivate",
    }
    made: dict[str, Any] = product.call("POST", f"/campaigns/{campaign}/syncs", body)
    product.run_and_wait(made)
    address = f"http://127.0.0.1:{product.port}/hooks/intercom"
    crm.control.aim_webhook(address, secret=SECRET, duplicates=True, reorder=True)
    return made


def first_name(product: Product, sync: dict[str, Any], contact: str) -> str | None:
    rows = product.everything(f"/campaigns/{sync['campaign_id']}/referrers")
    for row in rows:
        if contact in [one["external_id"] for one in row["contacts"]]:
            name: str = row["first_name"]
            return name
    return None


def leader(product: Product, sync: dict[str, Any]) -> str:
    """A contact who alone is a referrer."""
    rows = product.everything(f"/campaigns/{sync['campaign_id']}/referrers")
    return next(str(row["contacts"][0]["external_id"]) for row in rows if len(row["contacts"]) == 1)


def quiet(product: Product, sync: dict[str, Any]) -> list[dict[str, Any]]:
    """Every run of the sync, once none is under way and nothing is left to look at."""

    def ended() -> list[dict[str, Any]] | None:
        waiting = product.sql("SELECT count(*) FROM sync_notification WHERE handled_at IS NULL")[0][0]
        hinted = product.sql("SELECT count(*) FROM sync_hint")[0][0]
        runs = product.everything(f"/syncs/{sync['id']}/runs")
        active = [run for run in runs if run["finished_at"] is None]
        return None if waiting or hinted or active else runs

    return product.until(ended, 60, "quiet")


def test_a_changed_name_arrives_by_webhook(both: tuple[Product, Sandbox], sync: dict[str, Any]) -> None:
    product, crm = both
    contact = leader(product, sync)
    crm.control.patch_contact(contact, name="Changed Atonce")
    product.until(lambda: first_name(product, sync, contact) == "Changed" or None, SOON, "the name")
    assert quiet(product, sync)[0]["trigger"] == "webhook"


def test_somebody_new_has_a_link_in_intercom_at_once(
    both: tuple[Product, Sandbox], sync: dict[str, Any]
) -> None:
    product, crm = both
    crm.control.settings(lag=300)
    new = crm.control.add_contact(email="brand.new@example.com", name="Brand New", role="user")
    product.until(lambda: first_name(product, sync, new["id"]) == "Brand" or None, SOON, "the referrer")
    crm.control.settings(lag=0)
    quiet(product, sync)
    found = next(one for one in crm.control.dump() if one["id"] == new["id"])
    assert "/r/" in found["custom_attributes"]["Referral Link"]


def test_somebody_archived_is_dealt_with_at_once(both: tuple[Product, Sandbox], sync: dict[str, Any]) -> None:
    product, crm = both
    contact = leader(product, sync)
    crm.control.archive_contact(contact)

    def inactive() -> bool | None:
        rows = product.everything(f"/campaigns/{sync['campaign_id']}/referrers", status="inactive")
        return contact in [one["external_id"] for row in rows for one in row["contacts"]] or None

    product.until(inactive, SOON + 2, "an inactive link")
    quiet(product, sync)


def test_a_thousand_deliveries_make_nobody_twice_and_write_nothing(
    both: tuple[Product, Sandbox], sync: dict[str, Any]
) -> None:
    product, crm = both
    quiet(product, sync)
    crm.control.reset()
    before = set(product.referrers(sync))
    people = [one["id"] for one in crm.control.dump() if one["sandbox"]["status"] == "active"]
    for number in range(500):
        crm.control.patch_contact(people[number % len(people)], last_replied_at=1_700_000_000 + number)
    assert crm.control.drain_webhook(60)
    delivered = crm.control.webhook()["log"]
    assert len(delivered) >= 1_000
    assert {one["status"] for one in delivered[-1_000:]} == {200}
    quiet(product, sync)
    assert set(product.referrers(sync)) == before
    assert crm.control.state()["puts"] == 0


def test_an_answer_takes_no_time(both: tuple[Product, Sandbox], sync: dict[str, Any]) -> None:
    """Wall time bounds this from afar: it must not wait for Intercom, which is slow here."""
    product, crm = both
    quiet(product, sync)
    crm.control.latency(3_000)
    began = time.monotonic()
    assert product.http.head("/hooks/intercom").status_code == 200
    crm.control.ping_webhook()
    assert crm.control.drain_webhook(20)
    assert time.monotonic() - began < 3
    crm.control.latency(0)


def test_it_keeps_the_secret_to_itself(both: tuple[Product, Sandbox], sync: dict[str, Any]) -> None:
    product, _ = both
    product.check_no_secret(SECRET, TOKEN)
    [[stored]] = product.sql("SELECT hook_secret FROM sync_connection")
    assert SECRET not in stored
    assert sync["id"]
