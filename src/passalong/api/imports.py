"""Uploads over REST: of referrers, of leads, and of leads to qualify."""

# ruff: noqa: ARG001 - every operation is given the request

from typing import Any, Literal

import msgspec
from django.db import transaction
from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel

from passalong.api import lookup
from passalong.api.auth import caller
from passalong.api.multipart import TYPE, form_of
from passalong.api.referrers import router as _referrers
from passalong.api.run_schemas import COUNTS, CountsOut
from passalong.api.schemas import Failure, Moment, Page, Paging, failure, page
from passalong.core.ids import public_id
from passalong.core.pages import page_of
from passalong.core.problems import FieldProblem, invalid
from passalong.referrers.imports import services
from passalong.referrers.models import Import, ImportRecord

router = Router(tags=_referrers.tags)

OutcomeName = Literal["created", "updated", "unchanged", "duplicate", "skipped", "failed"]
_WORDS = {"true": True, "1": True, "false": False, "0": False, "": False}
_FILE = {
    "type": "string",
    "format": "binary",
    "description": "CSV with a header row: comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252; at most "
    "50 MB, 200,000 rows and 200 columns.",
}
_OVERWRITE = {
    "type": "boolean",
    "default": False,
    "description": "Replace what referrers have already; otherwise only empty fields are filled. "
    "An empty cell never blanks anything.",
}
_QUALIFIED = {
    "type": "boolean",
    "default": False,
    "description": "Every lead of the file is qualified, unless its own cell says no. Nothing is taken back.",
}


def _mapping_of(targets: str, example: str) -> dict[str, Any]:
    return {
        "type": "string",
        "contentMediaType": "application/json",
        "description": f"A JSON object from column names to {targets}; null, and columns left out, "
        "are not read. Without it, columns are recognised by their names.",
        "examples": [example],
    }


def _form(**fields: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI of a form with a file and these fields."""
    schema = {
        "type": "object",
        "required": ["file"],
        "additionalProperties": False,
        "properties": {"file": _FILE, **fields},
    }
    return {"requestBody": {"required": True, "content": {TYPE: {"schema": schema}}}}


class ImportOut(BaseModel):
    """One uploaded file. `kind` is what it is for: referrers, leads, or leads to qualify. `counts` are those
    of a run; `total` is how many rows there are; `mapping` is what each column becomes, null where it is not
    read. `overwrite` is for referrers, `qualified` for leads."""

    id: str
    campaign_id: str
    kind: Literal["referrers", "leads", "qualify"]
    status: Literal["queued", "running", "succeeded", "partial", "failed", "cancelled"]
    file_name: str
    overwrite: bool
    qualified: bool
    mapping: dict[str, str | None]
    total: int
    counts: CountsOut
    error: Failure | None
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None


class ImportRecordOut(BaseModel):
    """What became of one row. `row` counts as spreadsheets do: the header is row 1. `lead_id` is there when
    the file is about leads; `email` is the lead's then."""

    row: int
    email: str | None
    referrer_id: str | None
    lead_id: str | None
    outcome: OutcomeName
    reason: str | None
    message: str | None


class RecordFilters(Paging):
    """Which rows."""

    outcome: OutcomeName | Literal[""] = ""
    reason: str = ""


def import_out(upload: Import) -> dict[str, Any]:
    """An import as the contract shows it."""
    columns = ("kind", "status", "file_name", "overwrite", "qualified", "total")
    times = ("created_at", "started_at", "finished_at")
    return {
        "id": public_id("import", upload.pk),
        "campaign_id": public_id("campaign", upload.campaign_id),
        **{key: getattr(upload, key) for key in (*columns, *times)},
        "mapping": {
            column: target or None for column, target in zip(upload.columns, upload.mapping, strict=True)
        },
        # What only a run does is never done here.
        "counts": {key: getattr(upload, key, 0) for key in COUNTS},
        "error": failure(upload.error),
    }


@router.post(
    "/campaigns/{campaign_id}/referrers/import",
    response={202: ImportOut},
    operation_id="import_referrers",
    summary="Upload referrers",
    openapi_extra=_form(
        overwrite=_OVERWRITE,
        mapping=_mapping_of(
            "email, first_name, last_name, phone, name (split in two) or fields.<name>",
            '{"E-mail": "email", "Plan": "fields.plan"}',
        ),
    ),
)
def start(request: HttpRequest, campaign_id: str) -> Status[dict[str, Any]]:
    """Every row with a usable email becomes a referrer, or is recognised as one. Ask GET /imports/{id} how it
    goes. 422 with a code of its own for a file that cannot be read."""
    return _started(request, campaign_id, "referrers", "overwrite")


@router.post(
    "/campaigns/{campaign_id}/leads/import",
    response={202: ImportOut},
    operation_id="import_leads",
    summary="Upload leads",
    tags=["Leads"],
    openapi_extra=_form(
        qualified=_QUALIFIED,
        mapping=_mapping_of(
            "email (the friend's), referrer (a code, link, email or id), first_name or qualified (yes or no)",
            '{"Friend": "email", "Invited by": "referrer"}',
        ),
    ),
)
def start_leads(request: HttpRequest, campaign_id: str) -> Status[dict[str, Any]]:
    """Every row becomes a lead by the rules of POST /campaigns/{id}/leads: who is one already keeps the
    referrer who came first, and nobody refers themselves. Ask GET /imports/{id} how it goes. `updated` are
    leads that were there and qualified. 422 with a code of its own for a file that cannot be read."""
    return _started(request, campaign_id, "leads", "qualified")


@router.post(
    "/campaigns/{campaign_id}/leads/qualify/import",
    response={202: ImportOut},
    operation_id="import_qualified_leads",
    summary="Qualify leads from a list",
    tags=["Leads"],
    openapi_extra=_form(
        mapping=_mapping_of(
            "lead (the lead's email or id, or the code or link that they have as a referrer)",
            '{"Customer email": "lead"}',
        )
    ),
)
def start_qualify(request: HttpRequest, campaign_id: str) -> Status[dict[str, Any]]:
    """Every lead that a row names is qualified (`updated`) or was before (`unchanged`); rows that name nobody
    are skipped with `lead_not_found`. Ask GET /imports/{id} how it goes. 422 with a code of its own for a
    file that cannot be read."""
    return _started(request, campaign_id, "qualify")


def _started(request: HttpRequest, campaign_id: str, kind: str, *options: str) -> Status[dict[str, Any]]:
    campaign = lookup.campaign(campaign_id)
    form = form_of(request, (*options, "mapping"))
    chosen = {name: _flag(name, form.texts.get(name, "")) for name in options}
    mapping = _mapping(form.texts.get("mapping", ""))
    by = caller(request)
    with transaction.atomic():
        upload = services.receive(campaign, form.name, form.file, size=form.size, started_by=by, kind=kind)
        upload = services.start(upload, mapping, **chosen)
    return Status(202, import_out(upload))


@router.get("/imports/{import_id}", response=ImportOut, operation_id="get_import", summary="Show an upload")
def show(request: HttpRequest, import_id: str) -> dict[str, Any]:
    """Its state and counts at this moment."""
    return import_out(lookup.upload(import_id))


@router.post(
    "/imports/{import_id}/cancel",
    response=ImportOut,
    operation_id="cancel_import",
    summary="Cancel an upload",
)
def cancel(request: HttpRequest, import_id: str) -> dict[str, Any]:
    """It stops within a thousand rows; what it has done stays. A finished one is left alone."""
    return import_out(services.cancel(lookup.upload(import_id)))


@router.get(
    "/imports/{import_id}/records",
    response=Page[ImportRecordOut],
    operation_id="list_import_records",
    summary="List what became of each row",
)
def records(request: HttpRequest, import_id: str, filters: Query[RecordFilters]) -> dict[str, Any]:
    """In the order of the file."""
    rows = ImportRecord.objects.filter(upload=lookup.upload(import_id))
    wanted = {"outcome": filters.outcome, "reason": filters.reason}
    rows = rows.filter(**{key: value for key, value in wanted.items() if value})
    found = page_of(rows, limit=filters.limit, cursor=filters.cursor, newest_first=False)
    return page(found, [_record_out(record) for record in found.items])


def _record_out(record: ImportRecord) -> dict[str, Any]:
    return {
        "row": record.row,
        "email": record.email or None,
        "referrer_id": public_id("referrer", record.referrer_id) if record.referrer_id else None,
        "lead_id": public_id("lead", record.lead_id) if record.lead_id else None,
        "outcome": record.outcome,
        "reason": record.reason or None,
        "message": record.message or None,
    }


def _flag(name: str, text: str) -> bool:
    found = _WORDS.get(text.strip().lower())
    if found is None:
        raise invalid([FieldProblem(name, "Send true or false.")])
    return found


def _mapping(text: str) -> dict[str, str | None] | None:
    if not text.strip():
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, str | None])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        message = 'Send a JSON object from column names to fields, such as {"E-mail": "email"}.'
        raise invalid([FieldProblem("mapping", message)]) from None
