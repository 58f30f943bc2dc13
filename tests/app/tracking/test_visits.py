"""Visits that wait are all written, once each, whatever the database does meanwhile."""

from collections.abc import Sequence

import pytest
from django.db import OperationalError

from passalong.core.clock import now
from passalong.core.ids import new_id
from passalong.referrers.models import Referrer
from passalong.tracking import visits
from passalong.tracking.models import Visit
from passalong.tracking.visits import Opened, Waiting
from tests.support import cast
from tests.support.process import until


@pytest.fixture
def referrers(db: None) -> list[Referrer]:
    campaign = cast.campaign_of(cast.alice())
    return [cast.referrer_of(campaign, f"p{number}@example.com") for number in (1, 2)]


def opened(*referrers: Referrer) -> list[Opened]:
    return [Opened(new_id(), referrer.pk, now()) for referrer in referrers]


def counts() -> list[int]:
    return list(Referrer.everywhere.order_by("email").values_list("visits_count", flat=True))


def test_it_writes_many_together(referrers: list[Referrer]) -> None:
    one, two = referrers

    visits.write(opened(one, two, one, one))

    assert counts() == [3, 1]
    assert Visit.everywhere.filter(referrer=one, workspace=one.workspace).count() == 3


def test_it_writes_the_same_ones_once(referrers: list[Referrer]) -> None:
    batch = opened(*referrers)

    visits.write(batch)
    visits.write(batch)

    assert (counts(), Visit.everywhere.count()) == ([1, 1], 2)


def test_it_forgets_visits_of_somebody_who_is_gone(referrers: list[Referrer]) -> None:
    one, two = referrers
    batch = opened(one, two)
    one.delete()

    visits.write(batch)

    assert (counts(), Visit.everywhere.count()) == ([1], 1)


class Books:
    """Where visits are written to; refuses as often as it is told to."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.written: list[Opened] = []

    def write(self, batch: Sequence[Opened]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise OperationalError
        self.written += batch


def some(count: int) -> list[Opened]:
    return [Opened(new_id(), new_id(), now()) for _ in range(count)]


def test_it_keeps_what_the_database_did_not_take() -> None:
    books, batch = Books(refusals=1), some(3)
    waiting = Waiting(books.write, every=3600)
    for visit in batch:
        waiting.add(visit)

    with pytest.raises(OperationalError):
        waiting.flush()
    waiting.flush()

    assert books.written == batch


def test_it_writes_what_waits_when_the_process_ends() -> None:
    books, batch = Books(), some(5_000)
    waiting = Waiting(books.write, every=3600)
    for visit in batch:
        waiting.add(visit)

    waiting.finish()

    assert books.written == batch


def test_it_writes_by_itself_soon() -> None:
    books, batch = Books(refusals=2), some(1)
    waiting = Waiting(books.write, every=0.01)
    waiting.add(batch[0])

    until(lambda: books.written, what="the visit to be written")
    assert books.written == batch


def test_it_keeps_no_more_than_it_says() -> None:
    books = Books()
    waiting = Waiting(books.write, every=3600, most=2)
    batch = some(3)
    for visit in batch:
        waiting.add(visit)

    waiting.finish()

    assert books.written == batch[:2]
