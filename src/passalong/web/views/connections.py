"""Connections to outside accounts."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.core.problems import Problem
from passalong.sync import connections as services
from passalong.sync.listening import can_listen
from passalong.sync.models import Connection, ConnectionStatus, Sync
from passalong.web import words
from passalong.web.forms import refused, typed
from passalong.web.views.campaigns import need_writer

FIELDS = ("access_token", "region")
CONTEXT: dict[str, Any] = {"tab": "connections", "regions": list(words.REGION.items())}


@require_GET
def connections(request: HttpRequest) -> HttpResponse:
    """All connections of the workspace."""
    rows = Connection.objects.order_by("-pk")
    chosen = request.member.workspace.on_contact_deleted  # type: ignore[attr-defined]
    choices = [
        {"value": value, "title": title, "line": line, "checked": value == chosen}
        for value, title, line in words.ON_CONTACT_DELETED
    ]
    context = {**CONTEXT, "connections": rows, "on_contact_deleted": choices}
    return render(request, "connections/list.html", context)


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
    return _mended(made)


@require_GET
def connection(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """One connection: its checks, and the syncs that hang on it."""
    return _page(request, connection_or_404(connection_id))


@require_POST
def replace_token(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Give it a new access token."""
    found = connection_or_404(connection_id)
    try:
        services.replace_token(found, typed(request, FIELDS)["access_token"])
    except Problem as problem:
        return _page(request, found, problem)
    messages.success(request, _("Connected again"))
    return _mended(found)


@require_POST
def recheck(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Ask the CRM again what the connection may do."""
    found = connection_or_404(connection_id)
    was = found.status
    try:
        found = services.recheck(found)
    except Problem as problem:
        return _page(request, found, problem)
    return redirect("web:connection", found.pk) if found.status == was else _mended(found)


@require_http_methods(["GET", "POST"])
def disconnect(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Forget the credentials, after saying what that means."""
    need_writer(request)
    found = connection_or_404(connection_id)
    if request.method == "POST":
        services.disconnect(found)
        messages.success(request, _("Disconnected"))
        return redirect("web:connection", found.pk)
    return render(request, "connections/disconnect.html", {**CONTEXT, **_facts(found)})


def connection_or_404(connection_id: UUID) -> Connection:
    """The connection of this workspace."""
    return get_object_or_404(Connection.objects.all(), pk=connection_id)


def _mended(found: Connection) -> HttpResponseRedirect:
    """Its page, which then says what begins by itself."""
    return HttpResponseRedirect(f"{reverse('web:connection', args=[found.pk])}?mended")


def _facts(found: Connection) -> dict[str, Any]:
    syncs = Sync.objects.filter(connection=found).count()
    return {"connection": found, "syncs": syncs, "listens": can_listen(found)}


def _page(request: HttpRequest, found: Connection, problem: Problem | None = None) -> HttpResponse:
    context = {**CONTEXT, **_facts(found)}
    if "mended" in request.GET and found.status == ConnectionStatus.CONNECTED:
        context["catching_up"] = services.catching_up(found)
    if problem is not None:
        found.refresh_from_db()
        context |= refused(problem, FIELDS)
    return render(request, "connections/detail.html", context, status=problem.status if problem else 200)
