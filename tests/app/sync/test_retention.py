"""What is dropped after a while, and what is kept whatever happens."""

from datetime import timedelta

import pytest

from passalong.core.clock import now
from passalong.core.ids import new_id
from passalong.sync import retention
from passalong.sync.models import Notification, Run, RunRecord
from tests.support.crm import Crm, Person
from tests.support.syncing import World, counts, outcomes

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = timedelta(days=8)
YESTERDAY = timedelta(days=1, minutes=1)
AN_HOUR_AGO = timedelta(hours=1)


def world(people: int = 3) -> World:
    return World(Crm(*(Person(f"c{n}", f"p{n}@example.com", f"P{n}") for n in range(people))))


def age(run: Run, by: timedelta) -> None:
    Run.everywhere.filter(pk=run.pk).update(created_at=now() - by)


def there(*runs: Run) -> list[bool]:
    left = set(Run.everywhere.values_list("pk", flat=True))
    return [run.pk in left for run in runs]


# Records that say that nothing happened


def test_it_keeps_every_record_of_the_latest_three_runs() -> None:
    made = world()
    runs = [made.run() for _ in range(5)]
    assert retention.drop_unchanged() == 3
    everybody = {f"c{n}": "unchanged" for n in range(3)}
    assert [outcomes(run) for run in runs] == [
        {f"c{n}": "created" for n in range(3)},
        {},
        everybody,
        everybody,
        everybody,
    ]


def test_it_leaves_the_counts_of_a_run_alone() -> None:
    made = world()
    second = [made.run() for _ in range(5)][1]
    retention.drop_unchanged()
    assert counts(Run.everywhere.get(pk=second.pk)) == {"read": 3, "unchanged": 3}


def test_it_keeps_what_happened_to_somebody_in_an_older_run() -> None:
    made = world()
    made.run()
    made.crm.people["c1"].name = "Another"
    second = made.run()
    for _ in range(3):
        made.run()
    assert retention.drop_unchanged() == 2
    assert outcomes(second) == {"c1": "updated"}


def test_it_keeps_whoever_was_written_to_though_nothing_changed_here() -> None:
    made = world()
    made.run()
    made.crm.people["c1"].values.clear()
    second = made.run()
    for _ in range(3):
        made.run()
    retention.drop_unchanged()
    kept = RunRecord.objects.get(run=second)
    assert (kept.external_id, kept.outcome, kept.write_back) == ("c1", "unchanged", "written")


def test_it_counts_the_runs_of_each_sync_for_itself() -> None:
    one, other = world(), world()
    for made in (one, other):
        for _ in range(4):
            made.run()
    assert retention.drop_unchanged() == 0


def test_it_leaves_a_run_that_is_not_over_alone() -> None:
    made = world()
    runs = [made.run() for _ in range(5)]
    Run.everywhere.filter(pk=runs[1].pk).update(status="paused")
    assert retention.drop_unchanged() == 0


def test_it_finds_nothing_the_second_time() -> None:
    made = world()
    for _ in range(6):
        made.run()
    assert [retention.drop_unchanged(), retention.drop_unchanged()] == [6, 0]


# Previews


def test_it_drops_previews_after_a_day() -> None:
    made = world()
    old, young = made.preview(), made.preview()
    age(old, YESTERDAY)
    age(young, AN_HOUR_AGO)
    retention.tidy()
    assert there(old, young) == [False, True]


def test_it_keeps_a_preview_that_still_counts() -> None:
    made = world()
    old = made.preview()
    age(old, LONG_AGO)
    Run.everywhere.filter(pk=old.pk).update(status="running")
    retention.tidy()
    assert there(old) == [True]


# Runs that the CRM's own word started


def by_webhook(made: World, by: timedelta, **columns: object) -> Run:
    run = made.run()
    Run.everywhere.filter(pk=run.pk).update(trigger="webhook", **{**IDLE, **columns})
    age(run, by)
    return run


IDLE = {"created": 0, "updated": 0, "left": 0, "written": 0}


def test_it_drops_runs_that_only_heard_of_our_own_writes() -> None:
    made = world()
    old, young = by_webhook(made, YESTERDAY), by_webhook(made, AN_HOUR_AGO)
    retention.drop_idle()
    assert there(old, young) == [False, True]


@pytest.mark.parametrize("told", IDLE)
def test_it_keeps_one_that_found_something(told: str) -> None:
    run = by_webhook(world(), LONG_AGO, **{told: 1})
    retention.drop_idle()
    assert there(run) == [True]


@pytest.mark.parametrize("status", ["failed", "partial", "running", "cancelled"])
def test_it_keeps_one_that_did_not_succeed(status: str) -> None:
    run = by_webhook(world(), LONG_AGO, status=status)
    retention.drop_idle()
    assert there(run) == [True]


def test_it_keeps_idle_runs_of_the_schedule() -> None:
    made = world()
    made.run()
    run = made.run()
    Run.everywhere.filter(pk=run.pk).update(trigger="schedule")
    age(run, LONG_AGO)
    retention.drop_idle()
    assert there(run) == [True]


# What the CRM told


def told(made: World, by: timedelta, *, handled: bool = True) -> Notification:
    note = Notification.everywhere.create(
        workspace_id=made.workspace_id,
        connection=made.connection,
        uid=str(new_id()),
        topic="person.changed",
        handled_at=now() if handled else None,
    )
    Notification.everywhere.filter(pk=note.pk).update(received_at=now() - by)
    return note


def test_it_drops_what_was_told_a_week_ago_but_not_what_nobody_followed_yet() -> None:
    made = world()
    told(made, LONG_AGO)
    young, open_ = told(made, YESTERDAY), told(made, LONG_AGO, handled=False)
    retention.tidy()
    assert list(Notification.everywhere.order_by("id")) == [young, open_]
