"""The way back into Intercom when part of it fails: that part says why, the rest goes on, nothing doubles."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.product import LINK_OUT, Product, explained, start_both
from tests.support.sandbox import Sandbox
from tests.support.truth import contacts_of, taken

Pair = tuple[Product, Sandbox]
Json = dict[str, Any]
CODE = "custom_attributes.Referral Code"
BOTH_OUT = [*LINK_OUT, {"from": "referral_code", "to": CODE}]
PUT = {"method": "PUT", "path": "/contacts/{contact_id}"}


@pytest.fixture(scope="module")
def both() -> Iterator[Pair]:
    with start_both(200) as pair:
        yield pair


@pytest.fixture(scope="module")
def connection(both: Pair) -> str:
    product, sandbox = both
    connection_id = product.connect()
    for label in ("Referral Link", "Referral Code"):
        product.make_field(connection_id, label)
    sandbox.control.add_contact(role="user", name="Long " + "n" * 400, email="long@example.com")
    return connection_id


@pytest.fixture(scope="module")
def truth(both: Pair, connection: str) -> dict[str, str]:
    return taken(contacts_of(both[1].control, lambda c: c["role"] == "user"))


@pytest.fixture(autouse=True)
def calm(both: Pair) -> Iterator[None]:
    yield
    both[1].control.clear_faults()


def attributes(sandbox: Sandbox, name: str) -> dict[str, Any]:
    """What each contact says in a custom attribute, if anything."""
    held = {c["id"]: c["custom_attributes"].get(name) for c in sandbox.control.dump()}
    return {key: value for key, value in held.items() if value is not None}


def links(product: Product, sync: Json, truth: dict[str, str]) -> dict[str, str]:
    """The link that each contact should carry."""
    rows = product.referrers(sync)
    return {contact: rows[email]["referral_link"] for contact, email in truth.items()}


def codes(product: Product, sync: Json, truth: dict[str, str]) -> dict[str, str]:
    rows = product.referrers(sync)
    return {contact: rows[email]["code"] for contact, email in truth.items()}


@pytest.fixture(scope="module", autouse=True)
def silent(both: Pair, connection: str, truth: dict[str, str]) -> tuple[Json, str]:
    """A run with a write that is done but never answered; it takes the whole time-out, so it starts first."""
    product, sandbox = both
    sandbox.control.add_fault("timeout_after_commit", match={**PUT, "skip": 20}, times=1)
    product.make_field(connection, "Silent")
    sync = product.make_sync(
        connection,
        {"kind": "users"},
        outbound=[{"from": "referral_link", "to": "custom_attributes.Silent"}],
    )
    run_id = product.start(sync)
    product.until_run(run_id, phase="write_back")
    return sync, run_id


@pytest.mark.parametrize(
    "kind", ["500", "502_html", "429", "truncated_json", "empty_200", "drop_connection", "drop_after_commit"]
)
def test_it_writes_to_everybody_once_through_what_passes(
    both: Pair, connection: str, truth: dict[str, str], kind: str
) -> None:
    product, sandbox = both
    sandbox.control.add_fault(kind, match={**PUT, "skip": 5, "every": 40}, times=3, reset_in=2)
    sync = product.make_sync(connection, {"kind": "users"}, outbound=LINK_OUT)
    ended = product.run_and_wait(sync)
    assert (ended["status"], ended["counts"]["written"]) == ("succeeded", len(truth))
    assert attributes(sandbox, "Referral Link") == links(product, sync, truth)
    assert product.run_and_wait(sync)["counts"]["write_backs_due"] == 0


def test_a_long_name_arrives_whole(both: Pair, connection: str) -> None:
    product, _ = both
    sync = product.make_sync(connection, {"kind": "users"})
    assert product.run_and_wait(sync)["status"] == "succeeded"
    assert product.referrers(sync)["long@example.com"]["last_name"] == "n" * 400


@pytest.mark.parametrize("verb", ["archive", "delete"])
def test_a_missing_field_fails_with_its_name_and_the_other_field_is_written(
    both: Pair, connection: str, truth: dict[str, str], verb: str
) -> None:
    product, sandbox = both
    product.make_field(connection, f"Gone {verb}")
    gone = {"from": "campaign_name", "to": f"custom_attributes.Gone {verb}"}
    sync = product.make_sync(connection, {"kind": "users"}, outbound=[*LINK_OUT, gone])
    if verb == "archive":
        sandbox.control.archive_attribute(f"Gone {verb}")
    else:
        sandbox.control.delete_attribute(f"Gone {verb}")
    run_id = product.start(sync)
    ended = product.wait(run_id)
    assert (ended["status"], ended["error"]) == ("partial", None)
    assert (ended["counts"]["written"], ended["counts"]["write_backs_failed"]) == (0, len(truth))
    failed = [r for r in product.records(run_id) if r["write_back"] == "failed"]
    assert {r["external_id"] for r in failed} == set(truth)
    message = (
        f"The field “Gone {verb}” is not in Intercom (any more). "
        "Make the field again, or map another one, and retry what failed."
    )
    assert {(r["reason"], r["message"]) for r in failed} == {("field_missing", message)}
    assert attributes(sandbox, "Referral Link") == links(product, sync, truth)


def test_a_contact_that_left_fails_alone(both: Pair, connection: str, truth: dict[str, str]) -> None:
    product, sandbox = both
    leaver = sandbox.control.add_contact(role="user", name="Leaver", email="leaver@example.com")["id"]
    sandbox.control.latency(400)
    sync = product.make_sync(connection, {"kind": "users"}, outbound=LINK_OUT)
    run_id = product.start(sync)
    product.until_run(run_id, read=len(truth))
    sandbox.control.archive_contact(leaver)
    sandbox.control.latency(0)
    ended = product.wait(run_id)
    failed = [r for r in product.records(run_id) if r["write_back"] == "failed"]
    assert [(r["external_id"], r["reason"]) for r in failed] == [(leaver, "contact_gone")]
    assert (ended["status"], ended["counts"]["written"]) == ("partial", len(truth))
    held = attributes(sandbox, "Referral Link")
    assert {key: value for key, value in held.items() if key != leaver} == links(product, sync, truth)


def test_it_names_the_permission_to_turn_on_when_it_may_not_write(
    both: Pair, connection: str, truth: dict[str, str]
) -> None:
    product, sandbox = both
    sandbox.control.add_token("reader", missing=["write_contacts"])
    sync = product.make_sync(product.connect("reader"), {"kind": "users"}, outbound=LINK_OUT)
    ended = product.run_and_wait(sync)
    product.connect()
    assert (ended["status"], ended["phase"]) == ("partial", "done")
    assert explained(ended["error"]) == "permission_missing"
    assert "“Write users and companies”" in ended["error"]["next_step"]
    assert set(product.referrers(sync)) >= set(truth.values())
    again = product.run_and_wait(sync)
    assert (again["status"], again["counts"]["created"]) == ("succeeded", 0)
    assert attributes(sandbox, "Referral Link") == links(product, sync, truth)


def test_a_write_that_was_done_but_never_answered_is_done_once_more_and_counted_once(
    both: Pair, truth: dict[str, str], silent: tuple[Json, str]
) -> None:
    product, sandbox = both
    sync, run_id = silent
    ended = product.wait(run_id, seconds=90)
    assert (ended["status"], ended["counts"]["written"]) == ("succeeded", len(truth))
    assert attributes(sandbox, "Silent") == links(product, sync, truth)


def test_a_value_too_long_fails_with_its_length_and_the_other_field_is_written(
    both: Pair, connection: str, truth: dict[str, str]
) -> None:
    product, sandbox = both
    product.workers[-1].end()
    product.start_worker(PASSALONG_BASE_URL="https://shop.example.com/" + "p" * 300)
    sync = product.make_sync(connection, {"kind": "users"}, outbound=BOTH_OUT)
    run_id = product.start(sync)
    ended = product.wait(run_id)
    assert (ended["status"], ended["error"]) == ("partial", None)
    assert ended["counts"]["write_backs_failed"] == len(truth)
    failed = [r for r in product.records(run_id) if r["write_back"] == "failed"]
    message = (
        "The value has 338 characters; Intercom takes 255 at most. "
        "Shorten it, for instance the address of the campaign's page, and retry."
    )
    assert {(r["reason"], r["message"]) for r in failed} == {("value_too_long", message)}
    assert attributes(sandbox, "Referral Code") == codes(product, sync, truth)
