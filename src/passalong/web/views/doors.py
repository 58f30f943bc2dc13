"""Where friends join: the words of the hosted page, and the customer's own website."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.campaigns import hooks, services
from passalong.campaigns.join_page import MOST_FIELDS, JoinPage, read
from passalong.campaigns.models import Campaign
from passalong.core.problems import Problem
from passalong.web.forms import refused, typed
from passalong.web.views.campaigns import campaign_or_404, settings_page

TEXTS = (
    "sender",
    "headline",
    "text",
    "button",
    "consent",
    "thanks_headline",
    "thanks_text",
    "thanks_url",
    "colour",
)


@require_http_methods(["GET", "POST"])
def join_page(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """The texts, questions and colour of the hosted join page."""
    found = campaign_or_404(campaign_id)
    if request.method == "GET":
        return _join_page(request, found, read(found.join_page))
    said = _said(request)
    try:
        services.change_campaign(found, join_page=said)
    except Problem as problem:
        return _join_page(request, found, read(said), problem)
    messages.success(request, _("Join page saved"))
    return redirect("web:campaign_join_page", found.pk)


def _said(request: HttpRequest) -> dict[str, Any]:
    labels = [f"label-{place}" for place in range(MOST_FIELDS)]
    asked = typed(request, labels)
    questions = [
        {"label": asked[name].strip(), "required": f"required-{place}" in request.POST}
        for place, name in enumerate(labels)
        if asked[name].strip()
    ]
    return {**typed(request, TEXTS), "asks_consent": "asks_consent" in request.POST, "questions": questions}


def _join_page(
    request: HttpRequest, found: Campaign, page: JoinPage, problem: Problem | None = None
) -> HttpResponse:
    told = refused(problem, [f"join_page.{name}" for name in TEXTS]) if problem else {"errors": {}}
    errors = {name: told["errors"].get(f"join_page.{name}") for name in TEXTS}
    rows = [
        {
            "name": f"label-{place}",
            "required_name": f"required-{place}",
            "field": page.questions[place] if place < len(page.questions) else None,
            "errors": told["errors"].get(f"join_page.questions[{place}]"),
        }
        for place in range(MOST_FIELDS)
    ]
    context = {**settings_page(found, "join_page"), "page": page, "rows": rows, **told, "errors": errors}
    return render(request, "campaigns/join_page.html", context, status=422 if problem else 200)


@require_http_methods(["GET", "POST"])
def website(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """The code for the customer's website, and which websites may use it."""
    found = campaign_or_404(campaign_id)
    if request.method == "GET":
        return _website(request, found, "\n".join(found.origins))
    text = typed(request, ["origins"])["origins"]
    try:
        services.change_campaign(found, origins=text.split())
    except Problem as problem:
        return _website(request, found, text, problem)
    messages.success(request, _("Websites saved"))
    return redirect("web:campaign_website", found.pk)


def _website(
    request: HttpRequest, found: Campaign, origins: str, problem: Problem | None = None
) -> HttpResponse:
    told = refused(problem) if problem else {"errors": {}}
    address = f"{settings.BASE_URL}/passalong.js"
    context = {
        **settings_page(found, "website"),
        "origins": origins,
        "wrong": [message for messages in told["errors"].values() for message in messages],
        "snippet": f'<script src="{address}" data-key="{found.public_key}" defer></script>',
        "call": "passalong('lead', { email: email, first_name: name });",
        **told,
    }
    return render(request, "campaigns/website.html", context, status=422 if problem else 200)


@require_POST
def new_key(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """Another publishable key."""
    found = services.renew_public_key(campaign_or_404(campaign_id))
    messages.success(request, _("The website has a new key"))
    return redirect("web:campaign_website", found.pk)


@require_GET
def qualifying(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """The ways a lead qualifies, and the secret address for programs."""
    found = campaign_or_404(campaign_id)
    member = request.member  # type: ignore[attr-defined]
    address = hooks.address(found) if member.can_write else ""
    curl = f"curl -X POST {address} -d email=friend@example.com"
    context = {**settings_page(found, "qualifying"), "address": address, "curl": curl}
    return render(request, "campaigns/qualifying.html", context)


@require_POST
def new_hook(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """Another secret address."""
    found = hooks.renew(campaign_or_404(campaign_id))
    messages.success(request, _("The campaign has a new secret address"))
    return redirect("web:campaign_qualifying", found.pk)
