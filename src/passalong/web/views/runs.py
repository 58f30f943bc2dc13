"""A run's page: how far it is, what it did, and what became of each contact."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from passalong.core.ids import public_id
from passalong.core.pages import page_of
from passalong.core.problems import Problem
from passalong.sync import services
from passalong.sync.models import Outcome, Run, RunKind, RunRecord, WriteBackState
from passalong.sync.setup.preview import by_reason
from passalong.web import words
from passalong.web.forms import refused
from passalong.web.paging import PAGE, addresses
from passalong.web.progress import counts_of, progress_of
from passalong.web.spreadsheet import csv_answer


def run_or_404(run_id: UUID) -> Run:
    """The run of this workspace; previews have no page of their own."""
    runs = Run.objects.filter(kind=RunKind.RUN).select_related("sync__campaign", "sync__connection")
    return get_object_or_404(runs, pk=run_id)


@require_GET
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The whole page."""
    return _page(request, run_or_404(run_id))


def _page(request: HttpRequest, found: Run, problem: Problem | None = None) -> HttpResponse:
    chosen = _chosen(request)
    context = {**_state(found, chosen["outcome"]), **_records(request, found, chosen)}
    context |= {"campaign": found.sync.campaign, "tab": "syncs"}
    if problem is not None:
        context |= refused(problem)
    return render(request, "syncs/run.html", context, status=problem.status if problem else 200)


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


@require_GET
def records(request: HttpRequest, run_id: UUID) -> HttpResponseBase:
    """The contacts that the page shows, all of them, as a file for a spreadsheet."""
    return csv_answer("contacts-of-this-run.csv", _rows(run_or_404(run_id), _chosen(request)))


@require_POST
def cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:  # noqa: ARG001
    """Ask the run to stop; what it has done stays."""
    found = services.cancel_run(run_or_404(run_id))
    return redirect("web:run", found.pk)


@require_POST
def pause(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Hold the run, and with it its sync."""
    found = run_or_404(run_id)
    services.pause_sync(found.sync, who=_who(request))
    return redirect("web:run", found.pk)


@require_POST
def resume(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Let the run, and with it its sync, go on."""
    found = run_or_404(run_id)
    services.resume_sync(found.sync, who=_who(request))
    return redirect("web:run", found.pk)


@require_POST
def retry(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Try again what failed: everybody, or one contact."""
    found = run_or_404(run_id)
    one = request.POST.get("contact", "").replace("\0", "")
    try:
        again = services.retry_run(found, started_by=_who(request), only=[one] if one else [])
    except Problem as problem:
        return _page(request, found, problem)
    return redirect("web:run", again.pk)


def _who(request: HttpRequest) -> str:
    return str(getattr(request.user, "email", ""))


def _chosen(request: HttpRequest) -> dict[str, str]:
    """Which contacts are asked for; words nobody knows ask for everybody."""
    outcome, write_back = request.GET.get("outcome", ""), request.GET.get("write_back", "")
    return {
        "outcome": outcome if outcome in Outcome.values else "",
        "reason": request.GET.get("reason", "").replace("\0", "")[:40],
        "write_back": write_back if write_back in WriteBackState.values else "",
    }


def _state(found: Run, outcome: str) -> dict[str, Any]:
    address = reverse("web:run", args=[found.pk])
    return {
        "run": found,
        "sync": found.sync,
        "progress": progress_of(found),
        "counts": counts_of(found, address, outcome),
    }


def _records(request: HttpRequest, found: Run, chosen: dict[str, str]) -> dict[str, Any]:
    rows = RunRecord.objects.of(found, **chosen)
    page = page_of(rows, limit=PAGE, cursor=request.GET.get("cursor"), newest_first=False)
    outcome, narrow = chosen["outcome"], chosen["reason"] or chosen["write_back"]
    can_fail = found.is_finished and (found.failed or found.written < found.write_backs_due)
    return {
        **chosen,
        "query": request.GET.urlencode(),
        "records": page.items,
        "reasons": by_reason(found, outcome) if found.is_finished and outcome in words.WITH_REASON else [],
        "to_retry": RunRecord.objects.unsuccessful().filter(run=found).count() if can_fail else 0,
        **addresses(request, page, getattr(found, outcome) if outcome and not narrow else None),
    }


def _rows(found: Run, chosen: dict[str, str]) -> Iterator[list[Any]]:
    yield [
        _("Contact"),
        _("Email"),
        _("Name"),
        _("User or lead"),
        _("Outcome"),
        _("Reason"),
        _("What happened and what to do"),
        _("Written back"),
        _("Referrer"),
    ]
    for one in RunRecord.objects.of(found, **chosen).order_by("pk").iterator(chunk_size=2000):
        yield [
            one.external_id,
            one.email,
            one.name,
            words.ROLE.get(one.role, one.role),
            words.OUTCOME[one.outcome],
            words.REASON.get(one.reason, one.reason),
            one.message,
            words.WRITE_BACK[one.write_back],
            public_id("referrer", one.referrer_id) if one.referrer_id else "",
        ]
