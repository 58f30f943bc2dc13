"""A campaign's syncs, and one sync's page."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.core.pages import page_of
from passalong.core.problems import Problem
from passalong.sync import services
from passalong.sync.models import ACTIVE, Run, RunKind, Sync
from passalong.sync.setup.drafts import listed_syncs, open_drafts
from passalong.sync.setup.summary import summary
from passalong.web.forms import refused
from passalong.web.paging import PAGE, addresses
from passalong.web.views.campaigns import campaign_or_404, need_writer

INSTRUCTION = ("audience", "inbound", "outbound", "contact_policy", "type")


def sync_or_404(sync_id: UUID) -> Sync:
    """The started sync of this workspace."""
    return get_object_or_404(listed_syncs().select_related("campaign", "connection"), pk=sync_id)


def who(request: HttpRequest) -> str:
    """Whoever does this, as histories show it."""
    return str(getattr(request.user, "email", ""))


@require_GET
def syncs(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """The syncs of a campaign, each with its newest run, and what is being set up."""
    campaign = campaign_or_404(campaign_id)
    rows = listed_syncs(campaign).select_related("connection")
    page = page_of(rows, limit=PAGE, cursor=request.GET.get("cursor"))
    context = {"campaign": campaign, "tab": "syncs", "rows": _with_last_run(page.items)}
    context["drafts"] = list(open_drafts(campaign)[:20])
    return render(request, "syncs/list.html", {**context, **addresses(request, page)})


def _with_last_run(found: list[Sync]) -> list[tuple[Sync, Run | None]]:
    """Newest run of each sync in one query."""
    runs = Run.objects.filter(sync__in=found, kind=RunKind.RUN).order_by("sync_id", "-pk").distinct("sync_id")
    newest = {run.sync_id: run for run in runs}
    return [(sync, newest.get(sync.pk)) for sync in found]


@require_GET
def sync(request: HttpRequest, sync_id: UUID) -> HttpResponse:
    """What a sync does and what its runs did."""
    return _page(request, sync_or_404(sync_id))


def _page(request: HttpRequest, found: Sync, problem: Problem | None = None) -> HttpResponse:
    runs = Run.objects.filter(sync=found, kind=RunKind.RUN)
    page = page_of(runs, limit=PAGE, cursor=request.GET.get("cursor"))
    context = {
        "campaign": found.campaign,
        "tab": "syncs",
        "sync": found,
        "runs": page.items,
        "active": runs.filter(status__in=ACTIVE).first(),
        "summary": summary(found.connection, {key: getattr(found, key) for key in INSTRUCTION}),
        **addresses(request, page),
    }
    if problem is not None:
        context |= refused(problem)
    return render(request, "syncs/detail.html", context, status=problem.status if problem else 200)


@require_POST
def run_again(request: HttpRequest, sync_id: UUID) -> HttpResponse:
    """Start a run now."""
    found = sync_or_404(sync_id)
    try:
        run = services.start_run(found, started_by=who(request))
    except Problem as problem:
        return _page(request, found, problem)
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
