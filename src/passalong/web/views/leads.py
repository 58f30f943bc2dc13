"""The Leads tab: who came, through whom, and who qualified."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.campaigns.models import Campaign
from passalong.core.ids import parse_id
from passalong.core.problems import Problem
from passalong.leads import services
from passalong.leads.models import Lead, LeadSource
from passalong.referrers.erasing import erase_person
from passalong.referrers.services import MOST_AT_ONCE
from passalong.web import words
from passalong.web.forms import refused, typed
from passalong.web.lists import LEADS, QUALIFY
from passalong.web.paging import PAGE, addresses
from passalong.web.views.campaigns import campaign_or_404, need_writer
from passalong.web.views.syncs import who

FIELDS = ("email", "first_name", "referrer")


@require_GET
def leads(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """One page of leads, newest first, narrowed by a search and a status."""
    campaign = campaign_or_404(campaign_id)
    q = request.GET.get("q", "").replace("\0", "").strip()[:200]
    status = request.GET.get("status", "")
    status = status if status in words.LEAD_STATUS else ""
    page = services.find_leads(campaign, limit=PAGE, cursor=request.GET.get("cursor"), q=q, status=status)
    is_narrowed = bool(q or status)
    context = {
        "campaign": campaign,
        "tab": "leads",
        "q": q,
        "status": status,
        "is_narrowed": is_narrowed,
        "statuses": [("", _("Any status")), *words.LEAD_STATUS.items()],
        "leads": page.items,
        "here": request.get_full_path(),
    }
    total = None if is_narrowed else campaign.leads_count
    return render(request, "leads/list.html", {**context, **addresses(request, page, total)})


@require_http_methods(["GET", "POST"])
def add_lead(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """One lead by hand."""
    need_writer(request)
    campaign = campaign_or_404(campaign_id)
    context: dict[str, Any] = {"campaign": campaign, "tab": "leads"}
    if request.method == "GET":
        values = {"referrer": request.GET.get("referrer", "")[:200]}
        return render(request, "leads/add.html", {**context, "values": values})
    values = typed(request, FIELDS)
    try:
        lead, is_new = services.add_lead(
            campaign,
            values["referrer"],
            values["email"],
            first_name=values["first_name"],
            source=LeadSource.MANUAL,
        )
    except Problem as problem:
        context |= {"values": values, **refused(problem, FIELDS)}
        return render(request, "leads/add.html", context, status=422)
    messages.success(request, _said(lead, is_new=is_new))
    return redirect("web:leads", campaign.pk)


@require_GET
def upload(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """What a list may be for."""
    need_writer(request)
    context = {"campaign": campaign_or_404(campaign_id), "tab": "leads", "lists": (LEADS, QUALIFY)}
    return render(request, "leads/upload.html", context)


def _said(lead: Lead, *, is_new: bool) -> str:
    names = {"friend": lead.email, "referrer": lead.referrer.name or lead.referrer.email}
    if is_new:
        return _("%(friend)s is a lead of %(referrer)s now") % names
    return _("%(friend)s was a lead of %(referrer)s already, and stays so") % names


@require_POST
def chosen(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """Qualify, take back or delete the leads that were ticked; deleting asks first."""
    campaign = campaign_or_404(campaign_id)
    action = request.POST.get("do", "")
    listed = reverse("web:leads", args=[campaign.pk])
    back = request.POST.get("back", "")
    back = back if back.startswith(f"{listed}?") else listed
    keys = [parse_id("lead", text) for text in request.POST.getlist("lead")]
    ids = [key for key in keys if key is not None]
    if not ids:
        messages.warning(request, _("Tick the leads first, then press a button."))
        return redirect(back)
    if action in ("delete", "erase"):
        found = Lead.objects.filter(campaign=campaign, pk__in=ids[:MOST_AT_ONCE]).order_by("-pk")
        context = {"campaign": campaign, "tab": "leads", "chosen": found, "back": back}
        return render(request, f"leads/{action}.html", context)
    messages.success(request, _act(request, campaign, ids, action))
    return redirect(listed if action in ("delete_now", "erase_now") else back)


def _act(request: HttpRequest, campaign: Campaign, ids: list[UUID], action: str) -> str:
    if action == "erase_now":
        erase = partial(_erase, who=who(request))
        count = services.change_each(campaign, ids, erase)
        return ngettext("%(n)d person erased", "%(n)d people erased", count) % {"n": count}
    if action == "delete_now":
        count = services.change_each(campaign, ids, services.delete_lead)
        return ngettext("%(n)d lead deleted", "%(n)d leads deleted", count) % {"n": count}
    if action == "qualify":
        count = services.change_each(campaign, ids, services.qualify)
        return ngettext("%(n)d lead is qualified", "%(n)d leads are qualified", count) % {"n": count}
    count = services.change_each(campaign, ids, services.unqualify)
    return ngettext("%(n)d lead is pending", "%(n)d leads are pending", count) % {"n": count}


def _erase(lead: Lead, *, who: str) -> None:
    erase_person([lead.email], who=who)
