"""A referrer's page: who they are in the CRM, what they brought, what happened to them; and changing them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.accounts import audit
from passalong.accounts.models import AuditEntry
from passalong.core.problems import Problem
from passalong.referrers import services
from passalong.referrers.models import Referrer, ReferrerStatus
from passalong.sync import people
from passalong.web import words
from passalong.web.forms import refused, typed
from passalong.web.timeline import Entry, Line
from passalong.web.views.campaigns import need_writer
from passalong.web.views.syncs import who

FIELDS = ("email", "first_name", "last_name", "phone")
NEWEST = 50


@dataclass(frozen=True)
class OwnField:
    """A field of the customer's own, in the form under `name`."""

    key: str
    name: str
    value: Any


def referrer_or_404(referrer_id: UUID) -> Referrer:
    """The referrer of this workspace."""
    return get_object_or_404(Referrer.objects.select_related("campaign"), pk=referrer_id)


@require_GET
def referrer(request: HttpRequest, referrer_id: UUID) -> HttpResponse:
    """Everything there is about one person."""
    found = referrer_or_404(referrer_id)
    context = {
        **_frame(found),
        "contacts": people.contacts_of(found),
        "leads": found.leads.order_by("-pk")[:NEWEST],
        "entries": _history(found),
    }
    return render(request, "referrers/referrer.html", context)


def _frame(found: Referrer) -> dict[str, Any]:
    return {"campaign": found.campaign, "tab": "referrers", "referrer": found}


def _history(found: Referrer) -> list[Entry]:
    """What people did, what syncs did, and how it began; newest first."""
    changed = [
        Entry(_done(entry), entry.who, entry.created_at, [_line(change) for change in entry.changes])
        for entry in audit.timeline(found.pk)[:NEWEST]
    ]
    synced = [
        Entry(
            str(words.OUTCOME[record.outcome]),
            record.run.sync.name,
            record.run.created_at,
            [Line("", "", record.message)] if record.message else [],
            run=record.run,
        )
        for record in people.records_of(found)
    ]
    added = Entry(_("Added"), str(words.SOURCE.get(found.source, found.source)), found.created_at, [])
    return sorted([*changed, *synced, added], key=_moment, reverse=True)


def _done(entry: AuditEntry) -> str:
    return _("Another referrer was merged into this one") if entry.verb.endswith(".merged") else _("Changed")


def _moment(entry: Entry) -> datetime:
    return entry.created_at


def _line(change: dict[str, Any]) -> Line:
    label = words.REFERRER_FIELD.get(change["field"], change["field"].removeprefix("fields."))
    return Line(str(label), _said(change["before"]), _said(change["after"]) or _("nothing"))


def _said(value: Any) -> str:
    return "" if value is None else str(words.REFERRER_STATUS.get(value, value))


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, referrer_id: UUID) -> HttpResponse:
    """Name, email, phone and fields of one's own."""
    need_writer(request)
    found = referrer_or_404(referrer_id)
    if request.method == "GET":
        return _form(request, found, {name: getattr(found, name) for name in FIELDS}, found.fields)
    values = typed(request, FIELDS)
    given = {
        field.key: request.POST[field.name].replace("\0", "")
        for field in _own(found.fields)
        if field.name in request.POST
    }
    changed = {key: value or None for key, value in given.items() if value != str(found.fields[key])}
    try:
        services.change_referrer(found, who=who(request), **values, fields=changed)
    except Problem as problem:
        return _form(request, found, values, {**found.fields, **given}, problem)
    messages.success(request, _("Changes saved"))
    return redirect("web:referrer", found.pk)


def _own(fields: dict[str, Any]) -> list[OwnField]:
    return [OwnField(key, f"field-{number}", fields[key]) for number, key in enumerate(sorted(fields))]


def _form(
    request: HttpRequest,
    found: Referrer,
    values: dict[str, Any],
    own: dict[str, Any],
    problem: Problem | None = None,
) -> HttpResponse:
    context = {**_frame(found), "values": values, "own": _own(own)}
    if problem is not None:
        context |= refused(problem, FIELDS)
        if problem.code == "email_in_use":
            context["errors"] = {"email": [problem.detail]}
    return render(request, "referrers/edit.html", context, status=problem.status if problem else 200)


@require_POST
def set_status(request: HttpRequest, referrer_id: UUID) -> HttpResponse:
    """Deactivate the link, or let it work again."""
    found = referrer_or_404(referrer_id)
    wanted = ReferrerStatus.INACTIVE if request.POST.get("do") == "deactivate" else ReferrerStatus.ACTIVE
    services.set_status(found.campaign, [found.pk], wanted, who=who(request))
    done = _("Link deactivated") if wanted == ReferrerStatus.INACTIVE else _("Link activated")
    messages.success(request, done)
    return redirect("web:referrer", found.pk)
