"""The pace of a run follows what it does now."""

import pytest

from passalong.sync.pace import Pace


def test_it_knows_no_pace_after_one_look() -> None:
    assert Pace().look("read", 500, 10.0) is None


def test_it_counts_contacts_a_second() -> None:
    pace = Pace()
    pace.look("read", 100, 10.0)
    assert pace.look("read", 300, 12.0) == 100.0


def test_it_begins_anew_with_a_phase() -> None:
    pace = Pace()
    pace.look("read", 100, 10.0)
    pace.look("read", 300, 12.0)
    assert pace.look("write_back", 0, 14.0) is None
    assert pace.look("write_back", 20, 16.0) == 10.0


def test_it_forgets_an_earlier_pace_within_half_a_minute() -> None:
    pace = Pace()
    for second in range(0, 10, 2):
        pace.look("read", 1000 * second, float(second))
    for second in range(10, 42, 2):
        pace.look("read", 8000 + 10 * (second - 8), float(second))
    assert pace.rate == pytest.approx(10, rel=5)
    assert pace.rate is not None
    assert pace.rate < 60


def test_it_says_the_same_when_no_time_has_passed() -> None:
    pace = Pace()
    pace.look("read", 0, 1.0)
    pace.look("read", 50, 2.0)
    assert pace.look("read", 90, 2.0) == 50.0
