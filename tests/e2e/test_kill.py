"""SIGKILL again and again in the middle of one run: it must end exactly as an undisturbed run does."""

import os
import random
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.support.process import free_port, until
from tests.support.product import LINK_OUT, Product, inner_id, start_product
from tests.support.sandbox import Sandbox, start_sandbox

Json = dict[str, Any]
CONTACTS = 5_000
SEED = 2
# `./scripts/bench kill` asks for 20; see there.
KILLS = int(os.environ.get("PASSALONG_TEST_KILLS", "4"))
FIELD = "Referral Link"
START = 60.0


class Kill(NamedTuple):
    """When to kill: once this column has this value, and then a little later."""

    column: str
    value: int | str
    later: float


class Result(NamedTuple):
    """All that a run leaves, without ids, codes and times."""

    run: tuple[Any, ...]
    campaign: list[tuple[Any, ...]]
    partitions: list[tuple[Any, ...]]
    referrers: list[tuple[Any, ...]]
    links: list[tuple[Any, ...]]
    records: list[tuple[Any, ...]]
    outbox: list[tuple[Any, ...]]
    crm: list[Json]


QUERIES = {
    "run": """
        SELECT status, phase, kind, total, read, created, updated, unchanged, duplicate, skipped, failed,
            "left", write_backs_due, written, write_backs_failed, error::text, lease_until, waiting_until
        FROM sync_run WHERE id = %(run)s""",
    "campaign": "SELECT name, referrers_count FROM campaigns_campaign WHERE id = %(campaign)s",
    "partitions": """
        SELECT position, spec::text, cursor, attempt, pages, seen, total_first, complete
        FROM sync_partition WHERE run_id = %(run)s ORDER BY position""",
    "referrers": """
        SELECT email, first_name, last_name, phone, fields::text, status, source, visits_count,
            referrals_count, converted_referrals_count
        FROM referrers_referrer WHERE campaign_id = %(campaign)s ORDER BY email""",
    "links": """
        SELECT l.external_id, f.email, l.role, l.last_seen_at FROM sync_contactlink l
        JOIN referrers_referrer f ON f.id = l.referrer_id
        WHERE l.campaign_id = %(campaign)s ORDER BY l.external_id""",
    "records": """
        SELECT r.external_id, r.mark, r.email, r.role, r.last_seen_at, r.mapped::text, r.before::text,
            f.email, r.outcome, r.reason, r.message, r.write_back
        FROM sync_runrecord r LEFT JOIN referrers_referrer f ON f.id = r.referrer_id
        WHERE r.run_id = %(run)s ORDER BY r.external_id""",
    "outbox": """
        SELECT w.external_id, f.email, w.pending, replace(w.remote::text, f.code, '<code>'),
            replace(w.sent::text, f.code, '<code>')
        FROM sync_writeback w JOIN referrers_referrer f ON f.id = w.referrer_id
        WHERE w.sync_id = %(sync)s ORDER BY w.external_id""",
}


def result(product: Product, sandbox: Sandbox, sync: Json, run_id: str) -> Result:
    ids = {
        "run": inner_id(run_id),
        "sync": inner_id(sync["id"]),
        "campaign": inner_id(sync["campaign_id"]),
    }
    found: dict[str, Any] = {name: product.select(query, ids) for name, query in QUERIES.items()}
    found["run"] = found["run"][0]
    codes = "SELECT l.external_id, f.code FROM sync_contactlink l JOIN referrers_referrer f"
    where = "ON f.id = l.referrer_id WHERE l.campaign_id = %(campaign)s"
    code_of = dict(product.select(f"{codes} {where}", ids))
    crm = sandbox.control.digest(full=True)["data"]
    for contact in crm:
        held = contact["custom_attributes"]
        if FIELD in held and contact["id"] in code_of:
            held[FIELD] = held[FIELD].replace(code_of[contact["id"]], "<code>")
    return Result(**found, crm=crm)


def plan_of(kills: int, undisturbed: Json) -> list[Kill]:
    """Random instants, spread over plan, read and write-back, in the order a run meets them."""
    chance = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    planning, reading = max(1, kills // 10), max(2, kills * 4 // 10)
    counts = undisturbed["counts"]
    reads = sorted(chance.randrange(0, counts["read"] * 9 // 10) for _ in range(reading))
    writes = sorted(
        chance.randrange(0, counts["written"] * 95 // 100) for _ in range(kills - planning - reading)
    )
    return [
        *(Kill("phase", "plan", chance.uniform(0, 0.2)) for _ in range(planning)),
        *(Kill("read", value, chance.uniform(0, 0.1)) for value in reads),
        *(Kill("written", value, chance.uniform(0, 0.1)) for value in writes),
    ]


@pytest.fixture
def product_and_port() -> Iterator[tuple[Product, int]]:
    """The product without a worker, and the port at which the test puts up one sandbox after the other."""
    port = free_port()
    with start_product(f"http://127.0.0.1:{port}", workers=0) as product:
        yield product, port


def prepared(product: Product) -> Json:
    """A sync of everybody in a campaign of its own, with the link written back."""
    connection = product.connect()
    product.make_field(connection)
    return product.make_sync(connection, {"kind": "all"}, outbound=LINK_OUT)


def undisturbed_run(product: Product, port: int) -> tuple[Json, Result]:
    with start_sandbox(contacts=CONTACTS, port=port) as sandbox:
        sync = prepared(product)
        product.start_worker()
        run_id = product.start(sync)
        ended = product.wait(run_id, seconds=120)
        assert product.workers[-1].end() == 0
        return ended, result(product, sandbox, sync, run_id)


def killed_run(product: Product, port: int, kills: list[Kill]) -> tuple[Json, Result, int]:
    """Also the epoch: how many workers have had the run."""
    with start_sandbox(contacts=CONTACTS, port=port, latency_ms=150) as sandbox:
        sync = prepared(product)
        standby = product.start_worker()
        run_id = product.start(sync)
        for number, kill in enumerate(kills, 1):
            until(lambda: product.watch(run_id)["epoch"] == number, START, f"worker {number}")  # noqa: B023
            victim, standby = standby, product.start_worker()
            sandbox.control.latency(40 if kill.column == "written" else 150)
            seen = product.until_run(run_id, seconds=START, **{kill.column: kill.value})
            time.sleep(kill.later)  # the instant itself is what is random
            victim.kill()
            product.expire_lease(run_id)
            print(f"kill {number} in {seen['phase']}, read {seen['read']}, written {seen['written']}")
        until(lambda: product.watch(run_id)["epoch"] > len(kills), START, "the last worker")
        sandbox.control.latency(0)
        ended = product.wait(run_id, seconds=120)
        return ended, result(product, sandbox, sync, run_id), product.watch(run_id)["epoch"]


def test_a_run_killed_again_and_again_ends_as_an_undisturbed_one(
    product_and_port: tuple[Product, int],
) -> None:
    product, port = product_and_port
    expected_run, expected = undisturbed_run(product, port)
    began = time.monotonic()
    ended, found, epoch = killed_run(product, port, plan_of(KILLS, expected_run))
    print(
        f"{KILLS} kills, {time.monotonic() - began:.0f} s, {epoch} workers had it; "
        f"read {ended['counts']['read']}, created {ended['counts']['created']}, "
        f"written {ended['counts']['written']}; "
        f"{ended['api_calls']} calls against {expected_run['api_calls']}"
    )
    assert epoch == KILLS + 1
    assert ended["status"] == "succeeded"
    assert sum(FIELD in contact["custom_attributes"] for contact in found.crm) == ended["counts"]["written"]
    for name in Result._fields:
        assert getattr(found, name) == getattr(expected, name), name
