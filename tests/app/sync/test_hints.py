"""What a CRM tells of by itself becomes runs over just those contacts."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from passalong.accounts.models import Workspace
from passalong.accounts.scope import in_workspace
from passalong.accounts.services import set_on_contact_deleted
from passalong.core.clock import now
from passalong.core.problems import Problem
from passalong.sync import connections, hints, schedule, services
from passalong.sync.models import Connection, Hint, Notification, Run, RunKind, Sync
from passalong.sync.newcomers.models import PeopleRule
from passalong.sync.records import Notice
from tests.support.crm import PROVIDER, Crm, Part, Person, revoked, unavailable
from tests.support.syncing import World, outcomes, work

pytestmark = pytest.mark.django_db(transaction=True)

SHARED = {"X-Signed-With": "the installation's"}


def ongoing(rule: str = "deactivate") -> World:
    people = [Person(f"c{n}", f"p{n}@example.com", f"P{n}") for n in (1, 2, 3)]
    world = World(Crm(*people))
    with in_workspace(world.workspace_id):
        services.change_sync(
            Sync.objects.get(pk=world.sync.pk), {"type": "ongoing", "on_leave": rule}, who="alice"
        )
    world.run()
    return world


def tell(world: World, *ids: str, uid: str = "n1", topic: str = "person.changed", **headers: str) -> int:
    notice = Notice(world.connection.account_id, uid, topic, list(ids))
    return hints.receive(PROVIDER, headers or SHARED, msgspec.json.encode(notice))


def follow(world: World) -> list[Run]:
    """What the job does, and then what the workers do."""
    hints.follow(world.connection.pk)
    queued = Run.everywhere.filter(sync=world.sync, status="queued").order_by("id")
    return [work(run) for run in queued]


def runs(world: World) -> int:
    return Run.everywhere.filter(sync=world.sync, kind=RunKind.RUN).count()


def set_status(world: World, status: str) -> None:
    Connection.everywhere.filter(pk=world.connection.pk).update(status=status)


def test_it_reads_just_the_contact_that_changed() -> None:
    world = ongoing()
    world.crm.people["c2"].name = "Another"
    assert tell(world, "c2") == 1
    [run] = follow(world)
    assert (run.trigger, run.status, run.read, run.updated) == ("webhook", "succeeded", 1, 1)
    assert world.referrers()["p2@example.com"] == "Another"
    assert world.referrers()["p1@example.com"] == "P1"


def test_it_takes_in_a_new_contact_that_no_reading_shows_yet() -> None:
    world = ongoing()
    world.crm.people["c4"] = Person("c4", "p4@example.com", "P4")
    world.crm.parts = [Part([["c1", "c2", "c3"]])]
    world.crm.hidden.add("c4")
    tell(world, "c4")
    [run] = follow(world)
    assert outcomes(run) == {"c4": "created"}
    assert world.crm.values("custom_attributes.Link")["c4"]


def test_it_deals_with_a_leaver_at_once() -> None:
    world = ongoing()
    world.crm.parts = [Part([["c1", "c2"]])]
    tell(world, "c3")
    [run] = follow(world)
    assert (run.left, run.read) == (1, 0)
    assert world.referrer("p3@example.com").status == "inactive"


def test_it_leaves_a_member_alone_whom_the_crm_still_counts_in() -> None:
    world = ongoing()
    world.crm.parts = [Part([["c1", "c2"]])]
    world.crm.hidden.add("c3")
    # Asked by id it is not shown for a moment, but the question about its place says that it is inside.
    world.crm.at("page", world.crm.calls["page"] + 1, world.crm.hidden.clear)
    world.crm.at("whereabouts", 1, lambda: world.crm.hidden.add("c3"))
    tell(world, "c3")
    [run] = follow(world)
    assert run.left == 0
    assert world.referrer("p3@example.com").status == "active"


def test_it_writes_nothing_when_told_of_its_own_writes() -> None:
    world = ongoing()
    before = len(world.crm.writes)
    for number in range(3):
        tell(world, "c1", "c2", "c3", uid=f"echo {number}")
    [run] = follow(world)
    assert (run.unchanged, run.written, len(world.crm.writes)) == (3, 0, before)


def test_it_takes_a_repeated_delivery_for_one() -> None:
    world = ongoing()
    for _ in range(5):
        tell(world, "c1", uid="the same")
    assert Notification.everywhere.count() == 1
    assert len(follow(world)) == 1
    tell(world, "c1", uid="the same")
    assert follow(world) == []


def test_a_thousand_doubled_and_shuffled_deliveries_end_as_one_would() -> None:
    world = ongoing()
    for number in range(200):
        world.crm.people[f"n{number}"] = Person(f"n{number}", f"n{number}@example.com", f"N{number}")
    told = [f"n{number}" for number in range(200) for _ in range(5)]
    random.Random(7).shuffle(told)  # noqa: S311 - the same order each time
    writes = len(world.crm.writes)
    for place, one in enumerate(told):
        tell(world, one, uid=f"{one} {place % 3}")
        if place % 250 == 0:
            follow(world)
    follow(world)
    assert len(world.referrers()) == 203
    assert len(world.crm.writes) - writes == 200
    assert Hint.objects.count() == 0


def test_it_asks_for_what_changed_when_told_of_very_many(settings: object) -> None:
    world = ongoing()
    ids = [f"n{number}" for number in range(hints.MOST_NAMED + 1)]
    for one in ids:
        world.crm.people[one] = Person(one, f"{one}@example.com", one)
    tell(world, *ids)
    [run] = follow(world)
    assert (run.only, run.read, run.created) == ([], 304, 301)
    assert Hint.objects.count() == 0


def test_it_waits_for_a_run_that_is_under_way() -> None:
    world = ongoing()
    active = world.start()
    tell(world, "c1")
    assert hints.follow(world.connection.pk) == 0
    assert hints.waiting() == []
    work(active)
    assert hints.waiting() == [world.connection.pk]
    assert len(follow(world)) == 1
    assert hints.waiting() == []


@pytest.mark.parametrize("kept_by", ["pause", "attention"])
def test_it_keeps_hints_while_a_sync_may_not_run(kept_by: str) -> None:
    world = ongoing()
    with in_workspace(world.workspace_id):
        sync = Sync.objects.get(pk=world.sync.pk)
        if kept_by == "pause":
            services.pause_sync(sync, who="alice")
        else:
            connections.needs_attention(world.connection.pk)
        tell(world, "c1")
        assert follow(world) == []
        services.resume_sync(sync, who="alice")
    set_status(world, "connected")
    assert hints.waiting() == [world.connection.pk]
    assert len(follow(world)) == 1


def test_it_reads_everybody_after_a_hinted_run_that_failed() -> None:
    world = ongoing()
    assert Sync.everywhere.get(pk=world.sync.pk).reconciled_at is not None
    tell(world, "c1")
    world.crm.at("page", world.crm.calls["page"] + 1, revoked())
    [run] = follow(world)
    assert run.status == "failed"
    assert Sync.everywhere.get(pk=world.sync.pk).reconciled_at is None


def test_it_records_a_topic_that_it_does_not_know() -> None:
    world = ongoing()
    tell(world, topic="moon.full")
    assert follow(world) == []
    noted = Notification.everywhere.get()
    assert (noted.topic, noted.contact_ids, noted.handled_at is not None) == ("moon.full", [], True)
    assert Connection.everywhere.get(pk=world.connection.pk).noticed_at is not None


def test_it_does_nothing_for_syncs_that_are_not_ongoing() -> None:
    world = World(Crm(Person("c1", "p1@example.com", "P1")))
    world.run()
    tell(world, "c1")
    assert follow(world) == []
    assert Hint.objects.count() == 0


def test_it_serves_every_sync_of_the_account() -> None:
    world = ongoing()
    beside = World(world.crm, beside=world)
    with in_workspace(world.workspace_id):
        services.change_sync(Sync.objects.get(pk=beside.sync.pk), {"type": "ongoing"}, who="alice")
    beside.run()
    tell(world, "c1")
    assert hints.follow(world.connection.pk) == 2


def test_it_refuses_a_signature_of_somebody_else() -> None:
    world = ongoing()
    with pytest.raises(Problem) as caught:
        tell(world, "c1", **{"X-Signed-With": "somebody"})
    assert (caught.value.status, caught.value.code) == (401, "signature_rejected")
    assert Notification.everywhere.count() == 0


def test_it_accepts_the_secret_of_the_connection_itself() -> None:
    world = ongoing()
    with in_workspace(world.workspace_id):
        hints.set_secret(Connection.objects.get(pk=world.connection.pk), "its-own-secret")
    assert tell(world, "c1", **{"X-Signed-With": "its-own-secret"}) == 1
    assert "its-own-secret" not in Connection.everywhere.get(pk=world.connection.pk).hook_secret


def _unsigned(world: World) -> None:
    hints.receive(PROVIDER, {}, b"no json")


def _signed(world: World) -> None:
    hints.receive(PROVIDER, SHARED, b"no json")


@pytest.mark.parametrize(("send", "status"), [(_unsigned, 401), (_signed, 400)])
def test_it_says_what_is_wrong_with_a_body(send: Callable[[World], None], status: int) -> None:
    with pytest.raises(Problem) as caught:
        send(ongoing())
    assert caught.value.status == status


def test_it_takes_what_is_about_nobody_here() -> None:
    notice = Notice("another account", "n1", "person.changed", ["c1"])
    assert hints.receive(PROVIDER, SHARED, msgspec.json.encode(notice)) == 0
    assert Notification.everywhere.count() == 0


def test_it_keeps_the_hints_of_a_worker_that_dies_before_the_run_is_queued() -> None:
    world = ongoing()
    tell(world, "c1")
    assert hints.waiting() == [world.connection.pk]
    assert len(follow(world)) == 1
    assert runs(world) == 2


def erasing(world: World) -> None:
    with in_workspace(world.workspace_id):
        set_on_contact_deleted(Workspace.objects.get(pk=world.workspace_id), "erase")


def tell_deleted(world: World, *ids: str) -> None:
    notice = Notice(world.connection.account_id, f"deleted {ids}", "person.deleted", list(ids), deleted=True)
    hints.receive(PROVIDER, SHARED, msgspec.json.encode(notice))


def time_passes(world: World) -> None:
    """As much as it takes until deletions are asked after once more."""
    Connection.everywhere.filter(pk=world.connection.pk).update(confirm_at=now() - timedelta(seconds=1))
    Notification.everywhere.update(received_at=now() - hints.CONFIRM_EVERY - timedelta(seconds=1))


def confirm(world: World) -> None:
    asyncio.run(hints.confirm_deleted(world.connection.pk))


def test_it_erases_whom_the_crm_deleted_and_confirms_to_be_gone() -> None:
    world = ongoing("keep")
    erasing(world)
    world.crm.gone.add("c3")
    tell_deleted(world, "c3")
    follow(world)
    confirm(world)
    assert sorted(world.referrers()) == ["p1@example.com", "p2@example.com"]
    assert [run.only for run in Run.everywhere.filter(trigger="webhook")] == [[]]


def test_it_erases_again_whom_a_search_went_on_showing() -> None:
    world = ongoing("keep")
    erasing(world)
    world.crm.gone.add("c3")
    tell_deleted(world, "c3")
    follow(world)
    confirm(world)
    world.run()
    assert len(world.referrers()) == 3
    assert hints.waiting() == []
    time_passes(world)
    assert hints.waiting() == [world.connection.pk]
    confirm(world)
    assert sorted(world.referrers()) == ["p1@example.com", "p2@example.com"]
    told = Notification.everywhere.get()
    assert (told.contact_ids, told.deleted) == ([], False)
    time_passes(world)
    assert hints.waiting() == []


def test_it_erases_nobody_who_is_still_there() -> None:
    world = ongoing("keep")
    erasing(world)
    tell_deleted(world, "c3")
    follow(world)
    confirm(world)
    assert len(world.referrers()) == 3
    assert hints.waiting() == []


def test_it_erases_nobody_where_that_was_not_chosen() -> None:
    world = ongoing("keep")
    world.crm.gone.add("c3")
    tell_deleted(world, "c3")
    follow(world)
    confirm(world)
    assert len(world.referrers()) == 3
    assert hints.waiting() == []


def test_it_asks_again_when_the_crm_does_not_answer() -> None:
    world = ongoing("keep")
    erasing(world)
    world.crm.gone.add("c3")
    tell_deleted(world, "c3")
    follow(world)
    world.crm.at("whereabouts", world.crm.calls["whereabouts"] + 1, unavailable())
    confirm(world)
    assert (hints.waiting(), len(world.referrers())) == ([], 3)
    time_passes(world)
    assert hints.waiting() == [world.connection.pk]
    confirm(world)
    assert len(world.referrers()) == 2


def test_one_job_at_a_time_asks_after_deletions() -> None:
    world = ongoing("keep")
    erasing(world)
    tell_deleted(world, "c3")
    confirm(world)
    asked = world.crm.calls["whereabouts"]
    confirm(world)
    assert world.crm.calls["whereabouts"] == asked


def test_a_turn_of_the_schedule_goes_before_what_was_told() -> None:
    world = ongoing()
    tell(world, "c1")
    Sync.everywhere.filter(pk=world.sync.pk).update(next_run_at=now() - timedelta(seconds=1))
    assert follow(world) == []
    assert schedule.start_due() == 1
    assert [run.trigger for run in Run.everywhere.filter(sync=world.sync, status="queued")] == ["schedule"]


def test_a_turn_of_the_schedule_is_not_lost_to_what_was_told() -> None:
    world = ongoing()
    tell(world, "c1")
    hints.follow(world.connection.pk)
    due = now() - timedelta(seconds=1)
    Sync.everywhere.filter(pk=world.sync.pk).update(next_run_at=due)
    assert schedule.start_due() == 0
    assert Sync.everywhere.get(pk=world.sync.pk).next_run_at == due


def test_it_does_not_look_for_ever_at_a_sync_that_is_no_longer_ongoing() -> None:
    world = ongoing()
    tell(world, "c1")
    world.start()
    hints.follow(world.connection.pk)
    Run.everywhere.filter(sync=world.sync).update(status="cancelled")
    with in_workspace(world.workspace_id):
        services.change_sync(Sync.objects.get(pk=world.sync.pk), {"type": "one_time"}, who="alice")
    assert hints.waiting() == []


def test_it_has_leads_looked_at_where_a_field_qualifies_them() -> None:
    world = ongoing()
    with in_workspace(world.workspace_id):
        qualify = {"field": "plan", "values": ["pro"]}
        PeopleRule.objects.create(campaign=world.campaign, connection=world.connection, qualify=qualify)
    tell(world, "c1", "c2")
    follow(world)
    jobs = ProcrastinateJob.objects.filter(task_name="sync.watch_contacts")
    own = str(world.connection.pk)
    assert [job.args["contact_ids"] for job in jobs if job.args["connection_id"] == own] == [["c1", "c2"]]
