"""Addresses that change in the CRM: people move, swap, and turn out to be one."""

import pytest
from django.db import connection as database
from hypothesis import given, settings
from hypothesis import strategies as st

from passalong.accounts.scope import in_workspace
from passalong.config.doctor import LEAD_COUNTS
from passalong.leads.services import add_lead, qualify
from passalong.referrers.merging import merge
from passalong.referrers.models import Referrer, ReferrerAlias
from passalong.referrers.services import change_referrer
from passalong.sync.models import RunRecord
from tests.support.crm import COUNT, LINK, Crm, Part, Person
from tests.support.syncing import (
    EMAIL,
    LINK_BACK,
    NAME,
    World,
    counts,
    numbers,
    outcomes,
    write_backs,
)

pytestmark = pytest.mark.django_db(transaction=True)

COUNT_BACK = {"from": "referrals_count", "to": COUNT}


def ann_and_bea(**options: object) -> World:
    """Two people after a first run; ann was here first."""
    crm = Crm(Person("c1", "ann@example.com", "Ann", seen=1), Person("c2", "bea@example.com", "Bea", seen=9))
    world = World(crm, outbound=[LINK_BACK, COUNT_BACK], **options)  # type: ignore[arg-type]
    only(world, ["c1"])
    world.run()
    only(world, ["c1"], ["c2"])
    world.run()
    return world


def only(world: World, *pages: list[str]) -> None:
    world.crm.paced = True
    world.crm.parts = [Part(list(pages))]


def friend(world: World, referrer: str, email: str) -> None:
    with in_workspace(world.workspace_id):
        qualify(add_lead(world.campaign, referrer, email)[0])


def messages(world: World) -> dict[str, str]:
    rows = RunRecord.objects.filter(run__sync=world.sync).exclude(message="").order_by("id")
    return {row.external_id: row.message for row in rows}


def test_it_swaps_two_addresses() -> None:
    world = ann_and_bea()
    codes = {email: world.referrer(email).code for email in world.referrers()}
    world.crm.people["c1"].email = "bea@example.com"
    world.crm.people["c2"].email = "ann@example.com"

    preview, run = world.preview(), world.run()

    assert numbers(preview) == numbers(run)
    assert outcomes(run) == {"c1": "updated", "c2": "updated"}
    assert world.links() == {"c1": "bea@example.com", "c2": "ann@example.com"}
    assert world.referrer("bea@example.com").code == codes["ann@example.com"]


def test_it_makes_one_referrer_of_two_when_somebody_takes_the_address_of_another() -> None:
    world = ann_and_bea()
    ann, bea = world.referrer("ann@example.com"), world.referrer("bea@example.com")
    friend(world, ann.code, "frida@example.com")
    friend(world, bea.code, "gus@example.com")
    world.crm.people["c1"].email = "bea@example.com"

    preview = world.preview()
    assert sorted(world.referrers()) == ["ann@example.com", "bea@example.com"]
    run = world.run()

    assert numbers(preview) == numbers(run)
    assert outcomes(run) == {"c1": "duplicate", "c2": "updated"}
    one = world.referrer("bea@example.com")
    assert (one.pk, one.code, one.first_name) == (ann.pk, ann.code, "Bea")
    assert (one.referrals_count, one.converted_referrals_count) == (2, 2)
    assert ReferrerAlias.everywhere.get(code=bea.code).referrer_id == ann.pk
    assert world.crm.values(LINK) == {"c1": one.referral_link, "c2": one.referral_link}
    assert world.crm.values(COUNT) == {"c1": 2, "c2": 2}
    assert counts(world.run()) == {"read": 2, "unchanged": 1, "duplicate": 1}


def test_it_names_the_merge_in_the_record_of_whoever_changed() -> None:
    world = ann_and_bea()
    world.crm.people["c1"].email = "bea@example.com"

    world.run()

    assert messages(world) == {
        "c1": "ann@example.com is now the same referrer as bea@example.com, because Nasty has the address "
        "bea@example.com for both. All their links lead to that one from now on. This cannot be undone."
    }


def test_it_makes_one_referrer_of_two_who_want_the_same_new_address() -> None:
    world = ann_and_bea()
    ann = world.referrer("ann@example.com")
    for one in ("c1", "c2"):
        world.crm.people[one].email = "new@example.com"

    preview, run = world.preview(), world.run()

    assert numbers(preview) == numbers(run)
    assert outcomes(run) == {"c1": "duplicate", "c2": "updated"}
    assert world.referrers() == {"new@example.com": "Bea"}
    assert world.referrer("new@example.com").pk == ann.pk


@pytest.mark.parametrize("pages", [[["c1"], ["c3"]], [["c3"], ["c1"]]])
def test_it_makes_one_of_somebody_known_and_somebody_new(pages: list[list[str]]) -> None:
    world = ann_and_bea()
    ann = world.referrer("ann@example.com")
    world.crm.people["c1"].email = "new@example.com"
    world.crm.people["c3"] = Person("c3", "new@example.com", "Newt", seen=5)
    only(world, *pages)

    preview, run = world.preview(), world.run()

    assert numbers(preview) == numbers(run)
    assert outcomes(run) == {"c1": "duplicate", "c3": "updated"}
    assert world.referrers() == {"new@example.com": "Newt", "bea@example.com": "Bea"}
    assert world.referrer("new@example.com").pk == ann.pk
    assert write_backs(run)["c3"] == "written"


def test_it_makes_one_with_somebody_who_was_added_by_hand_and_is_in_no_crm() -> None:
    world = ann_and_bea()
    ann = world.referrer("ann@example.com")
    world.add("cyd@example.com", first_name="Cyd", phone="123")
    world.crm.people["c1"].email = "cyd@example.com"

    preview, run = world.preview(), world.run()

    assert numbers(preview) == numbers(run)
    assert outcomes(run) == {"c1": "updated", "c2": "unchanged"}
    one = world.referrer("cyd@example.com")
    assert (one.pk, one.first_name, one.phone) == (ann.pk, "Ann", "123")


def test_it_merges_with_nobody_whose_contact_it_has_not_read() -> None:
    world = ann_and_bea()
    world.crm.people["c1"].email = "bea@example.com"
    world.crm.people["c2"].email = "cyd@example.com"
    only(world, ["c1"])

    preview, run = world.preview(), world.run()

    assert numbers(preview) == numbers(run)
    assert outcomes(run) == {"c1": "failed email_in_use"}
    assert world.links() == {"c1": "ann@example.com", "c2": "bea@example.com"}
    only(world, ["c1"], ["c2"])
    assert outcomes(world.run()) == {"c1": "updated", "c2": "updated"}
    assert world.links() == {"c1": "bea@example.com", "c2": "cyd@example.com"}


def test_it_joins_three_and_moves_a_fourth_into_the_address_that_is_free() -> None:
    people = [Person(f"c{n}", f"p{n}@example.com", f"P{n}", seen=n) for n in (1, 2, 3, 4)]
    world = World(Crm(*people))
    world.run()
    for contact, email in {"c1": "p3", "c2": "p3", "c4": "p1"}.items():
        world.crm.people[contact].email = f"{email}@example.com"

    preview, run = world.preview(), world.run()

    assert numbers(preview) == numbers(run)
    assert world.referrers() == {"p3@example.com": "P3", "p1@example.com": "P4"}
    assert world.links() == {
        "c1": "p3@example.com",
        "c2": "p3@example.com",
        "c3": "p3@example.com",
        "c4": "p1@example.com",
    }


def test_it_takes_back_what_a_contact_said_that_leads_no_more() -> None:
    world = ann_and_bea(inbound=[{**NAME, "mode": "fill_if_empty"}, EMAIL])
    with in_workspace(world.workspace_id):
        change_referrer(world.referrer("bea@example.com"), who="alice", first_name="Beatrice")
    world.crm.people["c1"].email = "bea@example.com"

    world.run()

    assert world.referrers() == {"bea@example.com": "Ann"}


IDS = ["c1", "c2", "c3", "c4"]
ADDRESSES = [f"p{number}@example.com" for number in range(1, 7)]


@settings(max_examples=12, deadline=None)
@given(
    ends=st.lists(st.sampled_from(ADDRESSES), min_size=4, max_size=4),
    pages=st.permutations(IDS),
    size=st.integers(1, 4),
    joined=st.sets(st.sampled_from(IDS), max_size=2),
)
def test_it_makes_one_of_all_who_end_with_one_address_in_whatever_order(
    ends: list[str], pages: list[str], size: int, joined: set[str]
) -> None:
    world = World(Crm(*(Person(f"c{n}", f"p{n}@example.com", "P", seen=n) for n in range(1, 5))))
    world.run()
    # Whoever was here first, which among people of one page nobody chose.
    rows = Referrer.everywhere.filter(campaign=world.campaign).order_by("pk")
    codes = {row.email: row.code for row in rows}
    first = {f"c{email[1]}": place for place, email in enumerate(codes)}
    for number in range(1, 5):
        friend(world, codes[f"p{number}@example.com"], f"f{number}@example.com")
    with in_workspace(world.workspace_id):
        people = {world.referrer(f"p{one[1]}@example.com").pk for one in joined}
        merge(world.campaign, [people], who="alice")
    for contact, email in zip(IDS, ends, strict=True):
        world.crm.people[contact].email = email
    only(world, *(pages[at : at + size] for at in range(0, 4, size)))

    preview, run = world.preview(), world.run()

    assert numbers(preview) == numbers(run)
    # Of two who were merged by hand the one seen last speaks; everybody else speaks for themselves.
    speaks = {one: max(joined) if one in joined else one for one in IDS}
    end_of = {one: ends[IDS.index(speaks[one])] for one in IDS}
    assert world.links() == end_of
    expected = {email: [one for one in IDS if end_of[one] == email] for email in set(end_of.values())}
    people_now = Referrer.everywhere.filter(campaign=world.campaign)
    assert {one.email: one.referrals_count for one in people_now} == {
        email: len(some) for email, some in expected.items()
    }
    assert {one.email: one.code for one in people_now} == {
        email: codes[f"p{min(some, key=first.__getitem__)[1]}@example.com"]
        for email, some in expected.items()
    }
    with database.cursor() as cursor:
        cursor.execute(LEAD_COUNTS)
        assert cursor.fetchall() == []


def test_it_calls_another_spelling_of_the_address_no_change() -> None:
    world = ann_and_bea()
    world.crm.people["c1"].email = " ANN@Example.COM"

    assert counts(world.run()) == {"read": 2, "unchanged": 2}


def test_it_goes_on_with_a_contact_that_becomes_a_user() -> None:
    world = World(Crm(Person("c1", "ann@example.com", "Ann", role="lead")))
    world.run()
    code = world.referrer("ann@example.com").code
    world.crm.people["c1"].role = "user"

    run = world.run()

    assert (counts(run), world.referrer("ann@example.com").code) == ({"read": 1, "unchanged": 1}, code)


@pytest.mark.parametrize(
    ("mode", "name"), [("overwrite", "Anna"), ("fill_if_empty", "Annie"), ("only_new", "Annie")]
)
def test_it_does_not_lose_what_a_person_wrote_here_unless_the_map_overwrites(mode: str, name: str) -> None:
    world = ann_and_bea(inbound=[{**NAME, "mode": mode}, EMAIL])
    with in_workspace(world.workspace_id):
        change_referrer(world.referrer("ann@example.com"), who="alice", first_name="Annie")
    world.crm.people["c1"].name = "Anna"

    world.run()

    assert world.referrer("ann@example.com").first_name == name


def test_it_keeps_somebody_who_has_unsubscribed_since_and_skips_them_by_policy() -> None:
    world = ann_and_bea(policy={"unsubscribed": "skip"})
    world.crm.people["c1"].unsubscribed = True

    run = world.run()

    assert outcomes(run) == {"c1": "skipped unsubscribed", "c2": "unchanged"}
    assert Referrer.everywhere.filter(campaign=world.campaign, status="active").count() == 2
