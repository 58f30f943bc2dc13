"""What the customer's own website says to us: the script it loads, and the leads it sends.

The key is for everybody to see; what keeps strangers out is the list of websites that may use it, which
browsers hold to, and the limit on how many come from one address. Answers are the same for friends who are
new and who are not, so that nobody can ask who is a customer.
"""

import json
from importlib.resources import files

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from passalong.campaigns.models import Campaign
from passalong.core.answers import as_response
from passalong.core.bodies import body_of
from passalong.core.problems import FieldProblem, Problem, invalid, not_found
from passalong.leads.models import LeadSource
from passalong.tracking import friends

MOST_BYTES = 16_384


class Friend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a website sends. `ref` is the code of the link the friend came by."""

    email: str
    ref: str
    first_name: str = ""
    fields: dict[str, str] = {}


@cache_control(max_age=3600)
@require_safe
def script(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """passalong.js, to be loaded from the customer's pages."""
    text = files("passalong.tracking").joinpath("passalong.js").read_bytes()
    headers = {"Cross-Origin-Resource-Policy": "cross-origin", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(text, content_type="text/javascript; charset=utf-8", headers=headers)


@csrf_exempt
@require_http_methods(["POST", "OPTIONS"])
def leads(request: HttpRequest, key: str) -> HttpResponse:
    """Take a friend from a website; 202 whether new or not. See CORS in the Fetch standard."""
    origin = request.headers.get("Origin", "")
    campaign = Campaign.everywhere.filter(public_key=key.replace("\0", "")).first()
    allowed = campaign is not None and origin.lower() in campaign.origins
    try:
        answer = _answer(request, campaign, origin, allowed=allowed)
    except Problem as problem:
        answer = as_response(problem)
    if allowed:
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Max-Age"] = "3600"
        answer.headers["Access-Control-Allow-Methods"] = "POST"
        answer.headers["Access-Control-Allow-Headers"] = "Content-Type"
    answer.headers["Vary"] = "Origin"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _answer(request: HttpRequest, campaign: Campaign | None, origin: str, *, allowed: bool) -> HttpResponse:
    if campaign is None:
        raise not_found("publishable key")
    if not allowed:
        raise _not_allowed(origin)
    if request.method == "OPTIONS":
        return HttpResponse(status=204)
    if friends.is_too_many(request, campaign):
        raise friends.too_many()
    friend = _read(request)
    friends.join(
        campaign,
        friend.ref,
        friend.email,
        first_name=friend.first_name,
        source=LeadSource.WEBSITE,
        fields=friend.fields,
    )
    return HttpResponse(json.dumps({"status": "accepted"}), status=202, content_type="application/json")


def _read(request: HttpRequest) -> Friend:
    if request.content_type != "application/json":
        raise Problem(
            415, "not_json", "Not JSON", "The body must be JSON.", "Send Content-Type: application/json."
        )
    body = body_of(request, MOST_BYTES, "Send only what the friend filled in.")
    try:
        friend = msgspec.json.decode(body, type=Friend)
    except msgspec.ValidationError as error:
        raise invalid([FieldProblem("body", f"{error}.")]) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Problem(
            400, "malformed_json", "Malformed JSON", "The body is not valid JSON.", "Correct it."
        ) from None
    kept = {key.replace("\0", ""): value.replace("\0", "") for key, value in friend.fields.items()}
    return msgspec.structs.replace(friend, fields=kept, ref=friend.ref.replace("\0", ""))


def _not_allowed(origin: str) -> Problem:
    who = origin or "a program without an origin"
    return Problem(
        403,
        "origin_not_allowed",
        "Website not allowed",
        f"This campaign does not take leads from {who}.",
        "Add the website in the campaign's settings under Website. Programs use the REST API with a token.",
    )
