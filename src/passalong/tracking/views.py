"""Referral links within Django: the pages of those that lead nowhere. Open ones are answered in front.py."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from passalong.tracking.services import HEADERS, follow


@cache_control(no_store=True)
@require_safe
def referral_link(request: HttpRequest, code: str) -> HttpResponse:
    """Lead a friend to the campaign's destination, or say in words why not."""
    link = follow(code, request.META)
    if link is None:
        return render(request, "tracking/unknown.html", status=404)
    if not link.is_open:
        # 410 and not 404: the link was right, and search engines and mail checkers should forget it.
        return render(request, "tracking/closed.html", status=410)
    return HttpResponseRedirect(link.address, headers=HEADERS)
