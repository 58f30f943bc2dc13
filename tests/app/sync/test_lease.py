"""Who may work on a run, and what pause, resume and cancel do to it."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import ParamSpec, TypeVar

import pytest
from django.db import OperationalError

from passalong.accounts.scope import in_workspace
from passalong.core.clock import now
from passalong.core.dbthread import DbThread
from passalong.core.problems import Problem
from passalong.referrers.models import Referrer
from passalong.sync import services
from passalong.sync.checkpoints import PageRead, plan_partitions
from passalong.sync.connections import disconnect
from passalong.sync.instruction import Instruction, Judged
from passalong.sync.lease import Claim, LeaseLostError, abandoned_runs, claim, go_on_if_resumed, keep, let_go
from passalong.sync.models import Connection, Partition, Run, Sync
from passalong.sync.records import Contact, Slice
from passalong.sync.run import conduct
from passalong.sync.settle import settle
from passalong.sync.upsert import apply_pages
from passalong.sync.write_back import record
from tests.support.crm import Crm, Person, revoked, unavailable
from tests.support.syncing import Kill, World, counts, expire, outcomes, survive, work

pytestmark = pytest.mark.django_db(transaction=True)

P = ParamSpec("P")
T = TypeVar("T")
ALICE = Contact("c1", "user", {"email": "a@example.com", "name": "A"})
JUDGED = Judged(ALICE, "a@example.com", {"email": "a@example.com", "first_name": "A"})
PAGE = PageRead(0, 1, False, ["c1"], [JUDGED], None, 1)


def crowd(number: int = 9) -> Crm:
    return Crm(*(Person(f"c{one}", f"p{one}@example.com", f"P{one}") for one in range(1, number + 1)))


def claimed(run: Run) -> Claim:
    held = claim(run.pk)
    assert held is not None
    return held


def taken_over() -> tuple[Claim, Claim]:
    """The claim of a worker that slept through its lease, and that of the one who has the run now."""
    run = World(crowd(1)).start()
    old = claimed(run)
    plan_partitions(old, [Slice("include", 1)], 1)
    expire(run)
    return old, claimed(run)


def test_it_gives_a_run_to_one_worker() -> None:
    run = World(crowd()).start()

    assert claimed(run).epoch == 1
    assert claim(run.pk) is None


def test_it_gives_a_run_whose_worker_died_to_another() -> None:
    old, new = taken_over()

    assert (old.epoch, new.epoch) == (1, 2)


def test_it_lets_a_worker_that_lost_its_lease_commit_no_page() -> None:
    old, _ = taken_over()

    with pytest.raises(LeaseLostError):
        apply_pages(old, Instruction.of(old.instruction), [PAGE], 1)

    assert (Referrer.everywhere.count(), Partition.objects.get().seen) == (0, 0)


def test_it_lets_a_worker_that_lost_its_lease_do_nothing_else_either() -> None:
    old, _ = taken_over()

    for act in (keep, plan, conclude):
        with pytest.raises(LeaseLostError):
            act(old)
    assert let_go(old) is False
    assert settle(old) is None  # type: ignore[func-returns-value]


def plan(held: Claim) -> None:
    plan_partitions(held, [Slice("include", 7)], 1)


def conclude(held: Claim) -> None:
    record(held, [], 1)


def test_it_lets_the_new_worker_commit() -> None:
    _, new = taken_over()

    apply_pages(new, Instruction.of(new.instruction), [PAGE], 1)

    assert list(Referrer.everywhere.values_list("email", flat=True)) == ["a@example.com"]


def test_it_applies_a_page_twice_as_once() -> None:
    _, new = taken_over()

    for _ in range(2):
        apply_pages(new, Instruction.of(new.instruction), [PAGE], 1)

    assert counts(Run.everywhere.get(pk=new.run_id)) == {"read": 1, "created": 1}


def test_it_walks_a_short_slice_again_though_nobody_heard_of_the_commit() -> None:
    _, new = taken_over()
    short = PageRead(0, 1, False, ["c1"], [JUDGED], None, 7)

    heard = [apply_pages(new, Instruction.of(new.instruction), [short], 1).restart for _ in range(2)]

    assert heard == [{0}, {0}]


def test_it_gives_a_run_back_that_can_be_taken_at_once() -> None:
    run = World(crowd()).start()
    let_go(claimed(run))

    assert claimed(run).epoch == 2


def test_it_does_not_give_out_a_run_that_has_ended() -> None:
    assert claim(World(crowd(1)).run().pk) is None


@pytest.mark.parametrize(
    ("status", "lease", "age", "found"),
    [
        ("queued", None, 10, True),
        ("queued", None, 0, False),
        ("running", -1, 10, True),
        ("waiting", -1, 10, True),
        ("running", 10, 10, False),
        ("paused", None, 10, False),
        ("succeeded", None, 10, False),
    ],
)
def test_it_finds_runs_that_nobody_works_on(status: str, lease: int | None, age: int, found: bool) -> None:
    run = World(crowd()).start()
    Run.everywhere.filter(pk=run.pk).update(
        status=status,
        lease_until=None if lease is None else now() + timedelta(seconds=lease),
        created_at=now() - timedelta(seconds=age),
    )

    assert abandoned_runs() == ([run.pk] if found else [])


def test_it_keeps_its_place_when_paused_and_goes_on_when_resumed() -> None:
    world = World(crowd(9))
    world.crm.at("page", 3, lambda: pause(world), hang=True)
    world.crm.paced = True

    paused = world.run()
    assert (paused.status, counts(paused)) == ("paused", {"read": 6, "created": 6})
    assert paused.finished_at is None

    with in_workspace(world.workspace_id):
        services.resume_sync(world.sync, who="alice@example.com")
    run = work(paused)

    assert (run.status, counts(run)) == ("succeeded", {"read": 9, "created": 9})
    assert world.crm.walks["0"] == 1


def test_it_goes_on_when_resumed_before_the_pause_was_stored() -> None:
    world = World(crowd(9))
    held = claimed(world.start())
    let_go(held, status="paused")

    go_on_if_resumed(held)

    assert Run.everywhere.get(pk=held.run_id).status == "queued"


def test_it_cancels_a_paused_run_when_disconnected() -> None:
    world = World(crowd(9))
    run = world.start()
    Run.everywhere.filter(pk=run.pk).update(status="paused")

    with in_workspace(world.workspace_id):
        disconnect(world.connection)

    assert Run.everywhere.get(pk=run.pk).status == "cancelled"


def pause(world: World) -> None:
    with in_workspace(world.workspace_id):
        services.pause_sync(world.sync, who="alice@example.com")


def test_it_keeps_what_is_done_when_cancelled() -> None:
    world = World(crowd(9))

    def cancel() -> None:
        with in_workspace(world.workspace_id):
            services.cancel_run(Run.objects.get(sync=world.sync))

    world.crm.at("page", 3, cancel, hang=True)
    world.crm.paced = True
    run = world.run()

    assert (run.status, run.read, len(world.referrers())) == ("cancelled", 6, 6)
    assert run.finished_at is not None
    assert world.run().status == "succeeded"


def test_it_pauses_a_run_that_waits_in_the_queue() -> None:
    world = World(crowd(3))
    run = world.start()
    pause(world)

    assert work(run).status == "paused"


def test_it_starts_no_run_of_a_paused_sync() -> None:
    world = World(crowd(3))
    pause(world)

    with pytest.raises(Problem, match="paused"):
        world.start()


def test_it_previews_a_paused_sync() -> None:
    world = World(crowd(3))
    pause(world)

    assert counts(world.preview()) == {"read": 3, "created": 3}


def test_it_cancels_a_run_that_was_paused() -> None:
    world = World(crowd(3))
    run = world.start()
    pause(world)
    with in_workspace(world.workspace_id):
        services.cancel_run(run)

    assert Run.everywhere.get(pk=run.pk).status == "cancelled"


def test_it_finishes_the_way_back_after_a_death_in_the_middle() -> None:
    world = World(crowd(5))
    run, _ = survive(world, [Kill(nth=5, before=False), Kill(nth=3, before=True)])

    assert (run.status, run.written, sorted(world.linked_to())) == (
        "succeeded",
        5,
        ["c1", "c2", "c3", "c4", "c5"],
    )


@pytest.mark.parametrize("before", [True, False])
def test_it_survives_a_death_at_every_commit(before: bool) -> None:
    """Dies at the first commit, is taken over, dies at the second, … until nothing is left to do."""
    world = World(crowd(7))
    run, added_up = survive(world, [Kill(nth, before) for nth in range(1, 12)])

    assert (run.status, counts(run), added_up) == ("succeeded", {"read": 7, "created": 7}, True)
    assert outcomes(run) == {f"c{one}": "created" for one in range(1, 8)}


def test_it_asks_for_a_new_token_when_the_old_one_is_revoked() -> None:
    world = World(crowd(3))
    world.crm.at("page", 1, revoked())

    world.run()

    assert Connection.everywhere.get(pk=world.connection.pk).status == "needs_attention"


def test_it_keeps_the_instruction_of_a_run_under_way() -> None:
    world = World(crowd(3))
    run = world.start()
    Sync.everywhere.filter(pk=world.sync.pk).update(outbound=[])

    assert work(run).written == 3


def test_it_counts_the_calls_of_all_its_workers() -> None:
    world = World(crowd(9), outbound=[])
    world.crm.at("page", 4, unavailable())
    run, _ = survive(world, [Kill(nth=4, before=False)])

    assert run.api_calls >= sum(world.crm.calls.values()) - 1 - world.crm.calls["open"]


class AwayDb(DbThread):
    """A database that comes back just after a worker gave up asking for the nth time."""

    def __init__(self, nth: int) -> None:
        super().__init__(patience=0.0)
        self.nth, self.asked = nth, 0

    def beside(self) -> DbThread:
        return self

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.asked += 1
        if self.asked == self.nth:
            raise OperationalError("the connection is closed")
        return await super().__call__(function, *args, **kwargs)


@pytest.mark.parametrize("nth", range(2, 11))
def test_it_goes_on_after_the_database_was_away_for_longer_than_a_worker_waits(nth: int) -> None:
    world = World(crowd(5))
    run = world.start()

    left = work(run, AwayDb(nth))
    found = (left.status, left.error, left.finished_at, left.lease_until is not None)
    expire(run)
    ended = work(run)

    assert found == ("running", None, None, True)
    assert abandoned_runs() == []
    assert (ended.status, counts(ended), ended.written) == ("succeeded", {"read": 5, "created": 5}, 5)


def test_it_obeys_and_keeps_its_lease_while_all_threads_that_jobs_share_are_busy() -> None:
    world = World(crowd(1))
    world.crm.at("page", 1, None)
    run = world.start()
    Run.everywhere.filter(pk=run.pk).update(cancel_requested=True)
    free = threading.Event()

    async def conduct_among_long_jobs() -> None:
        shared = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(shared)
        shared.submit(free.wait)
        try:
            await asyncio.wait_for(conduct(run.pk), 15)
        finally:
            free.set()

    asyncio.run(conduct_among_long_jobs())

    assert Run.everywhere.get(pk=run.pk).status == "cancelled"
