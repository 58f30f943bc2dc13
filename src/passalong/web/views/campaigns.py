"""The campaigns, and one campaign's overview and settings."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.campaigns import services
from passalong.campaigns.models import Campaign
from passalong.core.pages import page_of
from passalong.core.problems import Problem
from passalong.sync.models import Run, RunKind
from passalong.sync.setup.drafts import listed_syncs
from passalong.web.forms import refused, typed
from passalong.web.paging import PAGE, addresses

FIELDS = ("name", "destination_url")


def campaign_or_404(campaign_id: UUID) -> Campaign:
    """The campaign of this workspace."""
    return get_object_or_404(Campaign.objects.all(), pk=campaign_id)


def need_writer(request: HttpRequest) -> None:
    """For pages that hold nothing but a form: viewers have no use for them."""
    if not request.member.can_write:  # type: ignore[attr-defined]
        raise PermissionDenied


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """All campaigns."""
    cursor = request.GET.get("cursor")
    page = page_of(Campaign.objects.all(), limit=PAGE, cursor=cursor)
    return render(request, "campaigns/list.html", {"campaigns": page.items, **addresses(request, page)})


@require_http_methods(["GET", "POST"])
def new_campaign(request: HttpRequest) -> HttpResponse:
    """Create a campaign."""
    need_writer(request)
    context: dict[str, Any] = {}
    if request.method == "POST":
        values = typed(request, FIELDS)
        try:
            campaign = services.create_campaign(**values)
        except Problem as problem:
            context = {"values": values, **refused(problem, FIELDS)}
        else:
            messages.success(request, _("Campaign created"))
            return redirect("web:campaign", campaign.pk)
    return render(request, "campaigns/new.html", context, status=422 if context else 200)


@require_GET
def campaign(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """A campaign's numbers, and what to do next."""
    found = campaign_or_404(campaign_id)
    runs = Run.objects.filter(sync__campaign=found, kind=RunKind.RUN).select_related("sync")
    context = {
        "campaign": found,
        "tab": "overview",
        "syncs_count": listed_syncs(found).count(),
        "last_run": runs.order_by("-pk").first(),
    }
    return render(request, "campaigns/overview.html", context)


@require_http_methods(["GET", "POST"])
def campaign_settings(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """Name and destination."""
    found = campaign_or_404(campaign_id)
    context: dict[str, Any] = {"campaign": found, "tab": "settings"}
    context["values"] = {name: getattr(found, name) for name in FIELDS}
    if request.method == "POST":
        context["values"] = typed(request, FIELDS)
        try:
            services.change_campaign(found, **context["values"])
        except Problem as problem:
            context |= refused(problem, FIELDS)
            return render(request, "campaigns/settings.html", context, status=422)
        messages.success(request, _("Settings saved"))
        return redirect("web:campaign_settings", found.pk)
    return render(request, "campaigns/settings.html", context)


@require_POST
def campaign_status(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """Pause the campaign or make it live again."""
    found = campaign_or_404(campaign_id)
    services.change_campaign(found, status=request.POST.get("status", ""))
    paused = found.status == "paused"
    messages.success(request, _("Campaign paused") if paused else _("Campaign is live"))
    return redirect("web:campaign_settings", found.pk)
