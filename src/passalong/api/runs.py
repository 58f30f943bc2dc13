"""Runs and their records over REST."""

# ruff: noqa: ARG001 - every operation is given the request

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import Field

from passalong.api import lookup
from passalong.api.auth import caller
from passalong.api.run_schemas import (
    OutcomeName,
    RecordOut,
    RunOut,
    WriteBackName,
    record_out,
    run_out,
)
from passalong.api.schemas import Body, Page, Paging, page
from passalong.core.pages import page_of
from passalong.sync import services
from passalong.sync.models import Run, RunKind, RunRecord

router = Router(tags=["Runs"])


class RunIn(Body):
    """How to run; the body may be left out."""

    full: bool = Field(
        default=False, description="Read the whole audience again even where only changes would do."
    )


class RetryIn(Body):
    """Which contacts; the body may be left out."""

    external_ids: list[str] = Field(
        default_factory=list, max_length=1000, description="Just these of the contacts that failed."
    )


class RecordFilters(Paging):
    """Which records."""

    outcome: OutcomeName | Literal[""] = ""
    reason: str = Field("", description="Exactly this reason, such as no_email.")
    write_back: WriteBackName | Literal[""] = ""


@router.post("/syncs/{sync_id}/runs", response={202: RunOut}, operation_id="start_run", summary="Start a run")
def start(request: HttpRequest, sync_id: str, body: RunIn | None = None) -> Status[dict[str, Any]]:
    """Ask GET /runs/{id} how it goes. 409 `run_in_progress` with the active run's id while there is one."""
    full = body.full if body else False
    run = services.start_run(lookup.sync(sync_id), started_by=caller(request), full=full)
    return Status(202, run_out(run))


@router.get(
    "/syncs/{sync_id}/runs", response=Page[RunOut], operation_id="list_runs", summary="List a sync's runs"
)
def index(request: HttpRequest, sync_id: str, paging: Query[Paging]) -> dict[str, Any]:
    """Newest first."""
    rows = Run.objects.filter(sync=lookup.sync(sync_id), kind=RunKind.RUN)
    found = page_of(rows, limit=paging.limit, cursor=paging.cursor)
    return page(found, [run_out(run) for run in found.items])


@router.get("/runs/{run_id}", response=RunOut, operation_id="get_run", summary="Show a run")
def show(request: HttpRequest, run_id: str) -> dict[str, Any]:
    """Its state and counts at this moment."""
    return run_out(lookup.run(run_id))


@router.post("/runs/{run_id}/cancel", response=RunOut, operation_id="cancel_run", summary="Cancel a run")
def cancel(request: HttpRequest, run_id: str) -> dict[str, Any]:
    """It stops at the next page; what it has done stays. A finished run is left alone."""
    return run_out(services.cancel_run(lookup.run(run_id)))


@router.post(
    "/runs/{run_id}/retry", response={202: RunOut}, operation_id="retry_run", summary="Retry what failed"
)
def retry(request: HttpRequest, run_id: str, body: RetryIn | None = None) -> Status[dict[str, Any]]:
    """A new run of only the contacts that failed, or were not written back, in this one.

    409 `nothing_to_retry` when there are none, `run_in_progress` while the sync is running.
    """
    only = body.external_ids if body else []
    again = services.retry_run(lookup.run(run_id), started_by=caller(request), only=only)
    return Status(202, run_out(again))


@router.get(
    "/runs/{run_id}/records",
    response=Page[RecordOut],
    operation_id="list_records",
    summary="List what became of each contact",
)
def records(request: HttpRequest, run_id: str, filters: Query[RecordFilters]) -> dict[str, Any]:
    """In the order they were first read."""
    chosen = {"outcome": filters.outcome, "reason": filters.reason, "write_back": filters.write_back}
    rows = RunRecord.objects.of(lookup.run(run_id), **chosen)
    found = page_of(rows, limit=filters.limit, cursor=filters.cursor, newest_first=False)
    return page(found, [record_out(record) for record in found.items])
