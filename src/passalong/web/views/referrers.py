"""The Referrers tab and the ways to add people."""

import json
import shlex
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.campaigns.models import Campaign
from passalong.core.ids import parse_id, public_id
from passalong.core.problems import Problem
from passalong.referrers import services
from passalong.referrers.models import Referrer, Source
from passalong.sync.setup import drafts
from passalong.web.forms import refused, typed
from passalong.web.paging import PAGE, addresses
from passalong.web.views.campaigns import campaign_or_404, need_writer

FIELDS = ("email", "first_name", "last_name", "phone")


@require_GET
def referrers(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """One page of referrers, newest first, narrowed by a search."""
    campaign = campaign_or_404(campaign_id)
    q = request.GET.get("q", "").replace("\0", "").strip()[:200]
    page = services.find_referrers(campaign, limit=PAGE, cursor=request.GET.get("cursor"), q=q)
    total = None if q else campaign.referrers_count
    context = {"campaign": campaign, "tab": "referrers", "q": q, "referrers": page.items}
    return render(request, "referrers/list.html", {**context, **addresses(request, page, total)})


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
