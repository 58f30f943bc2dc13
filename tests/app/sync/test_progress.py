"""Ongoing syncs read what changed, and everybody once a day."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from passalong.accounts.scope import in_workspace
from passalong.sync import connections, services
from passalong.sync.models import Connection, Run, Sync
from tests.support.crm import Crm, Person, unavailable
from tests.support.syncing import World, adds_up, work

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
# The CRM's clock is not ours: here it is years behind.
CRM_NOW = 1_600_000_000


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as coordinates:
        yield coordinates


def crm(count: int = 5) -> Crm:
    people = [Person(f"c{n}", f"p{n}@example.com", f"P{n}", updated=CRM_NOW + n) for n in range(count)]
    made = Crm(*people)
    made.tells_changes = True
    return made


def ongoing(made: Crm | None = None) -> World:
    """An ongoing sync that has read everybody twice, an hour apart: what was newest then is settled."""
    world = World(made or crm(), outbound=[])
    with in_workspace(world.workspace_id):
        services.change_sync(
            Sync.objects.get(pk=world.sync.pk), {"type": "ongoing", "interval_minutes": 60}, who="alice"
        )
    world.run()
    return world


def change(world: World, contact: str, name: str, at: int) -> None:
    person = world.crm.people[contact]
    person.name, person.updated = name, at


def sync(world: World) -> Sync:
    return Sync.everywhere.get(pk=world.sync.pk)


def read(run: Run) -> int:
    return run.read


def test_it_reads_everybody_first() -> None:
    world = World(crm(), outbound=[])
    with in_workspace(world.workspace_id):
        services.change_sync(Sync.objects.get(pk=world.sync.pk), {"type": "ongoing"}, who="alice")
    run = world.run()
    assert (run.read, run.since, run.newest, run.total) == (5, None, CRM_NOW + 4, 5)


def test_it_reads_only_what_changed_afterwards(clock: time_machine.Traveller) -> None:
    world = ongoing()
    clock.shift(HOUR)
    world.run()
    clock.shift(HOUR)
    change(world, "c1", "Another", CRM_NOW + 7_000)
    run = world.run()
    # Whoever bears the second of the newest change is read again: others may have changed within it.
    assert (run.read, run.updated, run.since) == (2, 1, CRM_NOW + 4)
    assert world.referrers()["p1@example.com"] == "Another"
    adds_up(run)


def test_it_reads_a_change_again_until_searches_must_know_of_its_neighbours(
    clock: time_machine.Traveller,
) -> None:
    world = ongoing()
    clock.shift(5 * MINUTE)
    assert world.run().read == 5
    clock.shift(HOUR)
    assert world.run().read == 5
    clock.shift(HOUR)
    assert world.run().read == 1


def test_it_finds_a_change_that_searches_showed_late(clock: time_machine.Traveller) -> None:
    world = ongoing()
    clock.shift(HOUR)
    world.run()
    clock.shift(HOUR)
    change(world, "c1", "Seen", CRM_NOW + 8_000)
    change(world, "c2", "Late", CRM_NOW + 7_990)
    world.crm.hidden.add("c2")
    world.run()
    assert world.referrers()["p2@example.com"] == "P2"
    world.crm.hidden.clear()
    clock.shift(5 * MINUTE)
    world.run()
    assert world.referrers()["p2@example.com"] == "Late"


def at_one_moment(count: int = 5) -> World:
    """Everybody changed in the second from which changes are read: nobody is too old."""
    made = crm(count)
    for person in made.people.values():
        person.updated = CRM_NOW
    return ongoing(made)


def test_it_reads_changes_again_when_the_way_on_was_missing(clock: time_machine.Traveller) -> None:
    world = at_one_moment()
    clock.shift(HOUR)
    world.run()
    clock.shift(HOUR)
    world.crm.cuts = 1
    walked = world.crm.walks[None]
    run = world.run()
    assert (run.status, run.since, run.read, world.crm.walks[None] - walked) == ("succeeded", CRM_NOW, 5, 2)


def test_it_does_not_move_on_from_changes_that_it_could_not_read(clock: time_machine.Traveller) -> None:
    world = at_one_moment()
    clock.shift(HOUR)
    world.run()
    clock.shift(HOUR)
    world.crm.cuts = 99
    for person in world.crm.people.values():
        person.updated = CRM_NOW + 7_000
    run = world.run()
    assert run.error is not None
    assert (run.status, run.error["code"], run.read) == ("partial", "audience_incomplete", 3)
    assert sync(world).read_until == CRM_NOW


def test_it_meets_everybody_in_two_walks_though_people_change_in_both(clock: time_machine.Traveller) -> None:
    world = at_one_moment()
    clock.shift(HOUR)
    world.run()
    clock.shift(HOUR)
    walked, called = world.crm.walks[None], world.crm.calls["page"]
    world.crm.at("page", called + 2, lambda: change(world, "c4", "Moved", CRM_NOW + 10))
    world.crm.at("page", called + 4, lambda: change(world, "c3", "Moved", CRM_NOW + 20))
    run = world.run()
    assert (run.status, run.read, world.crm.walks[None] - walked) == ("succeeded", 5, 2)


def test_it_reads_everybody_once_a_day(clock: time_machine.Traveller) -> None:
    world = ongoing()
    clock.shift(HOUR)
    world.run()
    clock.shift(22 * HOUR)
    assert world.run().read == 1
    clock.shift(2 * HOUR)
    run = world.run()
    assert (run.read, run.since) == (5, None)


def test_it_reads_everybody_when_asked(clock: time_machine.Traveller) -> None:
    world = ongoing()
    clock.shift(HOUR)
    world.run()
    clock.shift(HOUR)
    with in_workspace(world.workspace_id):
        run = services.start_run(sync(world), full=True)
    assert work(run).read == 5


def test_it_reads_everybody_under_other_settings(clock: time_machine.Traveller) -> None:
    world = ongoing()
    clock.shift(HOUR)
    world.run()
    with in_workspace(world.workspace_id):
        services.change_sync(sync(world), {"contact_policy": {"unsubscribed": "skip"}}, who="alice")
    clock.shift(HOUR)
    assert world.run().read == 5


def test_it_reads_everybody_when_a_connection_is_healed(clock: time_machine.Traveller) -> None:
    world = ongoing()
    clock.shift(HOUR)
    world.run()
    with in_workspace(world.workspace_id):
        connections.needs_attention(world.connection.pk)
        connections.recheck(Connection.objects.get(pk=world.connection.pk))
    assert sync(world).next_run_at == START + HOUR
    assert world.run().read == 5


def test_it_goes_on_where_it_was_after_a_run_that_failed(clock: time_machine.Traveller) -> None:
    world = ongoing()
    clock.shift(HOUR)
    world.run()
    clock.shift(HOUR)
    change(world, "c1", "Another", CRM_NOW + 7_000)
    world.crm.at("page", world.crm.calls["page"] + 1, unavailable())
    assert world.run().status == "failed"
    change(world, "c2", "Later", CRM_NOW + 9_000)
    run = world.run()
    assert (run.updated, run.since) == (2, CRM_NOW + 4)


def test_it_takes_nobody_for_gone_who_did_not_change(clock: time_machine.Traveller) -> None:
    world = ongoing()
    with in_workspace(world.workspace_id):
        services.change_sync(sync(world), {"on_leave": "remove"}, who="alice")
    for _ in range(6):
        clock.shift(HOUR)
        run = world.run()
        assert (run.left, run.status) == (0, "succeeded")
    assert len(world.referrers()) == 5


def test_it_previews_what_a_run_would_read(clock: time_machine.Traveller) -> None:
    world = ongoing()
    clock.shift(HOUR)
    world.run()
    clock.shift(HOUR)
    change(world, "c1", "Another", CRM_NOW + 7_000)
    preview = world.preview()
    run = world.run()
    numbers = [(one.read, one.updated, one.unchanged) for one in (preview, run)]
    assert numbers == [(2, 1, 1), (2, 1, 1)]


def test_it_is_not_led_past_changes_by_a_moment_still_to_come(clock: time_machine.Traveller) -> None:
    made = crm()
    made.people["c0"].updated = int(START.timestamp()) + 10 * 86_400
    for person in list(made.people.values())[1:]:
        person.updated = int(START.timestamp()) - 7_000
    world = ongoing(made)
    clock.shift(HOUR)
    world.run()
    clock.shift(HOUR)
    change(world, "c1", "Another", int(START.timestamp()) + 7_100)
    assert world.run().updated == 1


def test_it_reads_everybody_where_the_crm_cannot_tell_changes(clock: time_machine.Traveller) -> None:
    made = crm()
    made.tells_changes = False
    world = ongoing(made)
    clock.shift(HOUR)
    assert world.run().read == 5
