"""A CRM that loses, repeats, miscounts, loops and refuses: nothing is lost in silence."""

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pytest

from passalong.core.dbthread import DbThread
from passalong.sync.errors import SyncError
from passalong.sync.upsert import apply_pages
from tests.support.crm import EVERY_ERROR, Crm, Part, Person, nonsense, rejected, unavailable
from tests.support.syncing import World, counts, outcomes

pytestmark = pytest.mark.django_db(transaction=True)

P = ParamSpec("P")
T = TypeVar("T")


def crowd(number: int = 7) -> Crm:
    return Crm(*(Person(f"c{one}", f"p{one}@example.com", f"P{one}") for one in range(1, number + 1)))


def test_it_reads_nobody_from_an_empty_audience() -> None:
    world = World(Crm())
    world.crm.parts = []

    run = world.run()

    assert (run.status, run.total, counts(run)) == ("succeeded", 0, {})


def test_it_reads_again_when_a_contact_was_missing_once() -> None:
    world = World(crowd())
    world.crm.lost = {"c5": 1}

    run = world.run()

    assert (run.status, counts(run)) == ("succeeded", {"read": 7, "created": 7})
    assert world.crm.walks["0"] == 2


def test_it_says_so_when_a_contact_is_missing_for_good() -> None:
    world = World(crowd())
    world.crm.lost = {"c5": 99}

    run = world.run()

    assert (run.status, counts(run)) == ("partial", {"read": 6, "created": 6})
    assert run.error is not None
    assert run.error["code"] == "audience_incomplete"
    assert world.crm.walks["0"] == 3


def test_it_does_not_let_a_repeated_contact_stand_for_a_lost_one() -> None:
    world = World(crowd(4))
    world.crm.parts = [Part([["c1", "c2"], ["c2", "c1"], ["c3", "c4"]])]
    world.crm.lost = {"c4": 1}

    run = world.run()

    assert counts(run) == {"read": 4, "created": 4}
    assert world.crm.walks["0"] == 2


def test_it_counts_a_repeated_contact_once() -> None:
    world = World(crowd(3))
    world.crm.parts = [Part([["c1", "c1", "c2"], ["c2", "c3"], ["c1"]])]

    assert counts(world.run()) == {"read": 3, "created": 3}


def test_it_counts_somebody_in_two_slices_once() -> None:
    world = World(crowd(3))
    world.crm.parts = [Part([["c1", "c2"]]), Part([["c2"], ["c3", "c1"]])]

    run = world.run()

    assert (run.status, run.total, counts(run)) == ("succeeded", 3, {"read": 3, "created": 3})


def test_it_reports_a_count_that_is_too_high() -> None:
    world = World(crowd(3))
    world.crm.total_off_by = 5

    run = world.run()

    assert (run.status, counts(run)) == ("partial", {"read": 3, "created": 3})


def test_it_bears_a_count_that_is_too_low() -> None:
    world = World(crowd(7))
    world.crm.total_off_by = -4

    run = world.run()

    assert (run.status, run.total, run.read) == ("succeeded", 7, 7)


def test_it_bears_people_who_join_and_leave_while_it_reads() -> None:
    world = World(crowd(9))
    ids = sorted(world.crm.people)
    world.crm.parts = [Part([ids[:3], ids[3:6], ids[6:]])]

    def move() -> None:
        world.crm.people["new"] = Person("new", "new@example.com", "New")
        world.crm.parts = [Part([["c1", "c3"], ids[3:6], [*ids[6:], "new"]])]

    world.crm.at("page", 2, move)
    run = world.run()

    assert (run.status, run.read) == ("succeeded", 10)


def test_it_stops_loudly_when_the_crm_leads_in_a_circle() -> None:
    world = World(crowd(9))
    world.crm.loops = True

    run = world.run()

    assert run.error is not None
    assert (run.status, run.error["code"]) == ("failed", "crm_paging_loop")
    assert world.crm.walks["0"] == 3


def test_it_reads_a_slice_again_when_a_page_pointed_back_once() -> None:
    world = World(crowd(9))
    world.crm.loops = 1

    run = world.run()

    assert (run.status, counts(run)) == ("succeeded", {"read": 9, "created": 9})
    assert world.crm.walks["0"] == 2


def test_it_begins_only_the_slice_again_whose_cursor_was_refused() -> None:
    world = World(crowd(6))
    world.crm.parts = [Part([["c1", "c2"], ["c3"]]), Part([["c4", "c5"], ["c6"]])]
    world.crm.at("page", 3, rejected())

    run = world.run()

    assert (run.status, counts(run)) == ("succeeded", {"read": 6, "created": 6})
    assert sorted(world.crm.walks.values()) == [1, 2]


def test_it_gives_up_when_every_cursor_is_refused() -> None:
    world = World(crowd(6))
    for call in range(2, 20):
        world.crm.at("page", call, rejected())

    run = world.run()

    assert run.error is not None
    assert (run.status, run.error["code"]) == ("failed", "cursor_rejected")


def test_it_notices_a_loss_after_a_refused_cursor() -> None:
    world = World(crowd(3))
    world.crm.parts = [Part([["c1", "c2"], ["c3"]])]
    world.crm.at("page", 2, rejected())
    world.crm.lost = {"c3": 2}

    run = world.run()

    assert (run.status, counts(run)) == ("succeeded", {"read": 3, "created": 3})
    assert world.crm.walks["0"] == 3


def test_it_leaves_out_who_is_excluded() -> None:
    world = World(crowd(4))
    world.crm.parts = [Part([["c1", "c2"], ["c3", "c4"]]), Part([["c2"], ["c3"]], "exclude")]

    run = world.run()

    assert outcomes(run) == {
        "c1": "created",
        "c2": "skipped excluded",
        "c3": "skipped excluded",
        "c4": "created",
    }


def test_it_takes_nobody_in_when_it_cannot_know_who_is_excluded() -> None:
    world = World(crowd(4))
    world.crm.parts = [Part([["c1", "c2"], ["c3", "c4"]]), Part([["c2"], ["c3"]], "exclude")]
    world.crm.lost = {"c3": 9}

    run = world.run()

    assert run.error is not None
    assert (run.status, run.error["code"]) == ("failed", "exclusion_incomplete")
    assert world.referrers() == {}


def test_it_stops_a_crm_that_never_ends() -> None:
    world = World(crowd(2))
    world.crm.parts = [Part([["c1", "c2"]] * 600)]

    run = world.run()

    assert run.error is not None
    assert (run.status, run.error["code"]) == ("failed", "crm_paging_loop")


def test_it_skips_an_address_with_letters_that_python_does_not_know_yet() -> None:
    world = World(Crm(Person("c1", "a@\ua7da.example.com", "A"), Person("c2", "b@example.com", "B")))

    assert outcomes(world.run()) == {"c1": "skipped invalid_email", "c2": "created"}


@pytest.mark.parametrize("error", [one() for one in EVERY_ERROR], ids=lambda error: error.code)
@pytest.mark.parametrize("call", [1, 2])
def test_it_keeps_what_it_read_and_finishes_in_the_next_run(error: SyncError, call: int) -> None:
    world = World(crowd(7))
    world.crm.at("page", call, error)

    cut = world.run()
    whole = world.run()

    assert (cut.status, cut.error) == ("failed", error.as_dict())
    assert cut.finished_at is not None
    assert (whole.status, whole.read, len(world.referrers())) == ("succeeded", 7, 7)


def test_it_fails_before_reading_when_there_is_no_plan() -> None:
    world = World(crowd(3))
    world.crm.at("plan", 1, unavailable())

    run = world.run()

    assert (run.status, run.phase, counts(run)) == ("failed", "plan", {})


class LateDb(DbThread):
    """A database whose answer about a page arrives in the moment in which the readers are called off."""

    def __init__(self) -> None:
        super().__init__()
        self.applied = threading.Event()

    def beside(self) -> DbThread:
        return self

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        result = await super().__call__(function, *args, **kwargs)
        if function is apply_pages:
            self.applied.set()
            await self._until_called_off()
        return result

    async def _until_called_off(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_soon(task.cancel)


def test_it_says_what_stopped_a_reader_though_another_page_was_applied_meanwhile() -> None:
    world, db = World(crowd(2)), LateDb()
    world.crm.parts = [Part([["c1"]]), Part([["c2"]])]

    def fail_once_the_other_page_is_applied() -> None:
        db.applied.wait(20)
        raise nonsense()

    world.crm.at("page", 2, fail_once_the_other_page_is_applied)

    run = world.run(db)

    assert (run.status, run.error and run.error["code"]) == ("failed", "crm_nonsense")
