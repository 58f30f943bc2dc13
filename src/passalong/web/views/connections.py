"""Connections to outside accounts."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.core.problems import Problem
from passalong.sync import connections as services
from passalong.sync.models import Connection, Sync
from passalong.web import words
from passalong.web.forms import refused, typed
from passalong.web.views.campaigns import need_writer

FIELDS = ("access_token", "region")
CONTEXT: dict[str, Any] = {"tab": "connections", "regions": list(words.REGION.items())}


@require_GET
def connections(request: HttpRequest) -> HttpResponse:
    """All connections of the workspace."""
    rows = Connection.objects.order_by("-pk")
    return render(request, "connections/list.html", {**CONTEXT, "connections": rows})


@require_http_methods(["GET", "POST"])
def new_connection(request: HttpRequest) -> HttpResponse:
    """Connect an Intercom workspace by access token."""
    need_writer(request)
    if request.method == "GET":
        return render(request, "connections/new.html", CONTEXT)
    values = typed(request, FIELDS)
    try:
        made = services.connect("intercom", values["access_token"], values["region"] or None)
    except Problem as problem:
        context = {**CONTEXT, "values": {"region": values["region"]}, **refused(problem, FIELDS)}
        return render(request, "connections/new.html", context, status=problem.status)
    messages.success(request, _("Connected to %(account)s") % {"account": made.account_name})
    return redirect("web:connection", made.pk)


@require_GET
def connection(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """One connection: its checks, and the syncs that hang on it."""
    return _page(request, _get(connection_id))


@require_POST
def replace_token(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Give it a new access token."""
    found = _get(connection_id)
    try:
        services.replace_token(found, typed(request, FIELDS)["access_token"])
    except Problem as problem:
        return _page(request, found, problem)
    messages.success(request, _("Connected again"))
    return redirect("web:connection", found.pk)


@require_POST
def recheck(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Ask the CRM again what the connection may do."""
    found = _get(connection_id)
    try:
        services.recheck(found)
    except Problem as problem:
        return _page(request, found, problem)
    return redirect("web:connection", found.pk)


@require_http_methods(["GET", "POST"])
def disconnect(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Forget the credentials, after saying what that means."""
    need_writer(request)
    found = _get(connection_id)
    if request.method == "POST":
        services.disconnect(found)
        messages.success(request, _("Disconnected"))
        return redirect("web:connection", found.pk)
    return render(request, "connections/disconnect.html", {**CONTEXT, **_facts(found)})


def _get(connection_id: UUID) -> Connection:
    return get_object_or_404(Connection.objects.all(), pk=connection_id)


def _facts(found: Connection) -> dict[str, Any]:
    return {"connection": found, "syncs": Sync.objects.filter(connection=found).count()}


def _page(request: HttpRequest, found: Connection, problem: Problem | None = None) -> HttpResponse:
    context = {**CONTEXT, **_facts(found)}
    if problem is not None:
        found.refresh_from_db()
        context |= refused(problem, FIELDS)
    return render(request, "connections/detail.html", context, status=problem.status if problem else 200)
