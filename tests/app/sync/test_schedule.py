"""Ongoing syncs run by the clock, once for each time that has come."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from passalong.accounts.scope import in_workspace
from passalong.core.problems import Problem
from passalong.sync import connections, schedule, services
from passalong.sync.models import Connection, ConnectionStatus, Run, RunKind, RunStatus, Sync
from tests.support.crm import Crm, Person, nonsense, revoked, unavailable
from tests.support.syncing import World, work

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as coordinates:
        yield coordinates


def ongoing(minutes: int = 60) -> World:
    """An ongoing sync whose first run is done."""
    world = World(Crm(Person("c1", "a@example.com", "A")))
    change(world, type="ongoing", interval_minutes=minutes)
    world.run()
    return world


def change(world: World, **changes: object) -> Sync:
    with in_workspace(world.workspace_id):
        return services.change_sync(Sync.objects.get(pk=world.sync.pk), changes, who="alice@example.com")


def due(world: World) -> datetime | None:
    return Sync.everywhere.get(pk=world.sync.pk).next_run_at


def triggers(world: World) -> list[str]:
    rows = Run.everywhere.filter(sync=world.sync, kind=RunKind.RUN).order_by("id")
    return list(rows.values_list("trigger", flat=True))


def finish(world: World) -> None:
    for run in Run.everywhere.filter(sync=world.sync, status=RunStatus.QUEUED):
        work(run)


def test_it_runs_an_ongoing_sync_an_interval_after_its_first_run(clock: time_machine.Traveller) -> None:
    world = ongoing()
    first = due(world)
    assert first is not None
    assert START + HOUR <= first < START + HOUR + 5 * MINUTE

    clock.move_to(first - MINUTE)
    assert schedule.start_due() == 0
    clock.move_to(first)
    assert schedule.start_due() == 1
    assert triggers(world) == ["manual", "schedule"]
    assert due(world) == first + HOUR


def test_it_does_not_schedule_a_sync_that_was_never_started() -> None:
    world = World(Crm())
    change(world, type="ongoing")
    world.preview()
    assert due(world) is None


def test_it_makes_one_run_of_all_that_were_missed(clock: time_machine.Traveller) -> None:
    world = ongoing()
    first = due(world)
    assert first is not None
    clock.move_to(first + 5 * HOUR + 20 * MINUTE)

    assert schedule.start_due() == 1
    assert schedule.start_due() == 0
    assert triggers(world) == ["manual", "schedule"]
    assert due(world) == first + 6 * HOUR


def test_it_skips_a_turn_while_the_sync_is_running(clock: time_machine.Traveller) -> None:
    world = ongoing()
    world.start()
    clock.shift(2 * HOUR)

    assert schedule.start_due() == 0
    assert triggers(world) == ["manual", "manual"]
    finish(world)
    clock.shift(HOUR)
    assert schedule.start_due() == 1


def test_it_holds_a_paused_sync_and_catches_up_when_it_is_resumed(clock: time_machine.Traveller) -> None:
    world = ongoing()
    with in_workspace(world.workspace_id):
        services.pause_sync(world.sync, who="alice@example.com")
    clock.shift(3 * HOUR)
    assert schedule.start_due() == 0

    with in_workspace(world.workspace_id):
        services.resume_sync(world.sync, who="alice@example.com")
    assert schedule.start_due() == 1


def test_it_waits_for_a_connection_that_needs_attention_and_then_catches_up(
    clock: time_machine.Traveller,
) -> None:
    world = ongoing()
    connections.needs_attention(world.connection.pk)
    clock.shift(3 * HOUR)
    assert schedule.start_due() == 0

    Connection.everywhere.filter(pk=world.connection.pk).update(status=ConnectionStatus.CONNECTED)
    assert schedule.start_due() == 1


def mend(world: World) -> None:
    with in_workspace(world.workspace_id):
        connections.recheck(Connection.objects.get(pk=world.connection.pk))


def lost(*people: str) -> World:
    """A one-time sync whose run was ended by a token that no longer works."""
    world = World(Crm(*(Person(one, f"{one}@example.com", one) for one in people or ["c1"])))
    world.crm.at("page", 1, revoked())
    world.run()
    return world


def test_it_runs_a_one_time_sync_again_whose_token_was_lost_once_there_is_another() -> None:
    world = lost("c1", "c2")
    mend(world)
    with in_workspace(world.workspace_id):
        said = [sync.pk for sync in connections.catching_up(world.connection)]
    assert (triggers(world), said) == (["manual", "schedule"], [world.sync.pk])
    finish(world)
    assert world.referrers() == {"c1@example.com": "c1", "c2@example.com": "c2"}


def test_it_runs_it_again_only_once() -> None:
    world = lost()
    mend(world)
    finish(world)
    connections.needs_attention(world.connection.pk)
    mend(world)
    assert triggers(world) == ["manual", "schedule"]


def test_it_runs_a_retry_again_as_a_retry_of_the_same_contacts() -> None:
    world = World(Crm(Person("c1", "c1@example.com", "c1"), Person("c2", "c2@example.com", "c2")))
    world.crm.gone = {"c1", "c2"}
    failed = world.run()
    with in_workspace(world.workspace_id):
        retry = services.retry_run(failed, only=["c2"])
    world.crm.at("page", world.crm.calls["page"] + 1, revoked())
    work(retry)
    mend(world)
    again = Run.everywhere.filter(sync=world.sync).order_by("-id")[0]
    assert (again.trigger, again.retry_of_id, again.only) == ("retry", failed.pk, ["c2"])


@pytest.mark.parametrize(
    "since",
    [
        {"cancel_requested": True},
        {"status": "cancelled"},
        {"error": {"code": "crm_unavailable", "message": "Away.", "next_step": "Wait."}},
    ],
)
def test_it_does_not_run_a_one_time_sync_again_that_ended_otherwise(since: dict[str, Any]) -> None:
    world = lost()
    Run.everywhere.filter(sync=world.sync).update(**since)
    mend(world)
    assert triggers(world) == ["manual"]


def test_it_does_not_run_a_one_time_sync_again_that_somebody_ran_since() -> None:
    world = lost()
    world.run()
    connections.needs_attention(world.connection.pk)
    mend(world)
    assert triggers(world) == ["manual", "manual"]


def test_it_does_not_run_a_one_time_sync_again_that_is_paused() -> None:
    world = lost()
    with in_workspace(world.workspace_id):
        services.pause_sync(world.sync, who="alice@example.com")
    mend(world)
    assert triggers(world) == ["manual"]


def test_it_runs_an_ongoing_sync_again_soon_after_an_outage(clock: time_machine.Traveller) -> None:
    world = ongoing(1440)
    world.crm.at("page", world.crm.calls["page"] + 1, unavailable())
    assert world.run().status == "failed"
    soon = due(world)
    assert soon is not None
    assert START + 5 * MINUTE <= soon < START + 15 * MINUTE
    clock.move_to(soon)
    assert schedule.start_due() == 1


def test_it_never_makes_an_ongoing_sync_wait_longer_after_an_outage(clock: time_machine.Traveller) -> None:
    world = ongoing()
    turn = START + MINUTE
    Sync.everywhere.filter(pk=world.sync.pk).update(next_run_at=turn)
    world.crm.at("page", world.crm.calls["page"] + 1, unavailable())
    world.run()
    assert due(world) == turn


def test_it_keeps_its_turn_after_a_failure_that_does_not_pass_by_itself(
    clock: time_machine.Traveller,
) -> None:
    world = ongoing(1440)
    turn = due(world)
    world.crm.at("page", world.crm.calls["page"] + 1, nonsense())
    assert (world.run().status, due(world)) == ("failed", turn)


def test_it_schedules_nothing_after_the_outage_of_a_one_time_sync() -> None:
    world = World(Crm(Person("c1", "a@example.com", "A")))
    world.crm.at("page", 1, unavailable())
    assert (world.run().status, due(world)) == ("failed", None)


def test_it_counts_a_new_interval_from_now(clock: time_machine.Traveller) -> None:
    world = ongoing()
    clock.shift(30 * MINUTE)
    change(world, interval_minutes=1440)
    moved = due(world)
    assert moved is not None
    assert START + 30 * MINUTE + 24 * HOUR <= moved < START + 36 * MINUTE + 24 * HOUR


def test_it_forgets_the_schedule_of_a_sync_made_one_time(clock: time_machine.Traveller) -> None:
    world = ongoing()
    change(world, type="one_time")
    clock.shift(3 * HOUR)
    assert (due(world), schedule.start_due()) == (None, 0)


def test_it_spreads_syncs_started_together() -> None:
    world = ongoing()
    times = {
        schedule.first_due(Sync(pk=world.sync.pk.__class__(int=n), interval_minutes=60), START)
        for n in range(100)
    }
    assert len(times) == 100


def test_it_refuses_an_interval_below_five_minutes() -> None:
    world = World(Crm())
    with pytest.raises(Problem) as refused:
        change(world, type="ongoing", interval_minutes=4)
    assert refused.value.errors[0].message == "Choose between 5 minutes and 31 days."
