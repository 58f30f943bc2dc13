"""Two syncs that write one field: the one declared last has the word, for people in both."""

import asyncio

import pytest

from passalong.accounts.scope import in_workspace
from passalong.leads.services import add_lead
from passalong.sync import changes, owners, services
from passalong.sync.models import Sync, WriteBack
from tests.support.crm import COUNT, LINK, Crm, Part, Person
from tests.support.syncing import LINK_BACK, World

pytestmark = pytest.mark.django_db(transaction=True)

COUNT_BACK = {"from": "referrals_count", "to": COUNT}


def two(*, second: list[dict[str, str]] | None = None) -> tuple[World, World]:
    """Two campaigns with the same three people; the other one writes the link, too, and was set up later."""
    crm = Crm(*(Person(f"c{n}", f"p{n}@example.com", f"P{n}") for n in (1, 2, 3)))
    one = World(crm, outbound=[LINK_BACK, COUNT_BACK])
    other = World(crm, beside=one, outbound=second or [LINK_BACK], campaign="Autumn")
    return one, other


def change(world: World, **changes_: object) -> None:
    with in_workspace(world.workspace_id):
        services.change_sync(Sync.objects.get(pk=world.sync.pk), changes_, who="alice")


def links(world: World) -> dict[str, str]:
    return {email: world.referrer(email).referral_link for email in world.referrers()}


def says(world: World) -> list[object]:
    return [world.crm.people[one].values.get(LINK) for one in ("c1", "c2", "c3")]


def theirs(world: World) -> list[str]:
    found = links(world)
    return [found[f"p{n}@example.com"] for n in (1, 2, 3)]


def test_it_leaves_the_field_to_the_one_declared_later() -> None:
    one, other = two()
    one.run()
    other.run()
    assert says(one) == theirs(other)
    writes = len(one.crm.writes)
    runs = [world.run() for world in (one, other, one)]
    assert [run.written for run in runs] == [0, 0, 0]
    assert len(one.crm.writes) == writes
    assert says(one) == theirs(other)


def test_it_goes_on_writing_the_fields_that_are_its_own() -> None:
    one, other = two()
    one.run()
    other.run()
    with in_workspace(one.workspace_id):
        add_lead(one.campaign, one.referrer("p1@example.com").code, "friend@example.org")
    WriteBack.objects.filter(due_at__isnull=False).update(due_at="2020-01-01T00:00:00Z")
    asyncio.run(changes.send(one.connection.pk))
    assert one.crm.people["c1"].values[COUNT] == 1
    assert says(one) == theirs(other)


def test_it_writes_for_people_who_are_not_in_both() -> None:
    one, other = two()
    one.run()
    other.crm.parts = [Part([["c2"]])]
    other.run()
    one.crm.parts = None
    one.run()
    assert says(one) == [theirs(one)[0], other.referrer("p2@example.com").referral_link, theirs(one)[2]]


def test_it_takes_the_field_up_again_when_the_other_lets_go() -> None:
    one, other = two()
    one.run()
    other.run()
    change(other, outbound=[])
    one.run()
    assert says(one) == theirs(one)


def test_it_has_the_word_once_its_map_is_set_anew() -> None:
    one, other = two()
    one.run()
    other.run()
    change(one, outbound=[LINK_BACK])
    one.run()
    other.run()
    assert says(one) == theirs(one)


def test_it_names_the_conflict_on_both_sides() -> None:
    one, other = two()
    one.run()
    other.run()
    mine = [(c.field, c.sync_id, c.theirs) for c in owners.conflicts(one.sync.pk)]
    other_side = [(c.field, c.sync_id, c.theirs) for c in owners.conflicts(other.sync.pk)]
    assert mine == [(LINK, other.sync.pk, True)]
    assert other_side == [(LINK, one.sync.pk, False)]


def test_two_syncs_of_one_campaign_that_say_the_same_are_no_conflict() -> None:
    crm = Crm(Person("c1", "p1@example.com", "P1"))
    one = World(crm)
    beside = World(crm, beside=one)
    one.run()
    beside.run()
    assert owners.conflicts(one.sync.pk) == []
    assert one.run().written == 0
