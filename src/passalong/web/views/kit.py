"""Every component together, for whoever builds pages."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from passalong.core.clock import now
from passalong.core.ids import new_id
from passalong.sync.facts import MODES, NAME_FORMATS, TARGETS
from passalong.sync.records import Field
from passalong.sync.setup.forms.map_in import Row
from passalong.web import words
from passalong.web.timeline import Entry, Line

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
FIELDS = [
    Field("name", "Name", "string", readable=True, writable=True, custom=False, sample="Ada Lovelace"),
    Field("signed_up", "Signed up", "date", readable=True, writable=False, custom=False),
]
ROWS = [
    Row(
        0,
        {"from": "name", "to": "first_name", "name_format": "first_word", "suggested": "name"},
        FIELDS[0],
        "Ada",
        [],
    ),
    Row(
        1,
        {"from": "signed_up", "to": "phone", "mode": "only_new"},
        FIELDS[1],
        "",
        ["Signed up is a date, and Phone takes text. Choose another field."],
    ),
]
CHART = {
    "day": "Day",
    "days": [f"2026-11-{day:02}" for day in range(1, 15)],
    "names": ["Visits", "Leads", "Qualified"],
    "values": [
        [12, 18, 9, 22, 31, 28, 40, 35, 44, 51, 38, 47, 60, 58],
        [2, 3, 1, 4, 6, 5, 9, 7, 8, 11, 7, 9, 14, 12],
        [0, 1, 0, 2, 2, 3, 4, 2, 5, 6, 3, 4, 8, 7],
    ],
}
PEOPLE = [("Ada Lovelace", "ada@example.com", 12_408, "good"), ("Łukasz", "lukasz@example.com", 3, "")]
PROBLEM = {
    "detail": "Something here needs your attention",
    "next_step": "",
    "code": "invalid",
    "links": [{"message": "Give the campaign a name of at most 150 characters.", "target": "two"}],
}


@require_GET
def kit(request: HttpRequest) -> HttpResponse:
    """Only in debug."""
    if not settings.DEBUG:
        raise Http404
    context = {
        "steps": STEPS,
        "counts": COUNTS,
        "checks": CHECKS,
        "troubles": [{"pk": new_id(), "account_name": "Acme", "provider": "intercom", "syncs": 3}],
        "writer": {"can_write": True},
        "statuses": list(words.STATUS),
        "moment": now() - timedelta(minutes=12),
        "errors": ["Give the campaign a name of at most 150 characters."],
        "options": list(words.REGION.items()),
        "rows": ROWS,
        "fields": FIELDS,
        "targets": list(TARGETS.items()),
        "modes": [(key, label.format(crm="Intercom")) for key, label in MODES.items()],
        "formats": NAME_FORMATS.items(),
        "chart": CHART,
        "people": PEOPLE,
        "problem": PROBLEM,
        "shown": "50 of 12,408",
        "next_url": "#",
        "tabs": [("Status", "#", True), ("Runs", "#", False)],
        "entries": [
            Entry("Mapping changed", "alice@example.com", now(), [Line("Phone", "not filled", "Phone")]),
            Entry("Sync created", "alice@example.com", now() - timedelta(days=2), []),
        ],
    }
    return render(request, "kit/kit.html", context)
