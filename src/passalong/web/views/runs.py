"""A run's page: how far it is, what it did, and what became of each contact."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from passalong.core.pages import page_of
from passalong.sync import services
from passalong.sync.models import Outcome, Run, RunKind, RunRecord
from passalong.sync.setup.preview import skipped_by_reason
from passalong.web import words
from passalong.web.paging import PAGE, addresses
from passalong.web.progress import counts_of, progress_of


def run_or_404(run_id: UUID) -> Run:
    """The run of this workspace; previews have no page of their own."""
    runs = Run.objects.filter(kind=RunKind.RUN).select_related("sync__campaign", "sync__connection")
    return get_object_or_404(runs, pk=run_id)


@require_GET
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The whole page."""
    found = run_or_404(run_id)
    outcome, reason = request.GET.get("outcome", ""), request.GET.get("reason", "")
    context = {**_state(found, outcome), **_records(request, found, outcome, reason)}
    context |= {"campaign": found.sync.campaign, "tab": "syncs", "reason": reason}
    return render(request, "syncs/run.html", context)


@require_GET
def progress(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The part of the page that moves; asks for the whole page once the run is over."""
    found = run_or_404(run_id)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("web:run", found.pk)
    response = render(request, "syncs/_progress.html", _state(found, ""))
    if found.is_finished:
        response.headers["HX-Refresh"] = "true"
    return response


@require_POST
def cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:  # noqa: ARG001
    """Ask the run to stop; what it has done stays."""
    found = services.cancel_run(run_or_404(run_id))
    return redirect("web:run", found.pk)


def _state(found: Run, outcome: str) -> dict[str, Any]:
    address = reverse("web:run", args=[found.pk])
    return {
        "run": found,
        "sync": found.sync,
        "progress": progress_of(found),
        "counts": counts_of(found, address, outcome),
    }


def _records(request: HttpRequest, found: Run, outcome: str, reason: str) -> dict[str, Any]:
    rows = RunRecord.objects.filter(run=found)
    if outcome in Outcome.values:
        rows = rows.filter(outcome=outcome)
    if reason:
        rows = rows.filter(outcome=Outcome.SKIPPED, reason=reason.replace("\0", "")[:40])
    page = page_of(rows, limit=PAGE, cursor=request.GET.get("cursor"), newest_first=False)
    total = getattr(found, outcome) if outcome in words.OUTCOME and not reason else None
    return {
        "outcome": outcome if outcome in Outcome.values else "",
        "records": page.items,
        "reasons": skipped_by_reason(found) if found.is_finished and found.skipped else [],
        **addresses(request, page, total),
    }
