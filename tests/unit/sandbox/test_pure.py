"""The parts that need no server: days, windows, cursors, the index."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passalong.sandbox.intercom.clock import Clock
from passalong.sandbox.intercom.contact import Contact
from passalong.sandbox.intercom.days import NEVER, by_day, by_second, day_of
from passalong.sandbox.intercom.errors import ApiError
from passalong.sandbox.intercom.index import Index, Leaf, Order
from passalong.sandbox.intercom.limits import RateLimit
from passalong.sandbox.intercom.paging import make_cursor, read_cursor

ANGELES = ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize(("second", "hours"), [(1_615_791_600, 24), (1_615_708_800, 23), (1_636_268_400, 25)])
def test_it_knows_days_of_23_and_25_hours(second: int, hours: int) -> None:
    start, end = day_of(second, ANGELES)
    assert end - start == hours * 3600


@given(st.integers(0, 4_000_000_000))
def test_it_splits_time_into_before_the_day_the_day_and_after(second: int) -> None:
    (_, before), (start, end), (after, _) = (by_day(o, second, ANGELES) for o in "<=>")
    assert before == start <= second < end == after


def test_it_finds_nothing_for_milliseconds() -> None:
    assert by_day(">", 1_600_000_000_000, ANGELES) == NEVER


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_it_compares_seconds_as_numbers_do(value: int, second: int) -> None:
    spans = {o: by_second(o, second) for o in ("=", ">", ">=", "<", "<=")}
    held = {o for o, (low, high) in spans.items() if low <= value < high}
    truth = {
        "=": value == second,
        ">": value > second,
        ">=": value >= second,
        "<": value < second,
        "<=": value <= second,
    }
    assert held == {o for o, is_true in truth.items() if is_true}


def test_it_counts_calls_per_window() -> None:
    limit = RateLimit(2)
    taken = [limit.take(at) for at in (100.0, 109.9, 109.99, 110.0)]
    assert [allowed for allowed, _ in taken] == [True, True, False, True]
    assert [headers["x-ratelimit-remaining"] for _, headers in taken] == ["2", "1", "0", "2"]
    assert [headers["x-ratelimit-reset"] for _, headers in taken] == ["112", "112", "112", "122"]


def test_it_reads_the_recorded_cursor() -> None:
    cursor = "WzE3MTU2OTU2NzkwMDAsIjY2NDM3MDNmZmFlNzgzNGQxNzkyZmQzMCIsMl0="
    assert read_cursor(cursor, is_date=True) == (1715695679, "6643703ffae7834d1792fd30", 2)
    assert make_cursor(1715695679, "6643703ffae7834d1792fd30", 2, is_date=True) == cursor


def test_it_refuses_the_cursor_of_another_kind_of_sort() -> None:
    with pytest.raises(ApiError, match="server_error"):
        read_cursor(make_cursor("bob", "1", 2, is_date=False), is_date=True)


seconds = st.one_of(st.none(), st.integers(0, 5))


def _index(values: list[int | None]) -> Index:
    index = Index(Clock.starting(0))
    for number, value in enumerate(values):
        contact = Contact(id=f"{number:03}", workspace_id="w", created_at=0, updated_at=0, last_seen_at=value)
        index.put(contact.id, contact, frozenset())
    return index


@given(st.lists(seconds, max_size=30), st.booleans(), st.integers(1, 5))
def test_it_walks_everybody_once_in_any_order(values: list[int | None], ascending: bool, size: int) -> None:
    index, order = _index(values), Order("last_seen_at", ascending)
    walked: list[str] = []
    start = 0
    while True:
        page = index.ids(order, ())[start : start + size]
        if not page:
            break
        walked += page
        last = index.docs[page[-1]]
        start = index.after(index.ids(order, ()), order, last.last_seen_at, last.id)
    assert sorted(walked) == sorted(index.docs)


@given(st.lists(seconds, max_size=30), st.integers(0, 6), st.integers(0, 6))
def test_it_cuts_a_span_as_a_filter_would(values: list[int | None], low: int, high: int) -> None:
    index = _index(values)

    def test(contact: Contact) -> bool:
        return contact.last_seen_at is not None and low <= contact.last_seen_at < high

    leaf = Leaf("span", "last_seen_at", ("last_seen_at",), lambda: test, (low, high))
    found = index.ids(Order("last_seen_at", True), (leaf,))
    assert sorted(found) == sorted(i for i, c in index.docs.items() if test(c))


def test_it_keeps_an_order_until_its_field_changes() -> None:
    index, order = _index([3, 1, 2]), Order("last_seen_at", True)
    before = index.ids(order, ())
    index.put("000", index.docs["000"], frozenset({"custom_attributes.x"}))
    assert index.ids(order, ()) is before
    index.put("000", index.docs["000"], frozenset({"last_seen_at"}))
    assert index.ids(order, ()) is not before
