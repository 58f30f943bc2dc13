"""Every component together, for whoever builds pages."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from passalong.core.clock import now
from passalong.web import words

STEPS: list[dict[str, Any]] = [
    {"number": 1, "name": "Source", "state": "done", "url": "#"},
    {"number": 2, "name": "Contacts", "state": "current", "url": ""},
    {"number": 3, "name": "Map in", "state": "locked", "url": ""},
]
COUNTS = [
    {"value": value, "label": words.OUTCOME[key], "url": "#", "current": key == "skipped"}
    for key, value in {
        "created": 8150,
        "updated": 3020,
        "unchanged": 1104,
        "duplicate": 87,
        "skipped": 43,
        "failed": 4,
    }.items()
]
CHECKS = [
    {"name": "The token works", "ok": True, "detail": "Connected to Acme."},
    {"name": "Can read contacts", "ok": False, "detail": "Switch on “Read users” in the Developer Hub."},
]


@require_GET
def kit(request: HttpRequest) -> HttpResponse:
    """Only in debug."""
    if not settings.DEBUG:
        raise Http404
    context = {
        "steps": STEPS,
        "counts": COUNTS,
        "checks": CHECKS,
        "statuses": list(words.STATUS),
        "moment": now() - timedelta(minutes=12),
        "errors": ["Give the campaign a name of at most 150 characters."],
        "options": list(words.REGION.items()),
    }
    return render(request, "kit/kit.html", context)
