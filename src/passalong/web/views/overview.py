"""A campaign's overview: its numbers by day, who brings most, where leads come from."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from passalong.core.problems import Problem
from passalong.sync.models import Run, RunKind
from passalong.sync.setup.drafts import listed_syncs
from passalong.tracking import analytics
from passalong.tracking.analytics import Report
from passalong.web import words
from passalong.web.forms import refused
from passalong.web.spreadsheet import csv_answer
from passalong.web.views.campaigns import campaign_or_404

SPANS = (7, 30, 90)


@require_GET
def overview(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """A campaign's numbers, and what to do next."""
    found = campaign_or_404(campaign_id)
    runs = Run.objects.filter(sync__campaign=found, kind=RunKind.RUN).select_related("sync")
    problem = None
    try:
        first, last = _period(request)
    except Problem as refusal:
        problem = refusal
        first, last = analytics.period("", "")
    report = analytics.report(found, first, last)
    context: dict[str, Any] = {
        "campaign": found,
        "tab": "overview",
        "syncs_count": listed_syncs(found).count(),
        "last_run": runs.order_by("-pk").first(),
        "report": report,
        "spans": _spans(report),
        "chart": _chart(report),
        "newest_days": sorted(report.days.items(), reverse=True),
        "sources": [(words.LEAD_SOURCE[source], one) for source, one in report.sources.items()],
        "is_empty": not (found.referrers_count or found.leads_count or report.total.visits),
        **(refused(problem, ["from", "to"]) if problem else {}),
    }
    return render(request, "campaigns/overview.html", context, status=422 if problem else 200)


def _period(request: HttpRequest) -> Any:
    return analytics.period(request.GET.get("from", ""), request.GET.get("to", ""))


def _spans(report: Report) -> list[tuple[str, str, bool]]:
    """The usual lengths: words, address, whether it is what is shown."""
    today = analytics.today()
    rows = []
    for days in SPANS:
        first = today - timedelta(days=days - 1)
        shown = (report.first, report.last) == (first, today)
        rows.append((_("%(days)d days") % {"days": days}, f"?from={first}&to={today}#numbers", shown))
    return rows


def _chart(report: Report) -> dict[str, Any]:
    """What js/chart.js draws: days as text, and a line of numbers for each word."""
    return {
        "day": _("Day"),
        "days": [day.isoformat() for day in report.days],
        "names": [_("Visits"), _("Leads"), _("Qualified")],
        "values": [
            [getattr(numbers, name) for numbers in report.days.values()]
            for name in ("visits", "leads", "qualified")
        ],
    }


@require_GET
def numbers(request: HttpRequest, campaign_id: UUID) -> HttpResponseBase:
    """The numbers by day as a file for spreadsheets."""
    found = campaign_or_404(campaign_id)
    first, last = _period(request)
    report = analytics.report(found, first, last)
    return csv_answer(f"{found.slug}-{first}-{last}.csv", _rows(report))


def _rows(report: Report) -> Iterator[list[Any]]:
    yield [_("Day"), _("Visits"), _("Leads"), _("Qualified")]
    for day, one in report.days.items():
        yield [day.isoformat(), one.visits, one.leads, one.qualified]
