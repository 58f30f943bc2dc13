"""A Problem as an answer to a program: application/problem+json (RFC 9457)."""

import json
from dataclasses import asdict

from django.http import HttpResponse

from passalong.core.problems import Problem

MEDIA_TYPE = "application/problem+json"
_HEADERS = {401: {"WWW-Authenticate": 'Bearer realm="passalong"'}, 503: {"Retry-After": "10"}}


def as_response(problem: Problem) -> HttpResponse:
    """The problem as an answer."""
    body = {
        "type": f"urn:passalong:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "next_step": problem.next_step,
        "errors": [asdict(error) for error in problem.errors],
    }
    headers = _HEADERS.get(problem.status, {})
    return HttpResponse(json.dumps(body), status=problem.status, content_type=MEDIA_TYPE, headers=headers)
