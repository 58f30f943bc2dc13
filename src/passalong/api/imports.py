"""Uploads of referrers over REST."""

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
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "CSV with a header row: comma, semicolon or tab; UTF-8, UTF-16 or "
                            "Windows-1252; at most 50 MB, 200,000 rows and 200 columns.",
                        },
                        "overwrite": {
                            "type": "boolean",
                            "default": False,
                            "description": "Replace what referrers have already; otherwise only empty fields "
                            "are filled. An empty cell never blanks anything.",
                        },
                        "mapping": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "A JSON object from column names to email, first_name, last_name, "
                            "phone, name (split in two) or fields.<name>; null, and columns left "
                            "out, are not read. Without it, columns are recognised by their names.",
                            "examples": ['{"E-mail": "email", "Plan": "fields.plan"}'],
                        },
                    },
                },
            }
        },
    }
}


class ImportOut(BaseModel):
    """One uploaded file becoming referrers. `counts` are those of a run; `total` is how many rows there are;
    `mapping` is what each column becomes, null where it is not read."""

    id: str
    campaign_id: str
    status: Literal["queued", "running", "succeeded", "partial", "failed", "cancelled"]
    file_name: str
    overwrite: bool
    mapping: dict[str, str | None]
    total: int
    counts: CountsOut
    error: Failure | None
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None


class ImportRecordOut(BaseModel):
    """What became of one row. `row` counts as spreadsheets do: the header is row 1."""

    row: int
    email: str | None
    referrer_id: str | None
    outcome: OutcomeName
    reason: str | None
    message: str | None


class RecordFilters(Paging):
    """Which rows."""

    outcome: OutcomeName | Literal[""] = ""
    reason: str = ""


def import_out(upload: Import) -> dict[str, Any]:
    """An import as the contract shows it."""
    columns = ("status", "file_name", "overwrite", "total", "created_at", "started_at", "finished_at")
    return {
        "id": public_id("import", upload.pk),
        "campaign_id": public_id("campaign", upload.campaign_id),
        **{key: getattr(upload, key) for key in columns},
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
    openapi_extra=_FORM,
)
def start(request: HttpRequest, campaign_id: str) -> Status[dict[str, Any]]:
    """Every row with a usable email becomes a referrer, or is recognised as one. Ask GET /imports/{id} how it
    goes. 422 with a code of its own for a file that cannot be read."""
    campaign = lookup.campaign(campaign_id)
    form = form_of(request, ("overwrite", "mapping"))
    overwrite = _overwrite(form.texts.get("overwrite", ""))
    mapping = _mapping(form.texts.get("mapping", ""))
    with transaction.atomic():
        upload = services.receive(campaign, form.name, form.file, size=form.size, started_by=caller(request))
        upload = services.start(upload, mapping, overwrite=overwrite)
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
        "outcome": record.outcome,
        "reason": record.reason or None,
        "message": record.message or None,
    }


def _overwrite(text: str) -> bool:
    found = _WORDS.get(text.strip().lower())
    if found is None:
        raise invalid([FieldProblem("overwrite", "Send true or false.")])
    return found


def _mapping(text: str) -> dict[str, str | None] | None:
    if not text.strip():
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, str | None])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        message = 'Send a JSON object from column names to fields, such as {"E-mail": "email"}.'
        raise invalid([FieldProblem("mapping", message)]) from None
