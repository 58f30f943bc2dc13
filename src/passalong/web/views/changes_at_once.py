"""Changes at once: what to enter in the CRM so that it tells of changes by itself, and what came so far."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from passalong.core.clock import now
from passalong.core.problems import FieldProblem, Problem, invalid
from passalong.sync import hints
from passalong.sync.listening import Listening, can_listen, listening
from passalong.sync.models import Connection, Notification
from passalong.sync.people import url_of
from passalong.web import words
from passalong.web.forms import refused, typed
from passalong.web.views.connections import connection_or_404

FIELDS = ("client_secret",)
# A notification may name very many contacts; the rest is a number.
NAMED = 3


@require_http_methods(["GET", "POST"])
def changes_at_once(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """The steps to take in the CRM, the secret, and a light that shows whether something arrives."""
    found = _listener_or_404(connection_id)
    if request.method == "GET":
        return _page(request, found)
    secret = typed(request, FIELDS)["client_secret"].strip()
    forget = request.POST.get("do") == "forget"
    try:
        if not secret and not forget:
            raise invalid([FieldProblem("client_secret", _("Paste the client secret of your app."))])
        hints.set_secret(found, "" if forget else secret)
    except Problem as problem:
        return _page(request, found, problem)
    messages.success(request, _("Secret forgotten") if forget else _("Secret saved"))
    return redirect("web:changes_at_once", found.pk)


@require_GET
def live(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """The light and the latest notifications; 204 while they are as the page has them."""
    found = _listener_or_404(connection_id)
    context = _light(found, listening(found))
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "connections/_live.html", context)


def _listener_or_404(connection_id: UUID) -> Connection:
    found = connection_or_404(connection_id)
    if not can_listen(found):
        raise Http404
    return found


def _light(found: Connection, state: Listening) -> dict[str, Any]:
    return {
        "connection": found,
        "state": state,
        "rows": [_row(found, one) for one in state.recent],
        "seen": _as_seen(state),
    }


def _row(found: Connection, one: Notification) -> dict[str, Any]:
    shown = [(contact, url_of(found, contact)) for contact in one.contact_ids[:NAMED]]
    return {"told": one, "contacts": shown, "more": max(0, len(one.contact_ids) - NAMED)}


def _as_seen(state: Listening) -> str:
    """Changes when the page would: with the newest, with what was handled, and as minutes pass."""
    if state.latest is None:
        return "none"
    waiting = sum(one.handled_at is None for one in state.recent)
    minutes = int((now() - state.latest.received_at).total_seconds() // 60)
    return f"{state.latest.pk.hex}.{waiting}.{minutes}"


def _page(request: HttpRequest, found: Connection, problem: Problem | None = None) -> HttpResponse:
    state = listening(found)
    context = {
        "tab": "connections",
        "topics": [(words.TOPIC.get(topic, ""), topic) for topic in state.topics],
        **_light(found, state),
        **(refused(problem, FIELDS) if problem else {}),
    }
    return render(request, "connections/changes.html", context, status=problem.status if problem else 200)
