"""A campaign's numbers over some days, from the days' sums and what is not folded into them yet."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Any

from django.db import connection as database
from django.db.models import Sum

from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from passalong.core.problems import FieldProblem, invalid
from passalong.referrers.models import Referrer
from passalong.tracking.models import CampaignDay, Tally

LONGEST = timedelta(days=731)
TOP = 20
_SUMS = {name: Sum(name) for name in ("visits", "leads", "qualified")}
_OF_THESE_DAYS = "WHERE campaign_id = %(campaign)s AND day BETWEEN %(first)s AND %(last)s"
BEST = f"""
SELECT f.id, sum(x.visits)::int, sum(x.leads)::int, sum(x.qualified)::int FROM (
    SELECT referrer_id, visits, leads, qualified FROM tracking_referrerday {_OF_THESE_DAYS}
    UNION ALL
    SELECT referrer_id, visits, leads, qualified FROM tracking_tally {_OF_THESE_DAYS}) AS x
JOIN referrers_referrer f ON f.id = x.referrer_id
GROUP BY 1 ORDER BY 3 DESC, 4 DESC, 2 DESC, 1 LIMIT %(top)s
"""  # noqa: S608 - constants


@dataclass
class Numbers:
    """How many of each; `conversion` is qualified leads of all leads, None without any."""

    visits: int = 0
    leads: int = 0
    qualified: int = 0

    def add(self, row: dict[str, Any]) -> None:
        """Count this in."""
        self.visits += row["visits"]
        self.leads += row["leads"]
        self.qualified += row["qualified"]

    @property
    def conversion(self) -> float | None:
        """Between 0 and 1, or beyond, as leads of an earlier time may qualify now."""
        return self.qualified / self.leads if self.leads else None


@dataclass
class Report:
    """What happened from `first` to `last`, both included: every day, by source, and the best referrers."""

    first: date
    last: date
    total: Numbers = field(default_factory=Numbers)
    days: dict[date, Numbers] = field(default_factory=dict)
    sources: dict[str, Numbers] = field(default_factory=dict)
    referrers: list[tuple[Referrer, Numbers]] = field(default_factory=list)


def today() -> date:
    """The day it is, in UTC, as all days are."""
    return now().astimezone(UTC).date()


def period(first: str, last: str, *, days: int = 30) -> tuple[date, date]:
    """From texts such as 2026-11-24; the last 30 days unless given. Problem 422 for anything else."""
    errors = []
    until, since = today(), None
    try:
        until = date.fromisoformat(last) if last else until
    except ValueError:
        errors.append(FieldProblem("to", "Give a day as year-month-day: 2026-11-24."))
    try:
        since = date.fromisoformat(first) if first else None
    except ValueError:
        errors.append(FieldProblem("from", "Give a day as year-month-day: 2026-11-24."))
    since = since or until - timedelta(days=min(days, until.toordinal()) - 1)
    if not errors and since > until:
        errors.append(FieldProblem("from", "The first day comes after the last."))
    if not errors and until - since > LONGEST:
        errors.append(FieldProblem("from", "Ask for at most two years at once."))
    if errors:
        raise invalid(errors)
    return since, until


def report(campaign: Campaign, first: date, last: date) -> Report:
    """The numbers of these days."""
    found = Report(first, last)
    count = (last - first).days + 1
    found.days = {first + timedelta(days=step): Numbers() for step in range(count)}
    sources: defaultdict[str, Numbers] = defaultdict(Numbers)
    for row in _by_day(campaign, first, last):
        found.total.add(row)
        found.days[row["day"]].add(row)
        if row["source"]:
            sources[row["source"]].add(row)
    found.sources = dict(sorted(sources.items(), key=lambda one: -one[1].leads))
    found.referrers = _best(campaign, first, last)
    return found


def _by_day(campaign: Campaign, first: date, last: date) -> Iterable[Any]:
    """Sums by day and source. One statement, as notes move into the days at any moment."""
    narrowed = {"campaign": campaign, "day__range": (first, last)}
    days, notes = (
        model.objects.filter(**narrowed).values("day", "source").annotate(**_SUMS)
        for model in (CampaignDay, Tally)
    )
    return days.union(notes, all=True)


def _best(campaign: Campaign, first: date, last: date) -> list[tuple[Referrer, Numbers]]:
    with database.cursor() as cursor:
        cursor.execute(BEST, {"campaign": campaign.pk, "first": first, "last": last, "top": TOP})
        found = {row[0]: Numbers(*row[1:]) for row in cursor.fetchall()}
    people = Referrer.objects.in_bulk(found)
    return [(people[key], numbers) for key, numbers in found.items() if key in people]
