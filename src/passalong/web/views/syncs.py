"""A campaign's syncs."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from passalong.core.pages import page_of
from passalong.sync.models import Run, RunKind, Sync
from passalong.sync.setup.drafts import listed_syncs, open_drafts
from passalong.sync.setup.summary import type_words
from passalong.web.paging import PAGE, addresses
from passalong.web.views.campaigns import campaign_or_404


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
    context = {"campaign": campaign, "tab": "syncs", "rows": _rows(page.items)}
    context["drafts"] = list(open_drafts(campaign)[:20])
    return render(request, "syncs/list.html", {**context, **addresses(request, page)})


def _rows(found: list[Sync]) -> list[tuple[Sync, Run | None, str]]:
    """Each sync with its newest run, all of them in one query, and its type in words."""
    runs = Run.objects.filter(sync__in=found, kind=RunKind.RUN).order_by("sync_id", "-pk").distinct("sync_id")
    newest = {run.sync_id: run for run in runs}
    return [(sync, newest.get(sync.pk), type_words(sync.type, sync.interval_minutes)) for sync in found]
