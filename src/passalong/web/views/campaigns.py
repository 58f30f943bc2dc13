"""The campaigns, and one campaign's overview and settings."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.campaigns import services
from passalong.campaigns.models import Campaign
from passalong.core.pages import page_of
from passalong.core.problems import Problem
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
            campaign = services.create_campaign(**values, is_hosted=_is_hosted(request))
        except Problem as problem:
            typed_in = {**values, "is_hosted": _is_hosted(request)}
            context = {"values": typed_in, **refused(problem, FIELDS)}
        else:
            messages.success(request, _("Campaign created"))
            return redirect("web:campaign", campaign.pk)
    return render(request, "campaigns/new.html", context, status=422 if context else 200)


def _is_hosted(request: HttpRequest) -> bool:
    return request.POST.get("lands") == "hosted"


@require_http_methods(["GET", "POST"])
def campaign_settings(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """Name, destination, and what links add to it."""
    found = campaign_or_404(campaign_id)
    if request.method == "GET":
        stored = {name: getattr(found, name) for name in (*FIELDS, "is_hosted")}
        return _settings(request, found, stored, found.utm)
    values: dict[str, Any] = {**typed(request, FIELDS), "is_hosted": _is_hosted(request)}
    utm = typed(request, services.UTM)
    try:
        services.change_campaign(found, **values, utm=utm)
    except Problem as problem:
        return _settings(request, found, values, utm, problem)
    messages.success(request, _("Settings saved"))
    return redirect("web:campaign_settings", found.pk)


def _settings(
    request: HttpRequest,
    found: Campaign,
    values: Mapping[str, Any],
    utm: Mapping[str, str],
    problem: Problem | None = None,
) -> HttpResponse:
    places = {key: f"utm.{key}" for key in services.UTM}
    told = refused(problem, (*FIELDS, *places.values())) if problem else {"errors": {}}
    rows = [
        {"name": key, "id": places[key], "value": utm.get(key), "errors": told["errors"].get(places[key])}
        for key in services.UTM
    ]
    context = {**settings_page(found, "general"), "values": values, "utm": rows, **told}
    return render(request, "campaigns/settings.html", context, status=422 if problem else 200)


def settings_page(found: Campaign, name: str) -> dict[str, Any]:
    """What every settings page of a campaign shows; `name` is the current one."""
    pages = [
        ("general", _("General"), "web:campaign_settings"),
        ("join_page", _("Join page"), "web:campaign_join_page"),
        ("website", _("Website"), "web:campaign_website"),
        ("qualifying", _("Qualifying"), "web:campaign_qualifying"),
        ("crm", _("CRM"), "web:campaign_crm"),
    ]
    tabs = [(title, reverse(address, args=[found.pk]), key == name) for key, title, address in pages]
    return {"campaign": found, "tab": "settings", "tabs": tabs}


@require_POST
def campaign_status(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """Pause the campaign or make it live again."""
    found = campaign_or_404(campaign_id)
    services.change_campaign(found, status=request.POST.get("status", ""))
    paused = found.status == "paused"
    messages.success(request, _("Campaign paused") if paused else _("Campaign is live"))
    return redirect("web:campaign_settings", found.pk)
