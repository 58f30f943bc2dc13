"""The way back: only what differs, only where the map says, and nothing lost when it fails in the middle."""

import asyncio
from datetime import timedelta

import pytest

from passalong.accounts.scope import in_workspace
from passalong.core.clock import now
from passalong.referrers.models import Referrer
from passalong.sync import changes, connections
from passalong.sync.errors import Retriable
from passalong.sync.models import Connection, Run, WriteBack
from tests.support.crm import CODE, COUNT, LINK, SEEN, Crm, Person, revoked, unavailable
from tests.support.syncing import LINK_BACK, World, numbers, outcomes, write_backs

pytestmark = pytest.mark.django_db(transaction=True)

CODE_BACK = {"from": "referral_code", "to": CODE}
COUNT_BACK = {"from": "referrals_count", "to": COUNT}
SEEN_BACK = {"from": "last_referral_at", "to": SEEN}


def crowd(number: int = 3) -> Crm:
    return Crm(*(Person(f"c{one}", f"p{one}@example.com", f"P{one}") for one in range(1, number + 1)))


def refer(world: World, email: str, count: int) -> None:
    """Somebody's friends came."""
    Referrer.everywhere.filter(campaign=world.campaign, email=email).update(
        referrals_count=count, last_referral_at=now().replace(year=2026, month=3, day=1, hour=15)
    )


def send(world: World) -> None:
    """What a worker does once what waits is due."""
    waiting = WriteBack.objects.filter(sync=world.sync, pending=True, due_at__isnull=False)
    waiting.update(due_at=now() - timedelta(seconds=1))
    asyncio.run(changes.send(world.connection.pk))


def test_it_writes_the_link_of_each_person() -> None:
    world = World(crowd())

    run = world.run()

    assert world.linked_to() == {"c1": "p1@example.com", "c2": "p2@example.com", "c3": "p3@example.com"}
    assert (run.write_backs_due, run.written, run.status) == (3, 3, "succeeded")
    assert write_backs(run) == {"c1": "written", "c2": "written", "c3": "written"}


def test_it_writes_nothing_that_is_right_already() -> None:
    world = World(crowd(), outbound=[LINK_BACK, COUNT_BACK])
    world.run()

    run = world.run()

    assert (len(world.crm.writes), run.write_backs_due, run.written) == (3, 0, 0)
    assert write_backs(run) == {"c1": "unchanged", "c2": "unchanged", "c3": "unchanged"}


def test_it_sends_only_the_keys_that_differ() -> None:
    world = World(crowd(2), outbound=[LINK_BACK, COUNT_BACK])
    world.run()
    refer(world, "p2@example.com", 4)

    world.run()

    assert world.crm.writes[2:] == [("c2", {COUNT: 4})]


def test_it_sends_no_fact_that_is_not_known() -> None:
    world = World(crowd(1), outbound=[COUNT_BACK, SEEN_BACK])

    world.run()

    assert world.crm.writes == [("c1", {COUNT: 0})]


def test_it_accepts_the_way_the_crm_keeps_a_date() -> None:
    world = World(crowd(1), outbound=[SEEN_BACK])
    world.crm.stores = lambda value: value - value % 86_400 if isinstance(value, int) else value
    world.run()
    refer(world, "p1@example.com", 1)
    world.run()

    again = world.run()

    assert (len(world.crm.writes), again.write_backs_due) == (1, 0)


@pytest.mark.parametrize("said", [None, "https://elsewhere.example.com", "zero \0 byte"])
def test_it_repairs_a_value_that_somebody_changed_in_the_crm(said: str | None) -> None:
    world = World(crowd(1))
    world.run()
    world.crm.people["c1"].values[LINK] = said

    run = world.run()

    assert world.linked_to() == {"c1": "p1@example.com"}
    assert (run.status, write_backs(run)) == ("succeeded", {"c1": "written"})
    assert world.run().write_backs_due == 0


def test_it_tries_again_what_the_crm_did_not_keep() -> None:
    world = World(crowd(1))
    world.run()
    world.crm.people["c1"].values[LINK] = None
    world.crm.at("write", 2, unavailable())
    world.run()

    run = world.run()

    assert (world.linked_to(), run.written) == ({"c1": "p1@example.com"}, 1)


def test_it_previews_a_code_that_is_not_drawn_yet() -> None:
    world = World(crowd(1), outbound=[CODE_BACK])

    assert numbers(world.preview()) == numbers(world.run())


def test_it_writes_the_rest_when_one_field_is_missing() -> None:
    world = World(crowd(2), outbound=[LINK_BACK, COUNT_BACK])
    world.crm.missing_fields = {COUNT}

    run = world.run()

    assert world.linked_to() == {"c1": "p1@example.com", "c2": "p2@example.com"}
    assert (run.status, run.write_backs_failed, run.written) == ("partial", 2, 0)
    assert outcomes(run) == {"c1": "created field_missing", "c2": "created field_missing"}


def test_it_writes_the_missing_field_once_it_is_there() -> None:
    world = World(crowd(2), outbound=[LINK_BACK, COUNT_BACK])
    world.crm.missing_fields = {COUNT}
    world.run()
    world.crm.missing_fields = set()
    del world.crm.writes[:]

    run = world.run()

    assert sorted(world.crm.writes) == [("c1", {COUNT: 0}), ("c2", {COUNT: 0})]
    assert (run.status, run.written) == ("succeeded", 2)


def test_it_gives_up_when_every_field_is_missing() -> None:
    world = World(crowd(2), outbound=[LINK_BACK, COUNT_BACK])
    world.crm.missing_fields = {COUNT, LINK}

    run = world.run()

    assert (run.status, run.write_backs_failed, world.crm.writes) == ("partial", 2, [])


def test_it_goes_on_when_a_contact_is_gone() -> None:
    world = World(crowd(3))
    world.crm.gone = {"c2"}

    run = world.run()

    assert write_backs(run) == {"c1": "written", "c2": "failed", "c3": "written"}
    assert outcomes(run)["c2"] == "created contact_gone"
    assert (run.status, run.written, run.write_backs_failed) == ("partial", 2, 1)


def test_it_finishes_in_the_next_run_what_an_outage_cut_off() -> None:
    world = World(crowd(6))
    world.crm.at("write", 4, unavailable())

    cut = world.run()
    whole = world.run()

    assert (cut.status, cut.error and cut.error["code"]) == ("failed", "crm_unavailable")
    assert whole.status == "succeeded"
    assert sorted(world.linked_to()) == ["c1", "c2", "c3", "c4", "c5", "c6"]
    assert cut.written + whole.written == 6
    assert sorted(one for one, _ in world.crm.writes) == ["c1", "c2", "c3", "c4", "c5", "c6"]


def test_it_has_the_rest_sent_by_itself_when_the_crm_is_away_for_long() -> None:
    world = World(crowd(6))
    world.crm.at("write", 4, unavailable())

    cut = world.run()

    wait = WriteBack.objects.filter(sync=world.sync, pending=True).values_list("due_at", flat=True)
    assert len(wait) == 6 - cut.written > 0
    assert {round((due - now()).total_seconds() / 10) for due in wait if due} == {6}
    assert cut.error == {
        "code": "crm_unavailable",
        "message": "Everybody was read, but Nasty could not be written to. The CRM does not answer.",
        "next_step": "Nothing to do: once Nasty answers, what waits is written by itself.",
    }
    send(world)
    assert sorted(world.linked_to()) == ["c1", "c2", "c3", "c4", "c5", "c6"]
    assert sorted(one for one, _ in world.crm.writes) == ["c1", "c2", "c3", "c4", "c5", "c6"]


def test_it_waits_as_long_as_the_crm_asked_for() -> None:
    world = World(crowd(1))
    world.crm.at("write", 1, Retriable("rate_limited", "Slow down.", "Wait.", after=300))

    world.run()

    due = WriteBack.objects.get(sync=world.sync).due_at
    assert due is not None
    assert 290 < (due - now()).total_seconds() <= 300


def test_it_has_the_rest_sent_by_itself_once_a_lost_connection_works_again() -> None:
    world = World(crowd(4))
    world.crm.at("write", 2, revoked())
    cut = world.run()
    lost = Connection.everywhere.get(pk=world.connection.pk)
    send(world)
    before = sorted(world.linked_to())

    assert (cut.status, lost.status, changes.waiting()) == ("failed", "needs_attention", [])
    with in_workspace(world.workspace_id):
        connections.recheck(lost)
    assert changes.waiting() == [world.connection.pk]
    asyncio.run(changes.send(world.connection.pk))
    assert len(before) < 4
    assert sorted(world.linked_to()) == ["c1", "c2", "c3", "c4"]
    assert Run.everywhere.filter(sync=world.sync).count() == 1


def test_it_leaves_what_it_read_to_the_next_run_when_it_ended_before_writing() -> None:
    world = World(crowd(6))
    world.crm.paced = True
    world.crm.at("page", 2, unavailable())

    world.run()

    assert WriteBack.objects.filter(sync=world.sync, due_at__isnull=False).count() == 0


def test_it_leaves_the_fields_of_another_sync_alone() -> None:
    first = World(crowd(1))
    second = World(first.crm, outbound=[COUNT_BACK], beside=first)
    first.run()
    second.run()
    refer(first, "p1@example.com", 2)

    first.run()
    second.run()

    assert [values.keys() for _, values in first.crm.writes] == [{LINK}, {COUNT}, {COUNT}]
    assert first.crm.values(COUNT) == {"c1": 2}


def test_it_gives_duplicates_the_same_link() -> None:
    world = World(Crm(Person("c1", "ann@example.com", "Ann"), Person("c2", "ANN@example.com", "Ann", "lead")))

    world.run()

    assert world.linked_to() == {"c1": "ann@example.com", "c2": "ann@example.com"}


def test_it_writes_nothing_to_somebody_it_skips() -> None:
    world = World(Crm(Person("c1", "ann@example.com", "Ann", spam=True), Person("c2", None, "Bea")))

    run = world.run()

    assert (world.crm.writes, write_backs(run)) == ([], {"c1": "none", "c2": "none"})


def test_it_leaves_nothing_pending_behind() -> None:
    world = World(crowd(4))
    world.crm.gone = {"c3"}

    world.run()

    assert not WriteBack.objects.filter(sync=world.sync, pending=True).exists()
