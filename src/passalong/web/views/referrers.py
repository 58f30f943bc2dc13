"""The Referrers tab and the ways to add people."""

import json
import shlex
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.campaigns.models import Campaign
from passalong.core.ids import parse_id, public_id
from passalong.core.problems import Problem
from passalong.referrers import services
from passalong.referrers.models import Referrer, ReferrerStatus, Source
from passalong.sync.setup import drafts
from passalong.web import words
from passalong.web.forms import refused, typed
from passalong.web.paging import PAGE, addresses
from passalong.web.views.campaigns import campaign_or_404, need_writer
from passalong.web.views.syncs import who

FIELDS = ("email", "first_name", "last_name", "phone")


@require_GET
def referrers(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """One page of referrers, newest first, narrowed by a search, a status and a source."""
    campaign = campaign_or_404(campaign_id)
    q = request.GET.get("q", "").replace("\0", "").strip()[:200]
    narrowed = _narrowed(request)
    cursor, status, source = request.GET.get("cursor"), narrowed["status"], narrowed["source"]
    page = services.find_referrers(campaign, limit=PAGE, cursor=cursor, q=q, status=status, source=source)
    is_narrowed = bool(q or any(narrowed.values()))
    total = None if is_narrowed else campaign.referrers_count
    context = {
        "campaign": campaign,
        "tab": "referrers",
        "q": q,
        **narrowed,
        "is_narrowed": is_narrowed,
        "statuses": [("", _("Any status")), *words.REFERRER_STATUS.items()],
        "sources": [("", _("Any source")), *words.SOURCE.items()],
        "referrers": page.items,
        "here": request.get_full_path(),
    }
    return render(request, "referrers/list.html", {**context, **addresses(request, page, total)})


def _narrowed(request: HttpRequest) -> dict[str, str]:
    """Status and source, where they are words we know."""
    known = {"status": words.REFERRER_STATUS, "source": words.SOURCE}
    said = {name: request.GET.get(name, "") for name in known}
    return {name: value if value in known[name] else "" for name, value in said.items()}


@require_POST
def chosen(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """Deactivate, activate or delete the people who were ticked; deleting asks first."""
    campaign = campaign_or_404(campaign_id)
    action = request.POST.get("do", "")
    keys = [parse_id("referrer", text) for text in request.POST.getlist("referrer")]
    ids = [key for key in keys if key is not None]
    back = request.POST.get("back", "")
    listed = reverse("web:referrers", args=[campaign.pk])
    if back != listed and not back.startswith(f"{listed}?"):
        back = listed
    if not ids:
        messages.warning(request, _("Tick the people first, then press a button."))
        return redirect(back)
    if action == "delete":
        found = Referrer.objects.filter(campaign=campaign, pk__in=ids[: services.MOST_AT_ONCE]).order_by(
            "-pk"
        )
        return _page(request, "delete", campaign, chosen=found, back=back)
    messages.success(request, _act(request, campaign, ids, action))
    return redirect(listed if action == "delete_now" else back)


def _act(request: HttpRequest, campaign: Campaign, ids: list[UUID], action: str) -> str:
    if action == "delete_now":
        count = services.delete_referrers(campaign, ids)
        return ngettext("%(n)d referrer deleted", "%(n)d referrers deleted", count) % {"n": count}
    status = ReferrerStatus.ACTIVE if action == "activate" else ReferrerStatus.INACTIVE
    count = services.set_status(campaign, ids, status, who=who(request))
    if status == ReferrerStatus.ACTIVE:
        return ngettext("%(n)d link activated", "%(n)d links activated", count) % {"n": count}
    return ngettext("%(n)d link deactivated", "%(n)d links deactivated", count) % {"n": count}


@require_GET
def add_referrers(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """The ways to add referrers, as a page."""
    need_writer(request)
    return _page(request, "add", campaign_or_404(campaign_id))


@require_http_methods(["GET", "POST"])
def add_manually(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """One referrer by hand; the link is shown at once."""
    need_writer(request)
    campaign = campaign_or_404(campaign_id)
    if request.method == "GET":
        return _page(request, "manual", campaign, **_just_added(request, campaign))
    values = typed(request, FIELDS)
    try:
        referrer, is_new = services.add_referrer(campaign, source=Source.MANUAL, **values)
    except Problem as problem:
        context = {"values": values, **refused(problem, FIELDS)}
        return _page(request, "manual", campaign, status=422, **context)
    done = f"{public_id('referrer', referrer.pk)}&new={int(is_new)}"
    return redirect(f"{request.path}?added={done}")


@require_GET
def add_by_api(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """How a program adds referrers to this campaign."""
    campaign = campaign_or_404(campaign_id)
    workspace = request.member.workspace.name  # type: ignore[attr-defined]
    token = f"passalong token create --workspace {shlex.quote(workspace)} --name my-program"
    return _page(request, "api", campaign, curl=_curl(campaign), token_command=token)


@require_POST
def start_sync_setup(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """Begin a sync in the wizard, or go on with the one this person began."""
    draft = drafts.begin(campaign_or_404(campaign_id), request.user)
    return redirect("setup:resume", draft.pk)


def _page(
    request: HttpRequest, name: str, campaign: Campaign, *, status: int = 200, **context: Any
) -> HttpResponse:
    context |= {"campaign": campaign, "tab": "referrers"}
    return render(request, f"referrers/{name}.html", context, status=status)


def _just_added(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    key = parse_id("referrer", request.GET.get("added", ""))
    if key is None:
        return {}
    added = get_object_or_404(Referrer.objects.filter(campaign=campaign), pk=key)
    return {"added": added, "is_new": request.GET.get("new") == "1"}


def _curl(campaign: Campaign) -> str:
    body = json.dumps({"email": "ada@example.com", "first_name": "Ada"})
    address = f"{settings.BASE_URL}/api/v1/campaigns/{public_id('campaign', campaign.pk)}/referrers"
    return (
        f"curl -X POST {address} \\\n"
        '  -H "Authorization: Bearer $PASSALONG_TOKEN" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{body}'"
    )
