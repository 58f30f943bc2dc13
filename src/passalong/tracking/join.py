"""The hosted join page of a campaign: who invites, two questions and a few more, a word of thanks.

No cookie, no script, nothing of ours in sight. A forged request could do no more than send the form, which
anybody may, so there is no CSRF token either.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from passalong.campaigns import join_page
from passalong.campaigns.join_page import JoinPage
from passalong.campaigns.models import Campaign
from passalong.core.addresses import origin_of
from passalong.core.clock import now
from passalong.core.middleware import policy
from passalong.core.problems import Problem
from passalong.leads.models import LeadSource
from passalong.referrers.models import Referrer
from passalong.tracking import friends

TRAP = "website"
_LIMIT = 2_000


class Invitation(NamedTuple):
    """A campaign, its page and who invites."""

    campaign: Campaign
    page: JoinPage
    referrer: Referrer


@cache_control(no_store=True)
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, slug: str) -> HttpResponse:
    """Greet the friend, take the form, say thanks."""
    campaign = _campaign(slug)
    if campaign is None:
        return render(request, "tracking/unknown.html", status=404)
    given = request.POST if request.method == "POST" else request.GET
    referrer = friends.host(campaign, given.get("ref", "").replace("\0", ""))
    if not friends.is_open(campaign, referrer):
        return render(request, "tracking/closed.html", status=410)
    if referrer is None:
        return render(request, "tracking/uninvited.html", status=404)
    invitation = Invitation(campaign, join_page.read(campaign.join_page), referrer)
    return _joined(request, invitation) if request.method == "POST" else _form(request, invitation)


def _joined(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    campaign, page, referrer = invitation
    thanks = page.thanks_url or reverse("thanks", args=[campaign.slug])
    if request.POST.get(TRAP):
        # Only a program fills in what no person can see. It learns nothing.
        return HttpResponseRedirect(thanks)
    said = {name: str(value).replace("\0", "").strip()[:_LIMIT] for name, value in request.POST.items()}
    missing = _missing(page, said)
    if friends.is_too_many(request, campaign):
        missing = {"": _("Too many people have joined from here just now. Wait a minute, then try again.")}
    if missing:
        return _form(request, invitation, said, missing)
    asked = {f"field-{place}": one.label for place, one in enumerate(page.questions)}
    try:
        friends.join(
            campaign,
            referrer.code,
            said["email"],
            first_name=said["first_name"],
            source=LeadSource.JOIN_PAGE,
            fields={label: said[name] for name, label in asked.items() if said.get(name)},
            consented_at=now() if page.asks_consent else None,
        )
    except Problem as problem:
        names = {f"fields.{label}": name for name, label in asked.items()}
        return _form(request, invitation, said, _told(problem, names))
    return HttpResponseRedirect(thanks)


def _missing(page: JoinPage, said: Mapping[str, str]) -> dict[str, str]:
    """What has to be filled in still, by field."""
    needed = ["first_name", "email", *(f"field-{n}" for n, one in enumerate(page.questions) if one.required)]
    missing = {name: _("Please fill this in.") for name in needed if not said.get(name)}
    if page.asks_consent and not said.get("consent"):
        missing["consent"] = _("Please tick this if you agree; without it you cannot join.")
    return missing


def _told(problem: Problem, names: Mapping[str, str]) -> dict[str, str]:
    """The refusal in words for a friend, by field."""
    if problem.code == "self_referral":
        return {"email": _("This is the address of the person who invited you. Use your own.")}
    words = {error.field: error.message for error in problem.errors}
    return {names.get(name, name): message for name, message in words.items()} or {"": problem.detail}


def _form(
    request: HttpRequest,
    invitation: Invitation,
    said: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> HttpResponse:
    campaign, page, referrer = invitation
    said, errors = said or {}, errors or {}
    questions = [
        {
            "name": f"field-{place}",
            "label": one.label,
            "required": one.required,
            "value": said.get(f"field-{place}", ""),
            "error": errors.get(f"field-{place}", ""),
        }
        for place, one in enumerate(page.questions)
    ]
    context: dict[str, Any] = {**words(invitation), "said": said, "errors": errors, "questions": questions}
    context |= {"campaign": campaign, "referrer": referrer, "page": page}
    context |= {"trap": TRAP, "trouble": errors.get("")}
    answer = render(request, "tracking/join.html", context, status=422 if errors else 200)
    if page.thanks_url:
        # Browsers hold the form to this policy even where its answer sends them on.
        answer.headers["Content-Security-Policy"] = policy(form_action=origin_of(page.thanks_url))
    return answer


def words(invitation: Invitation) -> dict[str, str]:
    """The page's texts: the customer's, or our own where there are none."""
    campaign, page, referrer = invitation
    name = referrer.first_name
    sender = page.sender or campaign.workspace.name
    own = {
        "headline": _("%(name)s invites you") % {"name": name} if name else _("You are invited"),
        "text": "",
        "button": _("Join"),
        "consent": _("I agree that %(sender)s may write to me about this.") % {"sender": sender},
    }
    said = {key: getattr(page, key).replace("{referrer}", name or _("A friend")) for key in own}
    return {"sender": sender, **{key: said[key] or own[key] for key in own}}


@require_safe
def thanks(request: HttpRequest, slug: str) -> HttpResponse:
    """A word of thanks."""
    campaign = _campaign(slug)
    if campaign is None:
        return render(request, "tracking/unknown.html", status=404)
    page = join_page.read(campaign.join_page)
    context: dict[str, Any] = {
        "campaign": campaign,
        "sender": page.sender or campaign.workspace.name,
        "headline": page.thanks_headline or _("Thank you"),
        "text": page.thanks_text or _("You have joined. You can close this page."),
    }
    return render(request, "tracking/thanks.html", context)


@cache_control(max_age=300)
@require_safe
def colours(request: HttpRequest, slug: str) -> HttpResponse:  # noqa: ARG001
    """The customer's colour as a style sheet of its own: our policy allows no inline code."""
    campaign = _campaign(slug)
    colour = join_page.read(campaign.join_page).colour if campaign else join_page.COLOUR
    css = f":root {{ --brand: {colour}; --on-brand: {join_page.text_on(colour)}; }}\n"
    return HttpResponse(css, content_type="text/css")


def _campaign(slug: str) -> Campaign | None:
    """By its address, in any workspace: the page is for everybody."""
    return Campaign.everywhere.select_related("workspace").filter(slug=slug).first()
