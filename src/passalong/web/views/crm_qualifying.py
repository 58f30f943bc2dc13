"""Qualify leads by what their contact says in the CRM."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from passalong.core.problems import Problem
from passalong.sync import connections
from passalong.sync.newcomers import services
from passalong.sync.newcomers.models import PeopleRule
from passalong.web.forms import refused, typed
from passalong.web.views.campaigns import campaign_or_404
from passalong.web.views.crm import connection_or_404, frame, look_up

NAMES = ("field", "initial", "values")


@require_http_methods(["GET", "POST"])
def qualifying(request: HttpRequest, campaign_id: UUID, connection_id: UUID) -> HttpResponse:
    """The field, the values that mean qualified, and whether leaving them takes it back."""
    campaign, connection = campaign_or_404(campaign_id), connection_or_404(connection_id)
    rule = services.rule_of(campaign, connection)
    look_up(connection)
    if request.method == "GET":
        return _shown(request, rule, _stored(rule))
    said: dict[str, Any] = {**typed(request, NAMES), "unqualifies": "unqualifies" in request.POST}
    lines = [line.strip() for line in said["values"].splitlines() if line.strip()]
    try:
        asked = {**said, "values": lines, "initial": said["initial"].strip() or None}
        services.change_rule(campaign, connection, {"qualify": asked}, ask=False)
    except Problem as problem:
        return _shown(request, rule, said, problem)
    messages.success(request, _("Settings saved"))
    return redirect("web:campaign_crm_qualifying", campaign.pk, connection.pk)


def _stored(rule: PeopleRule) -> dict[str, Any]:
    wanted = rule.qualifying
    return {
        "field": wanted.field,
        "initial": "" if wanted.initial is None else _as_typed(wanted.initial),
        "values": "\n".join(_as_typed(value) for value in wanted.values),
        "unqualifies": wanted.unqualifies,
    }


def _as_typed(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _shown(
    request: HttpRequest, rule: PeopleRule, values: dict[str, Any], problem: Problem | None = None
) -> HttpResponse:
    told = refused(problem, ["qualify.field", "qualify.initial", "qualify.values"]) if problem else {}
    errors: dict[str, list[str]] = told.get("errors", {})
    context = {
        **frame(rule.campaign, rule.connection, "qualifying"),
        "fields": [one for one in connections.known_fields(rule.connection) if one.readable],
        "values": values,
        "trouble": rule.problem,
        "is_on": rule.qualifying.is_on,
        **told,
        "field_errors": errors.get("qualify.field"),
        "initial_errors": errors.get("qualify.initial"),
        "values_errors": [
            message
            for place, messages_there in errors.items()
            if place.startswith("qualify.values")
            for message in messages_there
        ],
    }
    return render(request, "crm/qualifying.html", context, status=problem.status if problem else 200)
