"""A sync's home: how it is doing, its runs, its settings, and what its buttons do."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.accounts import audit
from passalong.core.pages import page_of
from passalong.core.problems import FieldProblem, Problem
from passalong.sync import services
from passalong.sync.listening import can_listen
from passalong.sync.models import ACTIVE, Run, RunKind, RunRecord, Sync, SyncType
from passalong.sync.setup.drafts import timing
from passalong.sync.setup.forms import sync_type
from passalong.sync.setup.forms.contacts import POLICY, policy_rows
from passalong.sync.setup.summary import summary
from passalong.web import timeline
from passalong.web.forms import refused, typed
from passalong.web.health import health_of
from passalong.web.paging import PAGE, addresses
from passalong.web.progress import counts_of
from passalong.web.views.campaigns import need_writer
from passalong.web.views.syncs import sync_or_404, who

INSTRUCTION = ("audience", "inbound", "outbound", "contact_policy", "type", "interval_minutes", "on_leave")
TABS = (
    ("status", gettext_lazy("Status"), "web:sync"),
    ("runs", gettext_lazy("Runs"), "web:sync_runs"),
    ("mapping", gettext_lazy("Mapping"), "web:sync_mapping"),
    ("settings", gettext_lazy("Settings"), "web:sync_settings"),
)
# The ids of the settings' fields, by what services.py calls them.
PLACES = {"name": "name", "type": "choices", "interval_minutes": "minutes", "on_leave": "choices"}
SUMMED = ("created", "updated", "written", "left", "api_calls")


def frame(found: Sync, tab: str, problem: Problem | None = None) -> dict[str, Any]:
    """What every page of a sync's home shows around its content."""
    runs = Run.objects.filter(sync=found, kind=RunKind.RUN)
    tabs = [(name, reverse(url, args=[found.pk]), key == tab) for key, name, url in TABS]
    context = {
        "campaign": found.campaign,
        "tab": "syncs",
        "sync": found,
        "tabs": tabs,
        "active": runs.filter(status__in=ACTIVE).first(),
    }
    return {**context, **refused(problem, PLACES.values())} if problem else context


@require_GET
def status(request: HttpRequest, sync_id: UUID) -> HttpResponse:
    """How it is doing, what it did last and does next, and what it came to so far."""
    return _status(request, sync_or_404(sync_id))


def _status(request: HttpRequest, found: Sync, problem: Problem | None = None) -> HttpResponse:
    context = frame(found, "status", problem)
    ended = Run.objects.filter(sync=found, kind=RunKind.RUN).exclude(status__in=ACTIVE)
    last = ended.order_by("-pk").first()
    context |= {
        "last": last,
        "counts": counts_of(last, reverse("web:run", args=[last.pk])) if last else [],
        "to_retry": _to_retry(last),
        "health": health_of(found, context["active"], last),
        "totals": _totals(found),
        "could_listen": _could_listen(found),
        "summary": summary(found.connection, {key: getattr(found, key) for key in INSTRUCTION}),
    }
    return render(request, "syncs/status.html", context, status=problem.status if problem else 200)


def _could_listen(found: Sync) -> bool:
    """Whether it waits for its schedule though the CRM could tell of changes by itself."""
    connection = found.connection
    return found.type == SyncType.ONGOING and connection.noticed_at is None and can_listen(connection)


def _to_retry(last: Run | None) -> int:
    if last is None or not (last.failed or last.written < last.write_backs_due):
        return 0
    return RunRecord.objects.unsuccessful().filter(run=last).count()


def _totals(found: Sync) -> dict[str, int]:
    """Over all its runs, those that ended early included."""
    runs = Run.objects.filter(sync=found, kind=RunKind.RUN)
    sums = {name: Sum(name, default=0) for name in SUMMED}
    return runs.aggregate(runs=Count("pk"), **sums)


@require_GET
def runs(request: HttpRequest, sync_id: UUID) -> HttpResponse:
    """Every run, newest first."""
    found = sync_or_404(sync_id)
    rows = Run.objects.filter(sync=found, kind=RunKind.RUN)
    page = page_of(rows, limit=PAGE, cursor=request.GET.get("cursor"))
    context = {**frame(found, "runs"), "runs": page.items, **addresses(request, page)}
    return render(request, "syncs/runs.html", context)


@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, sync_id: UUID) -> HttpResponse:
    """Name, timing, leaving rule and policy; and who changed what so far."""
    found = sync_or_404(sync_id)
    if request.method == "GET":
        timed = sync_type.answer_of(found.type, found.interval_minutes, found.on_leave)
        return _settings(request, found, {"name": found.name}, timed, found.contact_policy)
    values, timed = typed(request, ["name"]), sync_type.answer_in(request.POST)
    policy = {key: request.POST.get(key, "") for key, _label in POLICY}
    try:
        services.change_sync(found, {**values, **timing(timed), "contact_policy": policy}, who=who(request))
    except Problem as problem:
        return _settings(request, found, values, timed, policy, problem)
    messages.success(request, _("Settings saved"))
    return redirect("web:sync_settings", found.pk)


def _settings(
    request: HttpRequest,
    found: Sync,
    values: Mapping[str, str],
    timed: dict[str, Any],
    policy: Mapping[str, str],
    problem: Problem | None = None,
) -> HttpResponse:
    page = page_of(audit.timeline(found.pk), limit=PAGE, cursor=request.GET.get("cursor"))
    context = {
        **frame(found, "settings", problem),
        **sync_type.choices(timed),
        "values": values,
        "policy": policy_rows(policy),
        "entries": timeline.entries(page.items, found.connection),
        **addresses(request, page),
        "wrong": _by_place(problem.errors if problem else []),
    }
    return render(request, "syncs/settings.html", context, status=problem.status if problem else 200)


def _by_place(problems: Sequence[FieldProblem]) -> dict[str, list[str]]:
    names = [error.message for error in problems if error.field == "name"]
    return {"name": names, **sync_type.errors_of(problems)}


@require_POST
def run_again(request: HttpRequest, sync_id: UUID) -> HttpResponse:
    """Start a run now."""
    found = sync_or_404(sync_id)
    try:
        run = services.start_run(found, started_by=who(request))
    except Problem as problem:
        return _status(request, found, problem)
    return redirect("web:run", run.pk)


@require_POST
def pause(request: HttpRequest, sync_id: UUID) -> HttpResponse:
    """Hold the sync and its run."""
    found = services.pause_sync(sync_or_404(sync_id), who=who(request))
    messages.success(request, _("Sync paused"))
    return redirect("web:sync", found.pk)


@require_POST
def resume(request: HttpRequest, sync_id: UUID) -> HttpResponse:
    """Let the sync go on."""
    found = services.resume_sync(sync_or_404(sync_id), who=who(request))
    messages.success(request, _("Sync resumed"))
    return redirect("web:sync", found.pk)


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, sync_id: UUID) -> HttpResponse:
    """Delete a sync, after saying what stays."""
    need_writer(request)
    found = sync_or_404(sync_id)
    context = {"campaign": found.campaign, "tab": "syncs", "sync": found}
    if request.method == "GET":
        return render(request, "syncs/delete.html", context)
    try:
        services.delete_sync(found, who=who(request))
    except Problem as problem:
        return render(request, "syncs/delete.html", {**context, **refused(problem)}, status=problem.status)
    messages.success(request, _("Sync deleted"))
    return redirect("web:syncs", found.campaign_id)
