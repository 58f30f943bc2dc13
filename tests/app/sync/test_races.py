"""Several at once: two syncs of one campaign, the API beside a page, and people who are deleted meanwhile."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection as database
from django.db import connections, transaction

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.core.problems import Problem
from passalong.referrers.models import Referrer
from passalong.sync.models import ContactLink, Run
from tests.support.crm import Crm, Part, Person
from tests.support.syncing import World, adds_up, counts, outcomes

pytestmark = pytest.mark.django_db(transaction=True)


def crowd(*names: str, prefix: str = "c") -> Crm:
    people = (Person(f"{prefix}{one}", f"{name}@example.com", name) for one, name in enumerate(names, 1))
    return Crm(*people, page_size=5)


def together(*actions: Callable[[], object]) -> None:
    """Do these at the same time, each in a thread of its own."""
    gate = threading.Barrier(len(actions))

    def act(action: Callable[[], object]) -> None:
        gate.wait()
        try:
            action()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=act, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def meanwhile(action: Callable[[], object]) -> Iterator[None]:
    """Leave a transaction open until `action`, in another thread, waits for it; then commit and join."""
    thread = threading.Thread(target=together, args=[action])
    with transaction.atomic():
        yield
        thread.start()
        while not _somebody_waits():
            assert thread.is_alive()
    thread.join()


def _somebody_waits() -> bool:
    with database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")
        return bool(cursor.fetchone()[0])


def run_of(world: World) -> Run:
    return Run.everywhere.filter(sync=world.sync).latest("id")


def test_it_makes_nobody_twice_when_two_syncs_of_a_campaign_run_at_once() -> None:
    names = [f"p{one}" for one in range(40)]
    first = World(crowd(*names))
    second = World(crowd(*reversed(names), "new", prefix="d"), beside=first)

    together(first.run, second.run)

    runs = [run_of(first), run_of(second)]
    assert [run.status for run in runs] == ["succeeded", "succeeded"]
    assert [run.read for run in runs] == [40, 41]
    assert all(adds_up(run) for run in runs)
    assert sum(run.created for run in runs) == len(first.referrers()) == 41
    assert Campaign.everywhere.get(pk=first.campaign.pk).referrers_count == 41


def test_it_links_everybody_once_when_two_syncs_of_one_crm_run_at_once() -> None:
    first = World(crowd(*(f"p{one}" for one in range(40))))
    second = World(first.crm, beside=first)

    together(first.run, second.run)

    assert [run_of(world).status for world in (first, second)] == ["succeeded", "succeeded"]
    assert ContactLink.objects.filter(campaign=first.campaign).count() == 40
    assert first.linked_to() == {f"c{one}": f"p{one - 1}@example.com" for one in range(1, 41)}


def test_it_takes_the_referrer_whom_the_api_adds_at_the_same_moment() -> None:
    world = World(crowd("ann", "bea"))

    with meanwhile(world.run):
        world.add("bea@example.com", first_name="Beatrice", phone="1")

    run = run_of(world)
    assert outcomes(run) == {"c1": "created", "c2": "updated"}
    assert (run.status, world.referrers()) == (
        "succeeded",
        {"ann@example.com": "ann", "bea@example.com": "bea"},
    )
    assert Campaign.everywhere.get(pk=world.campaign.pk).referrers_count == 2


def test_it_merges_with_somebody_whom_the_api_adds_at_the_same_moment() -> None:
    world = World(crowd("ann"))
    world.run()
    world.crm.people["c1"].email = "new@example.com"

    with meanwhile(world.run):
        world.add("new@example.com")

    assert outcomes(run_of(world)) == {"c1": "updated"}
    assert world.referrers() == {"new@example.com": "ann"}
    assert Campaign.everywhere.get(pk=world.campaign.pk).referrers_count == 1


def test_it_makes_a_referrer_again_who_is_deleted_at_the_same_moment() -> None:
    world = World(crowd("ann"))
    world.run()
    world.crm.people["c1"].seen = 9
    world.crm.people["c2"] = Person("c2", "ann@example.com", "Ann")

    with meanwhile(world.run):
        Referrer.everywhere.filter(campaign=world.campaign).delete()

    run = run_of(world)
    assert (run.status, counts(run)) == ("succeeded", {"read": 2, "created": 1, "duplicate": 1})
    assert world.links() == {"c1": "ann@example.com", "c2": "ann@example.com"}


def test_it_bears_another_sync_that_links_one_of_its_people_in_the_middle() -> None:
    first = World(Crm(Person("c1", "ann@example.com", "One", "lead")))
    second = World(first.crm, beside=first)

    def interfere() -> None:
        first.crm.people["c3"] = Person("c3", "ann@example.com", "Three", seen=3)
        first.crm.parts = [Part([["c3"]])]
        second.run()
        first.crm.people["c2"] = Person("c2", "ann@example.com", "Two", seen=2)
        first.crm.people["c3"].name = "Thrice"
        first.crm.parts = [Part([["c1"], ["c2", "c3"]])]

    first.crm.parts = [Part([["c1"], []])]
    first.crm.at("page", 2, interfere)
    run = first.run()

    assert (run.status, run.read, adds_up(run)) == ("succeeded", 3, True)
    assert first.links() == dict.fromkeys(["c1", "c2", "c3"], "ann@example.com")


def test_it_lets_only_one_of_two_runs_of_a_sync_begin() -> None:
    world = World(crowd("ann"))
    refused: list[str] = []

    def start() -> None:
        with in_workspace(world.workspace_id):
            try:
                world.start()
            except Problem as problem:
                refused.append(problem.code)

    together(start, start, start)

    assert refused == ["run_in_progress", "run_in_progress"]
    assert Run.everywhere.filter(sync=world.sync).count() == 1


def test_it_decides_people_spread_over_two_transactions_as_one() -> None:
    """Each address stands in two slices, which two transactions work on at once."""
    users = [Person(f"u{n}", f"p{n}@example.com", f"User {n}", "user", n) for n in range(60)]
    leads = [Person(f"l{n}", f"P{n}@example.com", f"Lead {n}", "lead", 99) for n in range(60)]
    world = World(Crm(*users, *leads))
    world.crm.parts = [
        Part([[f"u{n}" for n in range(at, at + 6)] for at in range(0, 60, 6)]),
        Part([[f"l{n}" for n in range(at, at + 6)] for at in range(54, -1, -6)]),
    ]

    run = world.run()

    assert (run.status, counts(run)) == ("succeeded", {"read": 120, "created": 60, "duplicate": 60})
    assert world.referrers() == {f"p{n}@example.com": f"User {n}" for n in range(60)}
