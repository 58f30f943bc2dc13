"""Webhooks: where the team's own programs are told what happens, and what became of it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.core.pages import page_of
from passalong.core.problems import Problem
from passalong.web import words
from passalong.web.forms import refused, typed
from passalong.web.paging import PAGE, addresses
from passalong.web.views.campaigns import need_writer
from passalong.webhooks import services
from passalong.webhooks.models import Delivery, Webhook

CONTEXT: dict[str, Any] = {"tab": "webhooks", "all_events": list(words.EVENT.items())}


@require_GET
def webhooks(request: HttpRequest) -> HttpResponse:
    """All webhooks of the workspace."""
    return render(request, "webhooks/list.html", {**CONTEXT, "webhooks": Webhook.objects.order_by("-pk")})


@require_http_methods(["GET", "POST"])
def new_webhook(request: HttpRequest) -> HttpResponse:
    """Tell another address."""
    need_writer(request)
    if request.method == "GET":
        return render(request, "webhooks/new.html", {**CONTEXT, "values": {"events": list(words.EVENT)}})
    url, events = typed(request, ["url"])["url"], request.POST.getlist("events")
    try:
        made = services.add_webhook(url, events)
    except Problem as problem:
        context = {**CONTEXT, "values": {"url": url, "events": events}, **refused(problem, ["url"])}
        return render(request, "webhooks/new.html", context, status=problem.status)
    messages.success(request, _("Webhook added"))
    return redirect("web:webhook", made.pk)


@require_http_methods(["GET", "POST"])
def webhook(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """One webhook: its settings, its secret, and what it was told."""
    found = _get(webhook_id)
    if request.method == "GET":
        return _page(request, found, {"url": found.url, "events": found.events})
    values = {**typed(request, ["url"]), "events": request.POST.getlist("events")}
    try:
        services.change_webhook(found, **values, is_active="is_active" in request.POST)
    except Problem as problem:
        return _page(request, found, values, problem)
    messages.success(request, _("Webhook saved"))
    return redirect("web:webhook", found.pk)


@require_POST
def act(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """Renew the secret, send a test event, or delete the webhook."""
    found = _get(webhook_id)
    action = request.POST.get("do", "")
    if action == "delete":
        return render(request, "webhooks/delete.html", {**CONTEXT, "webhook": found})
    if action == "delete_now":
        services.delete_webhook(found)
        messages.success(request, _("Webhook deleted"))
        return redirect("web:webhooks")
    if action == "rotate":
        services.rotate(found)
        messages.success(request, _("It has a new secret; the old one works for a day longer"))
    else:
        services.ping(found)
        messages.success(request, _("A test event is on its way"))
    return redirect("web:webhook", found.pk)


@require_POST
def resend(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    """Send an event once more."""
    delivery = get_object_or_404(Delivery.objects.all(), pk=delivery_id)
    services.resend(delivery)
    messages.success(request, _("The event is on its way again"))
    return redirect("web:webhook", delivery.webhook_id)


def _get(webhook_id: UUID) -> Webhook:
    return get_object_or_404(Webhook.objects.all(), pk=webhook_id)


def _page(
    request: HttpRequest, found: Webhook, values: dict[str, Any], problem: Problem | None = None
) -> HttpResponse:
    rows = Delivery.objects.filter(webhook=found)
    page = page_of(rows, limit=PAGE, cursor=request.GET.get("cursor"))
    context = {
        **CONTEXT,
        "webhook": found,
        "secret": services.secret_of(found),
        "values": values,
        "deliveries": page.items,
        **addresses(request, page),
        **(refused(problem, ["url"]) if problem else {}),
    }
    return render(request, "webhooks/webhook.html", context, status=problem.status if problem else 200)
