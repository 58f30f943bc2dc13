"""Referral links: the one address that strangers open, so it asks for no session and little else."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from passalong.tracking.services import destination, is_bot, is_open, record_visit, referrer_of

# The campaign's site may learn which site the link stood on, but not which page.
_HEADERS = {"Referrer-Policy": "strict-origin-when-cross-origin", "X-Robots-Tag": "noindex"}


@cache_control(no_store=True)
@require_safe
def follow(request: HttpRequest, code: str) -> HttpResponse:
    """Lead a friend to the campaign's destination."""
    referrer = referrer_of(code)
    if referrer is None:
        return render(request, "tracking/unknown.html", status=404)
    if not is_open(referrer):
        # 410 and not 404: the link was right, and search engines and mail checkers should forget it.
        return render(request, "tracking/closed.html", status=410)
    if _is_visit(request):
        record_visit(referrer)
    return HttpResponseRedirect(destination(referrer.campaign, referrer.code), headers=_HEADERS)


def _is_visit(request: HttpRequest) -> bool:
    """A person looking: no HEAD, no fetching ahead by the browser, no program."""
    purposes = [request.headers.get(name, "") for name in ("Purpose", "Sec-Purpose", "X-Moz")]
    if request.method != "GET" or any("prefetch" in purpose.lower() for purpose in purposes):
        return False
    return not is_bot(request.headers.get("User-Agent", ""))
