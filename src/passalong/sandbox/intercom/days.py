"""Date conditions as half-open spans: whole days up to 2.16, exact seconds from 2.17 on (§1, §3.4)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Span = tuple[float, float]

EVER = float("inf")
NEVER: Span = (EVER, EVER)
_LAST_SECOND = 253_402_214_400  # the day before the year 10000; milliseconds land far beyond it


def day_of(second: int, zone: ZoneInfo) -> Span:
    """The calendar day around a second, which has 23 or 25 hours twice a year."""
    local = datetime.fromtimestamp(second, zone).date()
    return _midnight(local, zone), _midnight(local + timedelta(days=1), zone)


def _midnight(day: date, zone: ZoneInfo) -> float:
    return datetime.combine(day, time.min, zone).astimezone(UTC).timestamp()


def by_day(operator: str, second: int, zone: ZoneInfo) -> Span:
    """`=` the whole day, `>` from the next day's start, `<` before the day's start (§3.4)."""
    if not 0 <= second < _LAST_SECOND:
        return NEVER  # milliseconds silently find nothing (§3.3)
    start, end = day_of(second, zone)
    return {"=": (start, end), ">": (end, EVER), "<": (-EVER, start)}[operator]


def by_second(operator: str, second: int) -> Span:
    return {
        "=": (second, second + 1),
        ">": (second + 1, EVER),
        ">=": (second, EVER),
        "<": (-EVER, second),
        "<=": (-EVER, second + 1),
    }[operator]
