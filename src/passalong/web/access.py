"""Who may see a page and who may change something, decided in one place for every page of the product."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from passalong.core.problems import Problem

PAGES = ("web", "setup")
OPEN_TO_ALL = ("theme", "kit")
OPEN_TO_VIEWERS = ("theme", "switch_workspace")
SAFE = ("GET", "HEAD", "OPTIONS")


class PageAccess:
    """Pages need a signed-in member; changing anything needs one who may write. Problems become pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """Turn away whoever may not be here, before the view runs."""
        match = request.resolver_match
        if match is None or match.namespace not in PAGES or match.url_name in OPEN_TO_ALL:
            return None
        if not request.user.is_authenticated:
            return _sign_in(request)
        member = request.member  # type: ignore[attr-defined]
        if member is None:
            return render(request, "errors/no_workspace.html", status=403)
        if request.method not in SAFE and not member.can_write and match.url_name not in OPEN_TO_VIEWERS:
            raise PermissionDenied
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A refusal that no form took up is shown as a page of its own."""
        match = request.resolver_match
        if not isinstance(exception, Problem) or match is None or match.namespace not in PAGES:
            return None
        return render(request, "errors/problem.html", {"problem": exception}, status=exception.status)


def _sign_in(request: HttpRequest) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        # A fragment must not receive the sign-in page: the whole page goes there instead.
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return redirect_to_login(request.get_full_path())
