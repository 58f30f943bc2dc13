"""Whatever the order, the pages, the slices and the deaths of workers: the same end, and nothing twice."""

import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passalong.campaigns.models import Campaign
from passalong.referrers.models import Referrer
from passalong.sync.models import ContactLink, WriteBack
from tests.support.crm import CODE, COUNT, LINK, SEEN, Crm, Part, Person
from tests.support.syncing import COUNTS, EMAIL, Kill, World, counts, numbers, picture, survive

pytestmark = pytest.mark.django_db(transaction=True)

IDS = [f"c{number}" for number in range(1, 8)]
EMAILS = ["ann@example.com", " ANN@Example.com", "bea@example.com", "cyd@example.com", "dee@example.com"]
MODES = st.sampled_from(["overwrite", "fill_if_empty", "only_new"])
SPREAD = settings(
    max_examples=int(os.environ.get("PASSALONG_TEST_EXAMPLES", "8")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)

people = st.builds(
    Person,
    id=st.just(""),
    email=st.sampled_from([*EMAILS, *EMAILS, None, "no address"]),
    name=st.sampled_from(["Ann", "Bea Bee", None]),
    role=st.sampled_from(["user", "user", "lead"]),
    seen=st.sampled_from([None, 1, 2]),
    unsubscribed=st.sampled_from([False, False, False, True]),
    values=st.fixed_dictionaries({}, optional={"phone": st.sampled_from(["1", "2"]), "plan": st.just("pro")}),
)
crowds = st.dictionaries(st.sampled_from(IDS), people, max_size=len(IDS))


@st.composite
def layouts(draw: Any, ids: list[str]) -> list[Part]:
    """Up to three slices, overlapping, that hold everybody; and perhaps one of people to leave out."""
    slices: list[list[str]] = [[], [], []]
    for one in draw(st.permutations(ids)):
        for index in draw(st.sets(st.integers(0, 2), min_size=1, max_size=2)):
            slices[index].append(one)
    parts = [Part(_pages(one, draw(st.integers(1, 4)))) for one in slices if one]
    left_out = [one for one in ids if draw(st.integers(0, 9)) == 0]
    return [*parts, Part(_pages(left_out, 2), "exclude")] if left_out else parts


@st.composite
def stories(draw: Any) -> tuple[dict[str, Person], dict[str, Person], list[Part]]:
    """The people of an earlier run, the same people later, and how the CRM hands the later ones out."""
    earlier, later = draw(crowds), draw(crowds)
    return _named(earlier), _named(later), draw(layouts(sorted(later)))


kills = st.lists(st.builds(Kill, nth=st.integers(1, 12), before=st.booleans()), max_size=3)


def _named(crowd: dict[str, Person]) -> dict[str, Person]:
    return {key: replace(person, id=key) for key, person in crowd.items()}


def _pages(ids: list[str], size: int) -> list[list[str]]:
    return [ids[at : at + size] for at in range(0, len(ids), size)]


def _canonical(parts: list[Part]) -> list[Part]:
    """The same people, by id, each once, in one slice of one page."""
    found: dict[str, set[str]] = {"exclude": set(), "include": set()}
    for part in parts:
        found[part.purpose] |= {one for page in part.pages for one in page}
    return [Part([sorted(ids)], purpose) for purpose, ids in found.items() if ids]  # type: ignore[arg-type]


def _move_in(crm: Crm, later: dict[str, Person], parts: list[Part]) -> None:
    """The later people take the place of the earlier ones, who keep what was written on them."""
    for key, person in later.items():
        before = crm.people[key].values if key in crm.people else {}
        kept = {name: before[name] for name in (LINK, CODE, COUNT, SEEN) if name in before}
        crm.people[key] = replace(person, values={**person.values, **kept})
    crm.parts = parts


def _world(earlier: dict[str, Person], modes: list[str], outbound: list[dict[str, str]]) -> World:
    name, phone, plan = modes
    inbound = [
        {"from": "name", "to": "first_name", "mode": name, "name_format": "first_word"},
        EMAIL,
        {"from": "phone", "to": "phone", "mode": phone, "default": "0"},
        {"from": "plan", "to": "fields.plan", "mode": plan},
    ]
    crm = Crm(*(replace(person, values=dict(person.values)) for person in earlier.values()))
    world = World(crm, inbound=inbound, outbound=outbound, policy={"unsubscribed": "skip"})
    world.add("bea@example.com", first_name="Beatrice", fields={"plan": "free"})
    return world


def _kept(world: World) -> tuple[Any, ...]:
    """What a preview must not touch."""
    return (
        list(Referrer.everywhere.filter(campaign=world.campaign).order_by("id").values()),
        list(ContactLink.objects.filter(campaign=world.campaign).order_by("id").values()),
        list(WriteBack.objects.filter(sync=world.sync).order_by("id").values()),
        Campaign.everywhere.get(pk=world.campaign.pk).referrers_count,
        list(world.crm.writes),
    )


@SPREAD
@given(story=stories(), modes=st.lists(MODES, min_size=3, max_size=3), kills=kills, paced=st.booleans())
def test_it_ends_the_same_whatever_happens_on_the_way(
    story: tuple[dict[str, Person], dict[str, Person], list[Part]],
    modes: list[str],
    kills: list[Kill],
    paced: bool,
) -> None:
    earlier, later, parts = story
    outbound = [{"from": "referral_link", "to": LINK}, {"from": "referrals_count", "to": COUNT}]
    calm, rough = _world(earlier, modes, outbound), _world(earlier, modes, outbound)
    for world, layout in ((calm, _canonical(parts)), (rough, parts)):
        world.run()
        _move_in(world.crm, later, layout)
    rough.crm.paced = paced

    expected = picture(calm, calm.run())
    run, added_up = survive(rough, kills)

    assert picture(rough, run) == expected
    assert added_up


@SPREAD
@given(story=stories(), modes=st.lists(MODES, min_size=3, max_size=3))
def test_it_previews_exactly_what_the_run_does_and_the_next_run_does_nothing(
    story: tuple[dict[str, Person], dict[str, Person], list[Part]], modes: list[str]
) -> None:
    earlier, later, parts = story
    world = _world(earlier, modes, [{"from": "referral_code", "to": CODE}])
    world.run()
    _move_in(world.crm, later, parts)
    world.crm.paced = True

    before = _kept(world)
    preview = world.preview()
    assert _kept(world) == before

    run = world.run()
    assert numbers(preview) == numbers(run)
    assert Campaign.everywhere.get(pk=world.campaign.pk).referrers_count == len(world.referrers())

    writes = len(world.crm.writes)
    again = world.run()
    assert (again.created, again.updated, again.written) == (0, 0, 0)
    assert len(world.crm.writes) == writes
    assert sum(counts(again).values()) == 2 * again.read == 2 * len(later)
    assert set(counts(again)) <= {*COUNTS}
