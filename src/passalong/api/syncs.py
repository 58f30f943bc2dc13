"""Syncs over REST."""

# ruff: noqa: ARG001 - every operation is given the request

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from passalong.accounts import audit
from passalong.api import lookup
from passalong.api.auth import caller
from passalong.api.schemas import Page, Paging, page
from passalong.api.sync_schemas import EntryOut, SyncChanges, SyncIn, SyncOut, entry_out, sync_out
from passalong.core.pages import page_of
from passalong.sync import services
from passalong.sync.models import Run, RunKind, Sync
from passalong.sync.setup.drafts import listed_syncs

router = Router(tags=["Syncs"], by_alias=True)


def _last_runs(syncs: Iterable[Sync]) -> dict[UUID, Run]:
    rows = Run.objects.filter(sync__in=list(syncs), kind=RunKind.RUN)
    return {run.sync_id: run for run in rows.order_by("sync_id", "-id").distinct("sync_id")}


def _shown(sync: Sync) -> dict[str, Any]:
    return sync_out(sync, _last_runs([sync]).get(sync.pk))


@router.post(
    "/campaigns/{campaign_id}/syncs",
    response={201: SyncOut},
    operation_id="create_sync",
    summary="Create a sync",
)
def create(request: HttpRequest, campaign_id: str, body: SyncIn) -> Status[dict[str, Any]]:
    """Nothing is read yet: start a preview or a run. A bad map is refused with 422 naming each row."""
    campaign = lookup.campaign(campaign_id)
    connection = lookup.named_connection(body.connection_id)
    wanted = body.model_dump(by_alias=True, exclude_unset=True)
    sync = services.create_sync(campaign, connection, wanted, who=caller(request))
    return Status(201, _shown(sync))


@router.get(
    "/campaigns/{campaign_id}/syncs",
    response=Page[SyncOut],
    operation_id="list_syncs",
    summary="List a campaign's syncs",
)
def index(request: HttpRequest, campaign_id: str, paging: Query[Paging]) -> dict[str, Any]:
    """Newest first."""
    rows = listed_syncs(lookup.campaign(campaign_id))
    found = page_of(rows, limit=paging.limit, cursor=paging.cursor)
    runs = _last_runs(found.items)
    return page(found, [sync_out(sync, runs.get(sync.pk)) for sync in found.items])


@router.get("/syncs/{sync_id}", response=SyncOut, operation_id="get_sync", summary="Show a sync")
def show(request: HttpRequest, sync_id: str) -> dict[str, Any]:
    """One sync with its latest run."""
    return _shown(lookup.sync(sync_id))


@router.patch("/syncs/{sync_id}", response=SyncOut, operation_id="change_sync", summary="Change a sync")
def change(request: HttpRequest, sync_id: str, body: SyncChanges) -> dict[str, Any]:
    """Takes effect on the next run; a run under way keeps its instruction."""
    changes = body.model_dump(by_alias=True, exclude_unset=True)
    return _shown(services.change_sync(lookup.sync(sync_id), changes, who=caller(request)))


@router.get(
    "/syncs/{sync_id}/timeline",
    response=Page[EntryOut],
    operation_id="list_sync_changes",
    summary="List who changed a sync",
)
def timeline(request: HttpRequest, sync_id: str, paging: Query[Paging]) -> dict[str, Any]:
    """Newest first: who created, changed, paused or resumed it, and what each setting was before."""
    rows = audit.timeline(lookup.sync(sync_id).pk)
    found = page_of(rows, limit=paging.limit, cursor=paging.cursor)
    return page(found, [entry_out(entry) for entry in found.items])


@router.delete("/syncs/{sync_id}", response={204: None}, operation_id="delete_sync", summary="Delete a sync")
def delete(request: HttpRequest, sync_id: str) -> Status[None]:
    """Removes the sync with its history; its referrers stay. 409 while it is running."""
    services.delete_sync(lookup.sync(sync_id), who=caller(request))
    return Status(204, None)


@router.post("/syncs/{sync_id}/pause", response=SyncOut, operation_id="pause_sync", summary="Pause a sync")
def pause(request: HttpRequest, sync_id: str) -> dict[str, Any]:
    """A run under way stops at the next page and keeps its place."""
    return _shown(services.pause_sync(lookup.sync(sync_id), who=caller(request)))


@router.post("/syncs/{sync_id}/resume", response=SyncOut, operation_id="resume_sync", summary="Resume a sync")
def resume(request: HttpRequest, sync_id: str) -> dict[str, Any]:
    """A paused run goes on where it stopped."""
    return _shown(services.resume_sync(lookup.sync(sync_id), who=caller(request)))
