"""What a preview found, in the shape its page shows."""

from dataclasses import dataclass

from django.db.models import Count

from passalong.sync.models import Outcome, Run, RunRecord

SAMPLES = 5


@dataclass(frozen=True)
class Sample:
    """One contact as it would become a referrer."""

    name: str
    email: str
    outcome: str


@dataclass(frozen=True)
class Preview:
    """A finished preview."""

    run: Run
    skipped: list[tuple[str, int]]
    samples: list[Sample]


def found(run: Run) -> Preview:
    """Numbers by reason, and a few people."""
    return Preview(run, by_reason(run), _samples(run))


def by_reason(run: Run, outcome: str = Outcome.SKIPPED) -> list[tuple[str, int]]:
    """How many came to this outcome for each reason, most first."""
    rows = RunRecord.objects.of(run, outcome=outcome).values_list("reason")
    return list(rows.annotate(count=Count("id")).order_by("-count", "reason"))


def _samples(run: Run) -> list[Sample]:
    coming = [Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED]
    rows = RunRecord.objects.filter(run=run, outcome__in=coming).order_by("id")[:SAMPLES]
    return [Sample(row.name, row.email, row.outcome) for row in rows]
