"""What to ask the contact search, and how to cut an audience by days without losing or doubling anyone.

Up to API 2.16 dates match by calendar day in the workspace's zone (§3.4): `<` means before the day of the
value, `>` from the start of the next day. A cut at day B is therefore two questions: `< noon of B` below it,
and `> 24 hours before that noon` above it, which is the day before B. Noon keeps twelve hours' distance from
both midnights, so that no clock change moves either value into another day.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from passalong.sync.records import Page, Slice

PER_PAGE = 150
# Contacts named in one question; 24 characters each, so the question stays below 4 kB.
NAMED = 100
DAY = 86_400
# Without a known zone: noon here is 18:00 UTC, which is midnight only at UTC+6, where no clock changes take
# place any more (they do at UTC-10..+3 and +9:30..+13). So the cut is right wherever the workspace is.
UNKNOWN_ZONE = timezone(timedelta(hours=-6))


def day_granular_dates(version: str) -> bool:
    """Whether this API version matches created_at by day rather than by the second (2.17 changed it, §1)."""
    major, _, minor = version.partition(".")
    return (int(major), int(minor)) <= (2, 16)


def zone(name: str | None) -> tzinfo:
    """The workspace's zone, or the safe one when it is not known."""
    try:
        return ZoneInfo(name) if name else UNKNOWN_ZONE
    except (KeyError, ValueError, OSError):
        return UNKNOWN_ZONE


def slice_count(total: int) -> int:
    """Enough slices to read at once, few enough that their half-empty last pages do not count."""
    if total < 1_200:
        return 1
    return min(4, total // 600) if total <= 20_000 else min(16, total // 4_000)


def cuts(oldest: int, newest: int, count: int, where: tzinfo) -> list[int]:
    """Up to `count - 1` noons, each of another day after that of `oldest` and not after that of `newest`."""
    first, last = _day(oldest, where), _day(newest, where)
    days = (last - first).days + 1
    wanted = {days * number // count for number in range(1, count)} - {0}
    noons = {_noon(first + timedelta(days=number), where) for number in wanted}
    return sorted(noon for noon in noons if first < _day(noon, where) <= last)


def _day(moment: int, where: tzinfo) -> date:
    return datetime.fromtimestamp(moment, UTC).astimezone(where).date()


def _noon(day: date, where: tzinfo) -> int:
    """Noon of a day. Where the calendar skipped the day (Samoa 2011), that of the one it became."""
    noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=where).timestamp())
    real = _day(noon, where)
    return (
        noon if real == day else int(datetime(real.year, real.month, real.day, 12, tzinfo=where).timestamp())
    )


def divide(whole: Slice, noons: list[int]) -> list[Slice]:
    """The parts between the cuts, open at both ends. Only the sum of the totals was counted."""
    edges = [None, *noons, None]
    share, rest = divmod(whole.total, len(edges) - 1)
    return [
        Slice(
            purpose=whole.purpose,
            total=share + (number < rest),
            role=whole.role,
            segment_id=whole.segment_id,
            created_from=edges[number],
            created_before=edges[number + 1],
        )
        for number in range(len(edges) - 1)
    ]


def narrowed(groups: Sequence[Slice], ids: Sequence[str]) -> list[Slice]:
    """Slices for just these contacts, each of which may be in any of the groups: counted with the first."""
    return [
        Slice(group.purpose, len(chunk) if first else 0, group.role, group.segment_id, ids=chunk)
        for first, group in ((group is groups[0], group) for group in groups)
        for chunk in ([*ids[at : at + NAMED]] for at in range(0, len(ids), NAMED))
    ]


def filters(part: Slice, version: str) -> list[dict[str, Any]]:
    """The conditions that make up a slice."""
    found: list[dict[str, Any]] = []
    if part.segment_id is not None:
        found.append(_condition("segment_id", "=", part.segment_id))
    if part.ids:
        found.append(_condition("id", "IN", part.ids))
    if part.role is not None:
        found.append(_condition("role", "=", part.role))
    if part.created_from is not None:
        back = DAY if day_granular_dates(version) else 1
        found.append(_condition("created_at", ">", part.created_from - back))
    if part.created_before is not None:
        found.append(_condition("created_at", "<", part.created_before))
    if part.changed_since is not None:
        found.append(_changed(part.changed_since, version))
    return found


def _changed(since: int, version: str) -> dict[str, Any]:
    """Up to 2.16 `=` is the whole day of the moment and `>` what follows that day (§3.4): more than was asked
    for, so the reader looks again at each second."""
    if not day_granular_dates(version):
        return _condition("updated_at", ">", since - 1)
    day = [_condition("updated_at", operator, since) for operator in (">", "=")]
    return {"operator": "OR", "value": day}


def _condition(field: str, operator: str, value: str | int | list[str]) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


def body(
    part: Slice,
    version: str,
    cursor: str | None = None,
    *,
    per_page: int = PER_PAGE,
    newest_first: bool = False,
) -> dict[str, Any]:
    """The search request. Query and sort must be the same on every page (§3.3).

    created_at never changes, so nobody moves between pages while they are read. What changed is read from the
    latest change back, so that reading can stop at the first contact that is too old: who changes meanwhile
    moves to a page that was read before, and is found by the next reading, which begins before this one.
    """
    conditions = filters(part, version)
    query = conditions[0] if len(conditions) == 1 else {"operator": "AND", "value": conditions}
    paging: dict[str, Any] = {"per_page": per_page}
    if cursor is not None:  # null is refused (§10)
        paging["starting_after"] = cursor
    changes = part.changed_since is not None
    order = "descending" if newest_first or changes else "ascending"
    key = "updated_at" if changes else "created_at"
    return {"query": query, "sort": {"field": key, "order": order}, "pagination": paging}


def until_too_old(page: Page, since: int) -> Page:
    """A page of changes without the contacts that changed before `since`.

    If it had any, it is the last one, and its total is 0: whoever is left is too old, and Intercom counts
    whole days. If nobody was, its total is how many must have been met when the last page has been read.
    """
    fresh = [one for one in page.contacts if one.updated_at is None or one.updated_at >= since]
    if len(fresh) < len(page.contacts):
        return Page(fresh, None, 0)
    return page


def sample_body(group: Slice, version: str, text: str, limit: int) -> dict[str, Any]:
    """Who of a group has this email, or this in the name: two levels of conditions, which is what Intercom
    allows (§3.3)."""
    asked = body(group, version, per_page=limit, newest_first=True)
    if text:
        about = [_condition("email", "=", text), _condition("name", "~", text)]
        asked["query"] = {
            "operator": "AND",
            "value": [*filters(group, version), {"operator": "OR", "value": about}],
        }
    return asked
