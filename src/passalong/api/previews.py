"""Previews over REST: counting everything, changing nothing."""

# ruff: noqa: ARG001 - every operation is given the request

import time

from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from passalong.api import lookup
from passalong.api.auth import caller
from passalong.api.door import after_commit
from passalong.api.run_schemas import PreviewOut, preview_out
from passalong.sync import services
from passalong.sync.models import Outcome, Run, RunRecord

router = Router(tags=["Previews"])

MAX_WAIT_SECONDS = 30
_POLL_SECONDS = 0.2
_SAMPLE = 5
_WORTH_SHOWING = (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.DUPLICATE)


class Patience(BaseModel):
    """How long the caller is ready to wait."""

    wait: int = Field(MAX_WAIT_SECONDS, ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait at most.")


@router.post(
    "/syncs/{sync_id}/preview",
    response={200: PreviewOut, 202: PreviewOut},
    operation_id="start_preview",
    summary="Preview a sync",
)
def start(request: HttpRequest, sync_id: str, patience: Query[Patience]) -> Status[PreviewOut]:
    """Counts what a run right now would do, and changes nothing anywhere. 200 when it is complete in time,
    else 202 with `complete: false`: ask GET /previews/{id} again."""
    run = services.start_preview(lookup.sync(sync_id), started_by=caller(request))
    after_commit(request, lambda: _settled(run, patience.wait))
    return Status(202, _shown(run))


@router.get(
    "/previews/{preview_id}", response=PreviewOut, operation_id="get_preview", summary="Show a preview"
)
def show(request: HttpRequest, preview_id: str) -> PreviewOut:
    """Its counts so far; they are final when `complete` is true."""
    return _shown(lookup.preview(preview_id))


def _settled(run: Run, seconds: float) -> HttpResponse:
    """The answer once the preview is complete, or as it stands after `seconds`."""
    deadline = time.monotonic() + seconds
    run.refresh_from_db()
    while not run.is_finished and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        run.refresh_from_db()
    return JsonResponse(_shown(run).model_dump(mode="json"), status=200 if run.is_finished else 202)


def _shown(run: Run) -> PreviewOut:
    records = RunRecord.objects.filter(run=run)
    skipped = records.filter(outcome=Outcome.SKIPPED).order_by().values_list("reason").annotate(Count("id"))
    sample = records.filter(outcome__in=_WORTH_SHOWING).order_by("id")[:_SAMPLE]
    return preview_out(run, dict(skipped), list(sample))
