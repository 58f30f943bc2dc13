"""What cannot be undone with a person: merging two referrers, and erasing somebody."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from passalong.accounts.services import set_on_contact_deleted
from passalong.core.problems import Problem
from passalong.referrers.erasing import erase_person, person_of
from passalong.referrers.merging import merge_two, other_referrer
from passalong.referrers.models import Referrer
from passalong.web.forms import refused
from passalong.web.views.campaigns import need_writer
from passalong.web.views.referrer import referrer_or_404
from passalong.web.views.syncs import who


@require_http_methods(["GET", "POST"])
def merge(request: HttpRequest, referrer_id: UUID) -> HttpResponse:
    """Name the other one, read what will happen, confirm."""
    need_writer(request)
    found = referrer_or_404(referrer_id)
    said = request.POST.get("into", "").replace("\0", "").strip()
    if request.method == "GET":
        return _merge_page(request, found)
    try:
        other = other_referrer(found, said)
    except Problem as problem:
        context = {"said": said, **refused(problem, ["into"])}
        return _merge_page(request, found, status=problem.status, **context)
    if request.POST.get("do") != "merge":
        return _merge_page(request, found, **_compared(found, other))
    one = merge_two(found, other, who=who(request))
    messages.success(request, _("Merged: %(email)s is one referrer now") % {"email": one.email})
    return redirect("web:referrer", one.pk)


def _merge_page(request: HttpRequest, found: Referrer, *, status: int = 200, **context: Any) -> HttpResponse:
    context |= {"campaign": found.campaign, "tab": "referrers", "referrer": found}
    return render(request, "referrers/merge.html", context, status=status)


def _compared(found: Referrer, other: Referrer) -> dict[str, Any]:
    survivor, loser = sorted([found, other], key=lambda one: one.pk)
    sums = {
        key: getattr(survivor, key) + getattr(loser, key)
        for key in ("visits_count", "referrals_count", "converted_referrals_count")
    }
    return {"survivor": survivor, "loser": loser, "sums": sums, "other": other}


@require_http_methods(["GET", "POST"])
def erase(request: HttpRequest, referrer_id: UUID) -> HttpResponse:
    """Say what will be gone, ask, and do it."""
    need_writer(request)
    found = referrer_or_404(referrer_id)
    if request.method == "POST":
        erase_person([found.email], who=who(request))
        messages.success(request, _("Erased. Nothing personal of them is left."))
        return redirect("web:referrers", found.campaign_id)
    person = person_of([found.email])
    context = {"campaign": found.campaign, "tab": "referrers", "referrer": found, "person": person}
    return render(request, "referrers/erase.html", context)


@require_POST
def contact_deleted(request: HttpRequest) -> HttpResponse:
    """Choose what happens here to people whom the CRM deletes for good."""
    workspace = request.member.workspace  # type: ignore[attr-defined]
    set_on_contact_deleted(workspace, request.POST.get("on_contact_deleted", ""))
    messages.success(request, _("Changes saved"))
    return redirect("web:connections")
