"""Cutting an audience: nobody lost, nobody twice, in any time zone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passalong.integrations.intercom import search
from passalong.sync.records import Slice

ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith("posix"))
FIRST, LAST = 1_293_840_000, 2_082_758_400  # 2011, when Intercom began, to 2036
moments = st.integers(FIRST, LAST)
WHOLE = Slice("include", 5_000, "user", "seg")


def matches(part: Slice, created_at: int, where: ZoneInfo, version: str) -> bool:
    """Intercom's documented rule, on its own (§3.4)."""
    conditions = [c for c in search.filters(part, version) if c["field"] == "created_at"]
    return all(_holds(c, created_at, where, version) for c in conditions)


def _holds(condition: dict[str, Any], created_at: int, where: ZoneInfo, version: str) -> bool:
    def unit(moment: int) -> date | int:
        exact = not search.day_granular_dates(version)
        return moment if exact else datetime.fromtimestamp(moment, UTC).astimezone(where).date()

    own, value = unit(created_at), unit(condition["value"])
    return own < value if condition["operator"] == "<" else own > value  # type: ignore[operator]


def parts_of(oldest: int, newest: int, count: int, zone: str | None) -> list[Slice]:
    return search.divide(WHOLE, search.cuts(oldest, newest, count, search.zone(zone)))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(ZONES), moments, moments, moments, st.integers(2, 16), st.sampled_from(["2.16", "2.17"])
)
def test_it_holds_every_contact_in_exactly_one_slice(
    zone: str, one: int, other: int, created_at: int, count: int, version: str
) -> None:
    parts = parts_of(min(one, other), max(one, other), count, zone)
    assert [matches(p, created_at, ZoneInfo(zone), version) for p in parts].count(True) == 1


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ZONES), st.integers(1_735_689_600, LAST), st.integers(0, 400), st.data())
def test_it_holds_everyone_around_a_cut_when_the_zone_is_not_known(
    zone: str, oldest: int, days: int, data: Any
) -> None:
    parts = parts_of(oldest, oldest + days * 86_400, 8, None)
    edge = data.draw(st.sampled_from([p.created_from or oldest for p in parts]))
    created_at = edge + data.draw(st.integers(-2 * 86_400, 2 * 86_400))
    assert [matches(p, created_at, ZoneInfo(zone), "2.16") for p in parts].count(True) == 1


@pytest.mark.parametrize(
    "zone", ["Pacific/Apia", "Pacific/Kiritimati", "Etc/GMT+12", "Pacific/Chatham", "Asia/Gaza"]
)
def test_it_holds_every_hour_of_two_months_around_a_change(zone: str) -> None:
    start = int(datetime(2011, 12, 1, tzinfo=UTC).timestamp())  # Samoa skipped the 30th
    end = start + 60 * 86_400
    parts = parts_of(start, end, 60, zone)
    counts = {
        [matches(p, moment, ZoneInfo(zone), "2.16") for p in parts].count(True)
        for moment in range(start - 86_400, end + 86_400, 3_600)
    }
    assert counts == {1}


def test_it_cuts_at_noon_of_the_workspace() -> None:
    oldest = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
    newest = int(datetime(2026, 3, 30, tzinfo=UTC).timestamp())
    where = ZoneInfo("America/Los_Angeles")
    noons = search.cuts(oldest, newest, 3, where)
    assert [str(datetime.fromtimestamp(n, where)) for n in noons] == [
        "2026-03-10 12:00:00-07:00",
        "2026-03-20 12:00:00-07:00",
    ]


def test_it_does_not_cut_a_single_day() -> None:
    assert search.cuts(1_790_000_000, 1_790_000_060, 16, UTC) == []


@given(moments, st.integers(0, 4_000), st.integers(1, 16))
def test_it_never_makes_more_slices_than_days_or_than_wanted(oldest: int, days: int, count: int) -> None:
    newest = oldest + int(timedelta(days=days).total_seconds())
    assert len(search.cuts(oldest, newest, count, UTC)) + 1 <= min(count, days + 1)


@pytest.mark.parametrize(
    ("total", "slices"),
    [
        (0, 1),
        (1_199, 1),
        (1_200, 2),
        (1_800, 3),
        (5_000, 4),
        (20_000, 4),
        (20_001, 5),
        (100_000, 16),
        (10**6, 16),
    ],
)
def test_it_makes_few_slices_of_small_audiences(total: int, slices: int) -> None:
    assert search.slice_count(total) == slices


def test_it_shares_out_the_count() -> None:
    assert [p.total for p in search.divide(WHOLE, [1, 2])] == [1_667, 1_667, 1_666]


def test_it_asks_for_a_slice_in_an_order_that_does_not_move() -> None:
    part = Slice("include", 9, "lead", "5f", 1_790_000_000, 1_790_864_000)
    assert search.body(part, "2.16", "WzE=") == {
        "query": {
            "operator": "AND",
            "value": [
                {"field": "segment_id", "operator": "=", "value": "5f"},
                {"field": "role", "operator": "=", "value": "lead"},
                {"field": "created_at", "operator": ">", "value": 1_789_913_600},
                {"field": "created_at", "operator": "<", "value": 1_790_864_000},
            ],
        },
        "sort": {"field": "created_at", "order": "ascending"},
        "pagination": {"per_page": 150, "starting_after": "WzE="},
    }


def test_it_asks_a_single_condition_without_a_group() -> None:
    assert search.body(Slice("include", 9, "user"), "2.16")["query"] == {
        "field": "role",
        "operator": "=",
        "value": "user",
    }


@pytest.mark.parametrize(
    ("version", "by_day"), [("2.7", True), ("2.16", True), ("2.17", False), ("3.0", False)]
)
def test_it_knows_which_versions_match_by_day(version: str, by_day: bool) -> None:
    assert search.day_granular_dates(version) is by_day


def test_it_asks_for_named_contacts_a_hundred_at_a_time_and_counts_them_once() -> None:
    ids = [f"c{number}" for number in range(150)]
    groups = [Slice("include", 9, "user", "s1"), Slice("include", 9, "lead", "s2")]

    parts = search.narrowed(groups, ids)

    assert [(part.segment_id, part.total, len(part.ids)) for part in parts] == [
        ("s1", 100, 100),
        ("s1", 50, 50),
        ("s2", 0, 100),
        ("s2", 0, 50),
    ]


def test_it_asks_for_named_contacts_within_the_audience() -> None:
    part = Slice("include", 2, "user", "s1", ids=["c1", "c2"])

    assert search.body(part, "2.16")["query"]["value"] == [
        {"field": "segment_id", "operator": "=", "value": "s1"},
        {"field": "id", "operator": "IN", "value": ["c1", "c2"]},
        {"field": "role", "operator": "=", "value": "user"},
    ]
