"""Programs that know of nothing but an address qualify leads: a form tool, a payment service, a shop."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from passalong.accounts.scope import in_workspace
from passalong.campaigns import hooks
from passalong.core.answers import as_response
from passalong.core.bodies import body_of
from passalong.core.ids import public_id
from passalong.core.problems import FieldProblem, Problem, invalid, not_found
from passalong.leads.services import lead_named, qualify

MOST_BYTES = 65_536
NAMES = ("code", "email")


@csrf_exempt
@require_POST
def qualify_by_hook(request: HttpRequest, secret: str) -> HttpResponse:
    """`email` or `code` of a lead, as JSON or as a form; other fields are passed over. Doing it again changes
    nothing."""
    campaign = hooks.campaign_of(secret)
    try:
        if campaign is None:
            raise not_found("address")
        said = _said(request)
        with in_workspace(campaign.workspace_id):
            lead = qualify(lead_named(campaign, said))
    except Problem as problem:
        return as_response(problem)
    body = {"lead_id": public_id("lead", lead.pk), "status": str(lead.status)}
    return HttpResponse(json.dumps(body), content_type="application/json")


def _said(request: HttpRequest) -> str:
    found = _fields(request)
    for name in NAMES:
        value = found.get(name)
        if isinstance(value, str) and value.strip():
            return value.replace("\0", "").strip()
    raise invalid([FieldProblem("email", "Send the email or the code of a lead.")])


def _fields(request: HttpRequest) -> Mapping[str, Any]:
    body = body_of(request, MOST_BYTES, "Send the email or the code only.")
    try:
        if request.content_type == "application/x-www-form-urlencoded":
            return QueryDict(body.decode())
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise _malformed() from None
    if not isinstance(found, dict):
        raise _malformed()
    return found


def _malformed() -> Problem:
    return Problem(
        400,
        "malformed_json",
        "Malformed JSON",
        "The body is neither a JSON object nor a form.",
        'Send {"email": "friend@example.com"}.',
    )
