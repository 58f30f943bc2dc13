"""Runs while Intercom misbehaves: what passes is waited out, what stays is named, and nobody is lost."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.process import until
from tests.support.product import Product, explained, start_both
from tests.support.sandbox import TOKEN, Sandbox
from tests.support.truth import contacts_of, taken, users

Pair = tuple[Product, Sandbox]
USERS = {"kind": "users"}
SEARCH = {"method": "POST", "path": "/contacts/search"}
PAGES = {**SEARCH, "body_contains": '"per_page":150'}
LATER_PAGES = {**SEARCH, "body_contains": "starting_after"}


@pytest.fixture(scope="module")
def both() -> Iterator[Pair]:
    with start_both(800) as pair:
        yield pair


@pytest.fixture(scope="module")
def connection(both: Pair) -> str:
    return both[0].connect()


@pytest.fixture(scope="module")
def truth(both: Pair) -> set[str]:
    return set(taken(contacts_of(both[1].control, users)).values())


@pytest.fixture(autouse=True)
def calm(both: Pair) -> Iterator[None]:
    yield
    both[1].control.clear_faults()
    both[1].control.settings(down=False, latency_ms=0, unknown_segment="empty")


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        ("500", PAGES),
        ("503", SEARCH),
        ("502_html", PAGES),
        ("429", PAGES),
        ("empty_200", PAGES),
        ("not_json", SEARCH),
        ("truncated_json", LATER_PAGES),
        ("drop_connection", LATER_PAGES),
        ("repeated_cursor", LATER_PAGES),
        ("drop_record", PAGES),
        ("duplicate_record", PAGES),
        ("next_null", PAGES),
        ("pages_missing", PAGES),
        ("count_mismatch", PAGES),
    ],
)
def test_it_reads_everybody_once_through_what_passes(
    both: Pair, connection: str, truth: set[str], kind: str, match: dict[str, Any]
) -> None:
    product, sandbox = both
    sandbox.control.add_fault(kind, match=match, times=1, reset_in=2)
    sync = product.make_sync(connection, USERS)
    ended = product.run_and_wait(sync)
    assert (ended["status"], ended["phase"], ended["error"]) == ("succeeded", "done", None)
    assert sandbox.control.faults()[0]["fired"] == 1
    assert ended["counts"]["read"] == len(contacts_of(sandbox.control, users))
    assert ended["counts"]["created"] == len(truth)
    assert set(product.referrers(sync)) == truth


def test_it_waits_for_a_limit_and_goes_on(both: Pair, connection: str, truth: set[str]) -> None:
    product, sandbox = both
    sandbox.control.add_fault("429_far", match=LATER_PAGES, times=1, reset_in=8)
    sync = product.make_sync(connection, USERS)
    run_id = product.start(sync)
    waiting = product.wait(run_id, "waiting")
    assert explained(waiting["error"]) == "rate_limited"
    ended = product.wait(run_id)
    assert (ended["status"], ended["error"]) == ("succeeded", None)
    assert set(product.referrers(sync)) == truth


def test_a_person_can_cancel_a_run_that_waits_for_a_limit_far_away(both: Pair) -> None:
    product, sandbox = both
    # A token of its own: what it is told must not hold back the other tests.
    sandbox.control.add_token("far")
    connection = product.connect("far")
    sandbox.control.add_fault("429_far", match=LATER_PAGES, times=None, reset_in=86_400)
    run_id = product.start(product.make_sync(connection, USERS))
    assert explained(product.wait(run_id, "waiting")["error"]) == "rate_limited"
    product.call("POST", f"/runs/{run_id}/cancel")
    assert product.wait(run_id)["status"] == "cancelled"
    product.connect()


def test_it_waits_for_an_outage_to_end_and_goes_on(both: Pair, connection: str, truth: set[str]) -> None:
    product, sandbox = both
    sandbox.control.latency(250)
    sync = product.make_sync(connection, USERS)
    run_id = product.start(sync)
    product.until_run(run_id, read=150)
    sandbox.control.down()
    assert explained(product.wait(run_id, "waiting")["error"]) == "crm_unavailable"
    sandbox.control.down(False)
    ended = product.wait(run_id)
    assert (ended["status"], ended["error"]) == ("succeeded", None)
    assert set(product.referrers(sync)) == truth


def test_it_gives_up_on_an_outage_that_stays_and_finishes_next_time(
    both: Pair, connection: str, truth: set[str]
) -> None:
    product, sandbox = both
    sandbox.control.latency(250)
    sync = product.make_sync(connection, USERS)
    run_id = product.start(sync)
    product.until_run(run_id, read=150)
    sandbox.control.down()
    ended = product.wait(run_id)
    assert (ended["status"], ended["phase"]) == ("failed", "read")
    assert explained(ended["error"]) == "crm_unavailable"
    kept = set(product.referrers(sync))
    assert kept < truth
    sandbox.control.settings(down=False, latency_ms=0)
    again = product.run_and_wait(sync)
    assert (again["status"], again["counts"]["created"]) == ("succeeded", len(truth - kept))
    assert set(product.referrers(sync)) == truth


@pytest.mark.parametrize(
    ("kind", "match", "status", "code"),
    [
        ("500", PAGES, "failed", "crm_unavailable"),
        ("empty_200", PAGES, "failed", "crm_unavailable"),
        ("repeated_cursor", LATER_PAGES, "failed", "crm_paging_loop"),
        ("drop_record", PAGES, "partial", "audience_incomplete"),
    ],
)
def test_it_names_what_stays(
    both: Pair, connection: str, kind: str, match: dict[str, Any], status: str, code: str
) -> None:
    product, sandbox = both
    sandbox.control.add_fault(kind, match=match, times=None)
    ended = product.run_and_wait(product.make_sync(connection, USERS))
    assert (ended["status"], explained(ended["error"])) == (status, code)


@pytest.mark.parametrize("answer", ["empty", "error"])
def test_it_says_that_the_segment_is_gone_and_touches_nobody(
    both: Pair, connection: str, answer: str
) -> None:
    product, sandbox = both
    rule = {"field": "last_seen_at", "operator": "known"}
    segment = sandbox.control.add_segment(f"Short-lived {answer}", [rule])
    sandbox.control.settings(unknown_segment=answer)
    sync = product.make_sync(connection, {"kind": "segments", "segment_ids": [segment]})
    first = product.run_and_wait(sync)
    before = product.referrers(sync)
    sandbox.control.delete_segment(segment)
    ended = product.run_and_wait(sync)
    assert first["counts"]["created"] == len(before) > 0
    assert (ended["status"], explained(ended["error"])) == ("failed", "segment_not_found")
    assert ended["counts"]["read"] == 0
    assert product.referrers(sync) == before


def test_it_says_that_the_token_stopped_working_and_takes_a_new_one(both: Pair, truth: set[str]) -> None:
    product, sandbox = both
    sandbox.control.add_token("revoked-soon")
    connection = product.connect("revoked-soon")
    sync = product.make_sync(connection, USERS)
    sandbox.control.revoke_token("revoked-soon")
    ended = product.run_and_wait(sync)
    assert (ended["status"], explained(ended["error"])) == ("failed", "token_rejected")
    assert product.call("GET", f"/connections/{connection}")["status"] == "needs_attention"
    product.call("PUT", f"/connections/{connection}/credentials", {"access_token": TOKEN})
    assert product.call("GET", f"/connections/{connection}")["status"] == "connected"
    # The run that the loss had ended begins again by itself.
    newest = product.everything(f"/syncs/{sync['id']}/runs")[0]
    assert (newest["id"] != ended["id"], newest["trigger"]) == (True, "schedule")
    assert product.wait(newest["id"])["status"] == "succeeded"
    assert set(product.referrers(sync)) == truth
    product.check_no_secret("revoked-soon")


@pytest.mark.parametrize("refusal", ["by_endpoint", "401", "403"])
def test_it_names_the_permission_that_was_taken_away(both: Pair, refusal: str) -> None:
    product, sandbox = both
    sandbox.control.add_token("weaker")
    sync = product.make_sync(product.connect("weaker"), USERS)
    sandbox.control.add_token("weaker", missing=["read_contacts"])
    sandbox.control.settings(missing_scope=refusal)
    ended = product.run_and_wait(sync)
    sandbox.control.settings(missing_scope="by_endpoint")
    assert (ended["status"], explained(ended["error"])) == ("failed", "permission_missing")
    assert "“Read and list users and companies”" in ended["error"]["next_step"]
    product.connect()


def test_a_second_run_is_refused_with_the_id_of_the_first(both: Pair, connection: str) -> None:
    product, sandbox = both
    sandbox.control.latency(300)
    sync = product.make_sync(connection, USERS)
    run_id = product.start(sync)
    error = product.refused("POST", f"/syncs/{sync['id']}/runs")
    assert (error.status, error.problem["code"]) == (409, "run_in_progress")
    assert error.problem["errors"] == [{"field": "run_id", "message": run_id}]
    sandbox.control.latency(0)
    assert product.wait(run_id)["status"] == "succeeded"
    assert [run["id"] for run in product.call("GET", f"/syncs/{sync['id']}/runs")["data"]] == [run_id]


def test_only_one_of_many_starts_at_the_same_instant_wins(both: Pair, connection: str) -> None:
    product, sandbox = both
    sandbox.control.latency(300)
    sync = product.make_sync(connection, USERS)
    statuses = product.call_at_once(8, "POST", f"/syncs/{sync['id']}/runs")
    assert sorted(statuses) == [202] + [409] * 7
    sandbox.control.latency(0)
    (only,) = product.call("GET", f"/syncs/{sync['id']}/runs")["data"]
    assert product.wait(only["id"])["status"] == "succeeded"


def test_it_leaves_nothing_open_at_intercom(both: Pair) -> None:
    until(lambda: both[1].control.state()["in_flight"] == 0, 10, "the end of all calls")
