"""Workers that die, stall, leave, or are many: a run goes on, in one pair of hands."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from passalong.postgres import embedded
from tests.support.process import until
from tests.support.product import LINK_OUT, Product, Worker, inner_id, set_up, start_both, start_product
from tests.support.sandbox import Sandbox
from tests.support.truth import contacts_of, taken, users

Json = dict[str, Any]
Pair = tuple[Product, Sandbox]
CONTACTS = 1_500
# A worker takes a while to start on a busy machine; the promise of 30 seconds is measured where it is made.
START = 60.0


@pytest.fixture(scope="module")
def both() -> Iterator[Pair]:
    with start_both(CONTACTS, workers=2) as pair:
        yield pair


@pytest.fixture(autouse=True)
def calm(both: Pair) -> Iterator[None]:
    yield
    both[1].control.latency(0)


@pytest.fixture(scope="module")
def connection(both: Pair) -> str:
    connection_id = both[0].connect()
    both[0].make_field(connection_id)
    return connection_id


@pytest.fixture(scope="module")
def truth(both: Pair) -> dict[str, str]:
    return taken(contacts_of(both[1].control, users))


def holder(product: Product, run_id: str) -> Worker:
    """The living worker that has the run."""
    found = until(
        lambda: [w for w in product.workers if w.process.poll() is None and w.took(run_id)],
        START,
        "a worker to take the run",
    )
    return found[-1]


def equals_the_truth(pair: Pair, sync: Json, truth: dict[str, str]) -> bool:
    """Every referrer is there, and every contact carries its referrer's link."""
    product, sandbox = pair
    rows = product.referrers(sync)
    links = {contact: rows[email]["referral_link"] for contact, email in truth.items()}
    said = {c["id"]: c["custom_attributes"].get("Referral Link") for c in sandbox.control.dump()}
    return set(rows) == set(truth.values()) and links == {k: v for k, v in said.items() if v is not None}


def slow_run(pair: Pair, connection: str) -> tuple[Json, str]:
    """A run with write-back that takes its time."""
    product, sandbox = pair
    sandbox.control.latency(100)
    sync = product.make_sync(connection, {"kind": "users"}, outbound=LINK_OUT)
    return sync, product.start(sync)


def test_a_living_worker_takes_over_within_thirty_seconds_of_a_kill(
    both: Pair, connection: str, truth: dict[str, str]
) -> None:
    product, sandbox = both
    sync, run_id = slow_run(both, connection)
    product.until_run(run_id, read=150)
    holder(product, run_id).kill()
    killed = time.monotonic()
    product.until_run(run_id, epoch=2, seconds=30)
    print(f"\ntaken over {time.monotonic() - killed:.1f} s after the kill")
    sandbox.control.latency(0)
    ended = product.wait(run_id)
    product.start_worker()
    assert (ended["status"], ended["counts"]["created"]) == ("succeeded", len(set(truth.values())))
    assert ended["counts"]["written"] == len(truth)
    assert equals_the_truth(both, sync, truth)


@pytest.mark.parametrize("progress", [{"read": 150}, {"written": 200}])
def test_a_worker_that_is_told_to_leave_hands_its_run_over_at_once(
    both: Pair, connection: str, truth: dict[str, str], progress: dict[str, int]
) -> None:
    product, sandbox = both
    sync, run_id = slow_run(both, connection)
    product.until_run(run_id, **progress)
    leaving = holder(product, run_id)
    assert leaving.end() == 0
    # The lease is given back, not left to run out: the next look for abandoned runs finds it.
    began = time.monotonic()
    product.until_run(run_id, epoch=2, seconds=14)
    print(f"\ngone on {time.monotonic() - began:.1f} s after the worker left")
    assert "run handed over" in leaving.said()
    sandbox.control.latency(0)
    ended = product.wait(run_id)
    product.start_worker()
    assert (ended["status"], ended["counts"]["written"]) == ("succeeded", len(truth))
    assert equals_the_truth(both, sync, truth)


def test_a_worker_that_slept_past_its_lease_may_not_write_any_more(
    both: Pair, connection: str, truth: dict[str, str]
) -> None:
    product, sandbox = both
    sync, run_id = slow_run(both, connection)
    product.until_run(run_id, read=150)
    asleep = holder(product, run_id)
    os.kill(asleep.process.pid, signal.SIGSTOP)
    try:
        product.expire_lease(run_id)
        product.until_run(run_id, epoch=2, seconds=START)
    finally:
        os.kill(asleep.process.pid, signal.SIGCONT)
    until(lambda: "run lost to another worker" in asleep.said(), 30, "the sleeper to notice")
    sandbox.control.latency(0)
    ended = product.wait(run_id)
    assert (ended["status"], ended["counts"]["written"]) == ("succeeded", len(truth))
    assert equals_the_truth(both, sync, truth)


def test_each_of_many_runs_is_worked_on_by_one_of_two_workers(
    both: Pair, connection: str, truth: dict[str, str]
) -> None:
    product, sandbox = both
    until(lambda: heartbeats(product) >= 4, START, "two living workers, with two loops each")
    sandbox.control.latency(20)
    syncs = [product.make_sync(connection, {"kind": "users"}) for _ in range(8)]
    runs = [product.start(sync) for sync in syncs]
    assert {product.wait(run_id)["status"] for run_id in runs} == {"succeeded"}
    epochs = product.sql("SELECT epoch FROM sync_run WHERE id = ANY(%s)", [inner_id(r) for r in runs])
    assert epochs == [(1,)] * 8
    assert [sum(worker.took(run_id) for worker in product.workers) for run_id in runs] == [1] * 8
    assert {len(product.referrers(sync)) for sync in syncs} == {len(set(truth.values()))}


def test_syncs_of_one_campaign_at_once_share_its_referrers(
    both: Pair, connection: str, truth: dict[str, str]
) -> None:
    product, sandbox = both
    campaign = product.make_campaign()
    active = sandbox.control.segment_id("Active")
    audiences: list[Json] = [{"kind": "users"}, {"kind": "segments", "segment_ids": [active]}] * 2
    syncs = [product.make_sync(connection, audience, campaign_id=campaign) for audience in audiences]
    runs = [product.start(sync) for sync in syncs]
    ended = [product.wait(run_id) for run_id in runs]
    assert {run["status"] for run in ended} == {"succeeded"}
    assert sum(run["counts"]["created"] for run in ended) == len(set(truth.values()))
    assert set(product.referrers(syncs[0])) == set(truth.values())
    shown = product.call("GET", f"/campaigns/{campaign}")
    assert shown["referrers_count"] == len(set(truth.values()))


def heartbeats(product: Product) -> int:
    query = "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '10 s'"
    return int(product.sql(query)[0][0])


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="pal-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def test_a_run_goes_on_after_the_database_was_restarted(
    both: Pair, truth: dict[str, str], folder: Path
) -> None:
    sandbox = both[1]
    server = embedded.start(folder / "db")
    try:
        token = set_up(server.url, folder / "data")
        with start_product(sandbox.url, database=(server.url, token)) as product:
            sync, run_id = slow_run((product, sandbox), product.connect())
            for progress in ({"read": 150}, {"written": 200}):
                product.until_run(run_id, seconds=START, **progress)
                server.stop()
                server = embedded.start(folder / "db")
            sandbox.control.latency(0)
            ended = product.wait(run_id)
            assert (ended["status"], ended["error"]) == ("succeeded", None)
            assert ended["counts"]["written"] == len(truth)
            assert equals_the_truth((product, sandbox), sync, truth)
    finally:
        server.stop()


def test_upkeep_goes_on_while_every_place_for_runs_waits_for_the_crm(both: Pair) -> None:
    sandbox = both[1]
    with start_product(sandbox.url, workers=0) as product:
        product.start_worker(PASSALONG_WORKER_CONCURRENCY="1", PASSALONG_OUTAGE_PATIENCE_SECONDS="60")
        sync = product.make_sync(product.connect(), {"kind": "users"})
        sandbox.control.add_fault("500", match={"path": "/contacts/search"}, times=None)
        run_id = product.start(sync)
        product.wait(run_id, "waiting", seconds=START)
        defer = (
            "SELECT unnest(procrastinate_defer_jobs_v1(ARRAY[ROW('housekeeping', 'sync.start_due', 0, NULL, "
            """NULL, '{"timestamp": 0}', NULL)]::procrastinate_job_to_defer_v1[]))"""
        )
        [[job]] = product.sql(defer)
        there = "SELECT count(*) FROM procrastinate_jobs WHERE id = %s"
        product.until(lambda: product.sql(there, job) == [(0,)] or None, 30, "a job of upkeep to be done")
        assert product.show(run_id)["status"] == "waiting"
        sandbox.control.clear_faults()
        assert product.wait(run_id)["status"] == "succeeded"
        assert product.workers[0].end() == 0
