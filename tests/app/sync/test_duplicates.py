"""One person, several contacts: who leads, what becomes of the others, and where addresses go."""

from typing import Any

import pytest

from tests.support.crm import Crm, Part, Person
from tests.support.syncing import EMAIL, NAME, World, counts, outcomes

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = {"from": "phone", "to": "phone"}


def read(*people: Person, **options: Any) -> World:
    """A world after its first run with these people."""
    world = World(Crm(*people), **options)
    world.run()
    return world


def only(world: World, *pages: list[str]) -> None:
    """The audience from now on, page by page, each in a transaction of its own."""
    world.crm.paced = True
    world.crm.parts = [Part(list(pages))]


def test_it_makes_one_referrer_of_one_address_in_any_case() -> None:
    world = read(Person("c1", "Ann@Example.com", "Ann"), Person("c2", " ann@example.COM ", "Anna", seen=9))

    assert world.referrers() == {"ann@example.com": "Anna"}
    assert world.links() == {"c1": "ann@example.com", "c2": "ann@example.com"}


def test_it_lets_somebody_lead_who_was_linked_before_and_is_not_in_this_audience() -> None:
    world = read(Person("c1", "ann@example.com", "Ann", seen=5))
    world.crm.people["c2"] = Person("c2", "ann@example.com", "Lead Ann", role="lead", seen=9)
    only(world, ["c2"])

    run = world.run()

    assert counts(run) == {"read": 1, "duplicate": 1}
    assert world.referrers() == {"ann@example.com": "Ann"}


def test_it_lets_a_contact_of_another_connection_lead_nothing_here() -> None:
    first = read(Person("c1", "ann@example.com", "Ann", seen=9))
    second = World(Crm(Person("c1", "ann@example.com", "Lead Ann", role="lead")), beside=first)

    run = second.run()

    assert counts(run) == {"read": 1, "updated": 1}
    assert first.referrers() == {"ann@example.com": "Lead Ann"}


@pytest.mark.parametrize("flag", ["unsubscribed", "bounced", "spam"])
def test_it_takes_the_lead_from_somebody_who_is_skipped_now(flag: str) -> None:
    world = read(
        Person("c1", "ann@example.com", "Ann", seen=9),
        Person("c2", "ann@example.com", "Anna", seen=1),
        policy={"unsubscribed": "skip", "bounced": "skip", "spam": "skip"},
    )
    setattr(world.crm.people["c1"], flag, True)
    only(world, ["c2"], ["c1"])

    run = world.run()

    assert outcomes(run) == {"c1": f"skipped {flag}", "c2": "updated"}
    assert world.referrers() == {"ann@example.com": "Anna"}


def test_it_keeps_the_referrer_of_somebody_who_has_no_address_any_more() -> None:
    world = read(Person("c1", "ann@example.com", "Ann"))
    world.crm.people["c1"].email = None

    run = world.run()

    assert outcomes(run) == {"c1": "skipped no_email"}
    assert world.links() == {"c1": "ann@example.com"}


@pytest.mark.parametrize(
    ("mode", "name", "phone"),
    [("overwrite", "Bea", ""), ("fill_if_empty", "Ann", ""), ("only_new", "Ann", "")],
)
def test_it_takes_back_what_a_demoted_contact_said(mode: str, name: str, phone: str) -> None:
    inbound = [{**NAME, "mode": mode}, EMAIL, {**PHONE, "mode": mode}]
    world = World(Crm(Person("c1", "ann@example.com", "Lee", "lead")), inbound=inbound)
    world.crm.people["c1"].values["phone"] = "1"
    world.crm.people["c2"] = Person("c2", "ann@example.com", "Bea")
    world.add("ann@example.com", first_name="Ann")
    only(world, ["c1"], ["c2"])

    run = world.run()

    referrer = world.referrer("ann@example.com")
    assert (referrer.first_name, referrer.phone) == (name, phone)
    assert outcomes(run)["c1"] == "duplicate"


def test_it_takes_back_what_a_demoted_contact_said_of_somebody_new() -> None:
    inbound = [NAME, EMAIL, PHONE, {"from": "plan", "to": "fields.plan"}]
    first = Person("c1", "ann@example.com", "Lee", "lead", values={"phone": "1", "plan": "pro"})
    world = World(Crm(first, Person("c2", "ann@example.com", "Bea")), inbound=inbound)
    only(world, ["c1"], ["c2"])

    run = world.run()

    referrer = world.referrer("ann@example.com")
    assert (referrer.first_name, referrer.phone, referrer.fields) == ("Bea", "", {})
    assert outcomes(run) == {"c1": "duplicate", "c2": "created"}


def test_it_moves_the_address_with_the_person() -> None:
    world = read(Person("c1", "ann@example.com", "Ann"))
    code = world.referrer("ann@example.com").code
    world.crm.people["c1"].email = "New@example.com"

    run = world.run()

    assert counts(run) == {"read": 1, "updated": 1}
    assert world.referrer("new@example.com").code == code
    assert world.referrers() == {"new@example.com": "Ann"}


@pytest.mark.parametrize("mode", ["fill_if_empty", "only_new"])
def test_it_leaves_an_address_where_the_map_does_not_overwrite(mode: str) -> None:
    world = read(Person("c1", "ann@example.com", "Ann"), inbound=[NAME, {**EMAIL, "mode": mode}])
    world.crm.people["c1"].email = "new@example.com"
    world.crm.people["c1"].name = "Anna"

    preview, run = world.preview(), world.run()

    assert world.referrers() == {"ann@example.com": "Anna"}
    assert counts(preview) == counts(run) == {"read": 1, "updated": 1}
    assert counts(world.run()) == {"read": 1, "unchanged": 1}


def test_it_keeps_the_address_of_the_leader_when_another_contact_changes_theirs() -> None:
    world = read(Person("c1", "ann@example.com", "Ann", seen=9), Person("c2", "ann@example.com", "Ann"))
    world.crm.people["c2"].email = "other@example.com"

    run = world.run()

    assert counts(run) == {"read": 2, "unchanged": 1, "duplicate": 1}
    assert world.referrers() == {"ann@example.com": "Ann"}


def test_it_moves_a_chain_of_addresses() -> None:
    world = read(*(Person(f"c{one}", f"p{one}@example.com", f"P{one}") for one in (1, 2, 3)))
    for one in (1, 2, 3):
        world.crm.people[f"c{one}"].email = f"p{one + 1}@example.com"

    run = world.run()

    assert counts(run) == {"read": 3, "updated": 3}
    assert world.links() == {"c1": "p2@example.com", "c2": "p3@example.com", "c3": "p4@example.com"}


def test_it_finds_nothing_to_update_in_a_default_that_is_a_number() -> None:
    inbound = [{**NAME, "default": 7}, EMAIL, {**PHONE, "default": True}]
    world = read(Person("c1", "ann@example.com"), inbound=inbound)

    run = world.run()

    assert counts(run) == {"read": 1, "unchanged": 1}
    assert world.referrers() == {"ann@example.com": "7"}


def test_it_keeps_nothing_of_a_hostile_name_but_its_letters() -> None:
    world = read(Person("c1", "ann@example.com", "A\0nn  \u202e 👩\u200d🚀 '; DROP TABLE \\ %s {}"))

    assert world.referrers() == {"ann@example.com": "Ann \u202e 👩\u200d🚀 '; DROP TABLE \\ %s {}"}


def test_it_fails_one_contact_whose_value_is_too_long_and_takes_the_others() -> None:
    world = World(Crm(Person("c1", "ann@example.com", "x" * 10_001), Person("c2", "bea@example.com", "Bea")))

    run = world.run()

    assert outcomes(run) == {"c1": "failed value_too_long", "c2": "created"}
    assert run.status == "partial"
