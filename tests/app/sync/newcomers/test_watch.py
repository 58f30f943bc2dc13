"""Leads qualify by what their contact says in the CRM: when that changes, and only then."""

import asyncio
import threading
from collections.abc import Sequence

import pytest
from django.db import connections
from procrastinate.contrib.django.models import ProcrastinateJob

from passalong.accounts.scope import in_workspace
from passalong.leads.models import Lead
from passalong.leads.services import delete_lead, qualify, unqualify
from passalong.sync.models import Connection
from passalong.sync.newcomers import tasks, watch
from passalong.sync.newcomers.models import PeopleRule, Sighting
from tests.support.crm import CODE, Crm, Person, revoked, segment_gone, unavailable
from tests.support.newcomers import AS_LEAD, EMAIL_ROW, Arrivals

pytestmark = pytest.mark.django_db(transaction=True)

PAYING = {"field": CODE, "values": ["paying", "loyal"]}
FRIDA = "frida@example.com"


def watched(*people: Person, **more: object) -> Arrivals:
    """Frida was invited by dana, and qualifies by paying."""
    world = Arrivals(Crm(*people), qualify={**PAYING, **more})
    world.add("dana@example.com")
    world.befriend(FRIDA)
    return world


def frida(code: str | None = "paying", updated: int | None = None, id: str = "c1") -> Person:  # noqa: A002
    return Person(id, FRIDA, values={CODE: code}, updated=updated)


def look(world: Arrivals, ids: Sequence[str] = ("c1",)) -> None:
    asyncio.run(watch.look_at(world.connection.pk, ids))


def reconcile(world: Arrivals) -> None:
    asyncio.run(watch.reconcile(world.connection.pk))


def status(world: Arrivals, email: str = FRIDA) -> str:
    return Lead.everywhere.get(campaign=world.campaign, email=email).status


def say(world: Arrivals, code: str | None, updated: int | None = None, who: str = "c1") -> None:
    person = world.crm.people[who]
    person.values[CODE], person.updated = code, updated


@pytest.mark.parametrize("way", [look, reconcile])
@pytest.mark.parametrize("code", ["paying", "loyal"])
def test_it_qualifies_a_lead_whose_contact_says_so(way: object, code: str) -> None:
    world = watched(frida(code))
    way(world)  # type: ignore[operator]
    assert (status(world), world.referrer("dana@example.com").converted_referrals_count) == ("qualified", 1)


@pytest.mark.parametrize("code", ["trial", "", None])
def test_it_leaves_a_lead_whose_contact_says_something_else(code: str | None) -> None:
    world = watched(frida(code))
    look(world)
    reconcile(world)
    assert status(world) == "pending"


def test_it_takes_a_text_in_other_letters() -> None:
    world = watched(frida(" Paying"))
    look(world)
    assert status(world) == "qualified"


def test_it_reads_everybody_page_by_page() -> None:
    people = [
        Person(f"c{number}", f"f{number}@example.com", values={CODE: "paying"}, updated=number)
        for number in range(10)
    ]
    world = watched(*people)
    for number in range(10):
        world.befriend(f"f{number}@example.com")
    reconcile(world)
    assert {status(world, f"f{number}@example.com") for number in range(10)} == {"qualified"}


def test_it_does_nothing_twice() -> None:
    world = watched(frida())
    for _ in range(3):
        look(world)
        reconcile(world)
    assert (Sighting.objects.count(), world.referrer("dana@example.com").converted_referrals_count) == (1, 1)


def test_it_asks_nothing_of_the_crm_when_nobody_is_pending() -> None:
    world = watched(frida())
    reconcile(world)
    before = world.crm.calls["having"]
    reconcile(world)
    assert world.crm.calls["having"] == before


def test_it_knows_a_lead_by_the_contact_that_was_made_for_it() -> None:
    world = Arrivals(leads=AS_LEAD, qualify=PAYING)
    world.add("dana@example.com")
    world.befriend(FRIDA)
    world.send()
    world.crm.people["new0"].email = "another@example.com"
    say(world, "paying", who="new0")
    look(world, ["new0"])
    assert status(world) == "qualified"


def test_it_writes_the_first_value_into_contacts_it_makes_and_no_others() -> None:
    wish = {"create": "lead", "on_match": "update", "fields": [EMAIL_ROW]}
    crm = Crm(Person("c1", FRIDA, values={CODE: "trial"}))
    world = Arrivals(crm, leads=wish, qualify={**PAYING, "initial": "invited"})
    world.add("dana@example.com")
    world.befriend(FRIDA)
    world.befriend("gus@example.com")
    world.send()
    assert {one.email: one.values[CODE] for one in world.crm.people.values()} == {
        FRIDA: "trial",
        "gus@example.com": "invited",
    }


def test_it_looks_at_a_contact_that_was_there_already() -> None:
    world = Arrivals(Crm(frida()), leads=AS_LEAD, qualify=PAYING)
    world.add("dana@example.com")
    world.befriend(FRIDA)
    world.send()
    assert jobs_of(world) == [["c1"]]


def jobs_of(world: Arrivals) -> list[list[str]]:
    """Which contacts a worker is told to look at."""
    jobs = ProcrastinateJob.objects.filter(task_name="sync.watch_contacts")
    own = str(world.connection.pk)
    return [job.args["contact_ids"] for job in jobs if job.args["connection_id"] == own]


def test_it_begins_no_second_look_while_one_waits_for_the_crm() -> None:
    world = watched()
    lock = f"qualifying:{world.connection.pk}"
    tasks.enqueue_reconcile(world.connection.pk)
    begun = ProcrastinateJob.objects.filter(queueing_lock=lock)
    update = "UPDATE procrastinate_jobs SET status = 'doing' WHERE queueing_lock = %s"
    connections["default"].cursor().execute(update, [lock])

    tasks.enqueue_reconcile(world.connection.pk)

    # The engine gives out no job whose lock another one holds.
    assert [(job.status, job.lock) for job in begun.order_by("id")] == [("doing", lock), ("todo", lock)]


def test_it_has_one_look_at_contacts_wait_for_another() -> None:
    world = watched(frida())
    for contact in ("c1", "c2"):
        watch.enqueue_watch(world.connection.pk, [contact])
    lock = f"watching:{world.connection.pk}"
    jobs = ProcrastinateJob.objects.filter(lock=lock).order_by("id")
    assert [(job.args["contact_ids"], job.queueing_lock) for job in jobs] == [(["c1"], None), (["c2"], None)]


def test_it_waits_shortly_for_a_crm_that_is_away_and_longer_where_nothing_else_follows() -> None:
    world = watched(frida())
    look(world)
    shortly = world.crm.patience
    reconcile(world)
    assert (shortly, world.crm.patience) == (30, 900)


def test_it_has_nobody_watched_where_nobody_wants_it() -> None:
    world = Arrivals()
    watch.enqueue_watch(world.connection.pk, ["c1"])
    assert jobs_of(world) == []


# Leaving the value


def test_it_keeps_a_lead_that_leaves_the_value() -> None:
    world = watched(frida())
    look(world)
    say(world, "gone")
    look(world)
    assert status(world) == "qualified"


@pytest.mark.parametrize("way", [look, reconcile])
def test_it_takes_back_when_that_is_wanted(way: object) -> None:
    world = watched(frida(), unqualifies=True)
    look(world)
    say(world, "gone")
    way(world)  # type: ignore[operator]
    assert (status(world), world.referrer("dana@example.com").converted_referrals_count) == ("pending", 0)


def test_it_takes_nothing_back_that_a_person_gave() -> None:
    world = watched(frida("trial"), unqualifies=True)
    with in_workspace(world.workspace_id):
        qualify(Lead.objects.get())
    for code in ("paying", "gone"):
        say(world, code)
        look(world)
    assert status(world) == "qualified"


def test_it_takes_nothing_back_that_a_person_gave_again() -> None:
    world = watched(frida(), unqualifies=True)
    look(world)
    with in_workspace(world.workspace_id):
        qualify(unqualify(Lead.objects.get()))
    say(world, "gone")
    look(world)
    assert status(world) == "qualified"


def test_it_does_not_fight_with_whoever_unqualifies_by_hand() -> None:
    world = watched(frida())
    look(world)
    with in_workspace(world.workspace_id):
        unqualify(Lead.objects.get())
    look(world)
    reconcile(world)
    assert status(world) == "pending"


def test_it_acts_again_on_a_change_after_that() -> None:
    world = watched(frida())
    look(world)
    with in_workspace(world.workspace_id):
        unqualify(Lead.objects.get())
    say(world, "loyal")
    look(world)
    assert status(world) == "qualified"


def test_it_keeps_a_lead_of_whom_another_contact_says_it() -> None:
    world = watched(frida(), frida(id="c2"), unqualifies=True)
    look(world, ["c1", "c2"])
    say(world, "gone")
    look(world)
    assert status(world) == "qualified"


# Old news


def test_it_does_not_believe_an_index_that_lags() -> None:
    world = watched(frida("paying", updated=100), unqualifies=True)
    world.crm.stale["c1"] = frida("paying", updated=100)
    look(world)
    say(world, "gone", updated=200)
    look(world)
    reconcile(world)
    assert status(world) == "pending"


def test_it_believes_the_contact_itself_within_one_second() -> None:
    world = watched(frida("trial", updated=100))
    look(world)
    say(world, "paying", updated=100)
    look(world)
    assert status(world) == "qualified"


def test_it_stops_where_the_last_look_began() -> None:
    now = 2_000_000_000
    people = [
        Person(f"c{n}", f"x{n}@example.com", values={CODE: "paying"}, updated=1_000_000_000 + n)
        for n in range(20)
    ]
    world = watched(*people)
    reconcile(world)
    before = world.crm.calls["having"]
    world.crm.people["c99"] = frida("paying", updated=now, id="c99")
    reconcile(world)
    # One page for each of the two values.
    assert (status(world), world.crm.calls["having"] - before) == ("qualified", 2)


def test_it_looks_through_everybody_again_when_the_rule_has_changed() -> None:
    world = watched(frida("trial", updated=1))
    reconcile(world)
    look(world)
    world.wish(qualify={**PAYING, "values": ["trial"]})
    reconcile(world)
    assert status(world) == "qualified"


def test_it_forgets_what_another_field_said() -> None:
    world = watched(frida("trial"))
    look(world)
    world.crm.people["c1"].values["custom_attributes.Link"] = "paying"
    world.wish(qualify={"field": "custom_attributes.Link", "values": ["paying"]})
    look(world)
    assert status(world) == "qualified"


# Trouble


def test_it_passes_over_contacts_that_are_gone_or_nobodys() -> None:
    world = watched(frida(), Person("c2", "stranger@example.com", values={CODE: "paying"}))
    world.crm.gone.add("c1")
    look(world, ["c1", "c2", "c3"])
    assert (status(world), Sighting.objects.count()) == ("pending", 0)


def test_it_waits_for_the_next_look_when_the_crm_is_away() -> None:
    world = watched(frida())
    world.crm.at("having", 1, unavailable())
    reconcile(world)
    before = status(world)
    reconcile(world)
    assert (before, status(world)) == ("pending", "qualified")


def test_it_says_when_the_field_is_gone() -> None:
    world = watched(frida())
    world.crm.at("having", 1, segment_gone())
    reconcile(world)
    problem = PeopleRule.everywhere.get(connection=world.connection).problem
    reconcile(world)
    mended = PeopleRule.everywhere.get(connection=world.connection).problem
    assert ((problem or {})["code"], mended) == ("segment_not_found", None)


def test_it_tells_the_team_when_the_token_is_revoked() -> None:
    world = watched(frida())
    world.crm.at("having", 1, revoked())
    reconcile(world)
    found = Connection.everywhere.get(pk=world.connection.pk).status
    assert (found, watch.watching()) == ("needs_attention", [])
    world.heal()
    assert watch.watching() == [world.connection.pk]


def test_it_goes_with_the_lead() -> None:
    world = watched(frida())
    look(world)
    with in_workspace(world.workspace_id):
        delete_lead(Lead.objects.get())
    assert Sighting.objects.count() == 0


def test_it_counts_once_with_four_at_once() -> None:
    people = [Person(f"c{n}", f"f{n}@example.com", values={CODE: "paying"}) for n in range(12)]
    world = watched(*people)
    for number in range(12):
        world.befriend(f"f{number}@example.com")

    def work() -> None:
        try:
            look(world, [one.id for one in people])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert world.referrer("dana@example.com").converted_referrals_count == 12


def test_it_keeps_to_its_workspace() -> None:
    world = watched(frida())
    other = watched(frida())
    look(other)
    assert (status(world), status(other)) == ("pending", "qualified")
