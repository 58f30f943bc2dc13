"""A retry reads again only what failed, and is otherwise a run like any other."""

import pytest

from passalong.accounts.scope import in_workspace
from passalong.core.problems import Problem
from passalong.sync import services
from passalong.sync.models import Run
from tests.support.crm import Crm, Part, Person, revoked
from tests.support.syncing import Kill, Killed, MortalDb, World, counts, expire, outcomes, work, write_backs

pytestmark = pytest.mark.django_db(transaction=True)

PLAN = {"from": "plan", "to": "fields.plan", "mode": "overwrite", "name_format": None, "default": None}
LONG = {"plan": "x" * 10_001}


def retry(world: World, run: Run, *only: str) -> Run:
    with in_workspace(world.workspace_id):
        return work(services.retry_run(run, started_by="alice@example.com", only=only))


def with_long_values(*also: Person) -> World:
    """Two of three people say something too long for us."""
    from tests.support.syncing import EMAIL, NAME

    crm = Crm(
        Person("c1", "p1@example.com", "P1"),
        Person("c2", "p2@example.com", "P2", values=dict(LONG)),
        Person("c3", "p3@example.com", "P3", values=dict(LONG)),
        *also,
    )
    return World(crm, inbound=[NAME, EMAIL, PLAN])


def test_it_reads_again_only_the_contacts_that_failed() -> None:
    world = with_long_values()
    first = world.run()
    world.crm.people["c2"].values["plan"] = "Pro"

    again = retry(world, first)

    assert counts(first) == {"read": 3, "created": 1, "failed": 2}
    assert counts(again) == {"read": 2, "created": 1, "failed": 1}
    assert outcomes(again) == {"c2": "created", "c3": "failed value_too_long"}
    assert (again.trigger, again.retry_of_id, again.started_by) == ("retry", first.pk, "alice@example.com")
    assert world.referrers() == {"p1@example.com": "P1", "p2@example.com": "P2"}


def test_it_retries_just_the_contacts_named() -> None:
    world = with_long_values()
    first = world.run()
    world.crm.people["c2"].values["plan"] = world.crm.people["c3"].values["plan"] = "Pro"

    assert outcomes(retry(world, first, "c3", "c1")) == {"c3": "created"}


def test_it_writes_back_what_could_not_be_written() -> None:
    world = World(Crm(Person("c1", "p1@example.com", "P1"), Person("c2", "p2@example.com", "P2")))
    world.crm.missing_fields = {"custom_attributes.Link"}
    first = world.run()
    world.crm.missing_fields = set()

    again = retry(world, first)

    assert (first.write_backs_failed, first.status) == (2, "partial")
    assert (again.written, again.status) == (2, "succeeded")
    assert write_backs(again) == {"c1": "written", "c2": "written"}
    assert outcomes(again) == {"c1": "unchanged", "c2": "unchanged"}


def test_it_takes_up_writes_that_a_revoked_token_left_undone() -> None:
    world = World(Crm(Person("c1", "p1@example.com", "P1"), Person("c2", "p2@example.com", "P2")))
    world.crm.at("write", 1, revoked())
    world.crm.at("write", 2, revoked())
    first = world.run()

    again = retry(world, first)

    assert (first.status, first.written) == ("failed", 0)
    assert (again.status, again.written) == ("succeeded", 2)


def test_it_says_who_is_no_longer_in_the_audience() -> None:
    world = with_long_values()
    first = world.run()
    world.crm.parts = [Part([["c1", "c2"]])]

    again = retry(world, first)

    assert outcomes(again) == {"c2": "failed value_too_long", "c3": "left not_in_audience"}
    assert (again.read, again.left) == (1, 1)


def test_it_still_leaves_out_who_is_excluded() -> None:
    world = with_long_values()
    first = world.run()
    world.crm.people["c2"].values["plan"] = world.crm.people["c3"].values["plan"] = "Pro"
    world.crm.parts = [Part([["c1", "c2", "c3"]]), Part([["c3"]], "exclude")]

    assert outcomes(retry(world, first)) == {"c2": "created", "c3": "skipped excluded"}


def test_it_can_retry_a_retry() -> None:
    world = with_long_values()
    second = retry(world, world.run())
    world.crm.people["c3"].values["plan"] = "Pro"

    assert counts(retry(world, second)) == {"read": 2, "created": 1, "failed": 1}


def test_it_follows_the_map_as_it_is_now() -> None:
    world = with_long_values()
    first = world.run()
    with in_workspace(world.workspace_id):
        world.sync = services.change_sync(
            world.sync, {"inbound": world.sync.inbound[:2]}, who="alice@example.com"
        )
        first.sync = world.sync

    assert counts(retry(world, first)) == {"read": 2, "created": 2}


@pytest.mark.parametrize("nth", range(1, 9))
def test_it_ends_the_same_after_a_crash_anywhere(nth: int) -> None:
    world = with_long_values()
    first = world.run()
    world.crm.people["c2"].values["plan"] = "Pro"
    world.crm.parts = [Part([["c1", "c2"]])]
    with in_workspace(world.workspace_id):
        run = services.retry_run(first)
    try:
        run = work(run, MortalDb(run, Kill(nth, before=nth % 2 == 0)))
    except Killed:
        expire(run)
        run = work(run)

    assert outcomes(run) == {"c2": "created", "c3": "left not_in_audience"}
    assert (run.read, run.created, run.left, run.status) == (1, 1, 1, "succeeded")


def test_it_refuses_when_nothing_failed() -> None:
    world = World(Crm(Person("c1", "p1@example.com", "P1")))
    run = world.run()
    with pytest.raises(Problem) as refused:
        retry(world, run)
    assert (refused.value.status, refused.value.code) == (409, "nothing_to_retry")


def test_it_refuses_while_the_run_goes_on() -> None:
    world = with_long_values()
    with pytest.raises(Problem) as refused:
        retry(world, world.start())
    assert (refused.value.status, refused.value.code) == (409, "run_in_progress")
