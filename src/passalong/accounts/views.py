"""The page behind a sign-in link."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from passalong.accounts import signin_links
from passalong.core.problems import Problem

_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@never_cache
@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest, signed: str) -> HttpResponse:
    """GET shows a button and changes nothing, so that a mail scanner or preview does not use the link up."""
    try:
        if request.method == "POST":
            login(request, signin_links.use(signed), backend=_BACKEND)
            return redirect("/")
        person = signin_links.user_of(signed)
    except Problem as problem:
        return render(request, "accounts/enter.html", {"problem": problem}, status=problem.status)
    return render(request, "accounts/enter.html", {"person": person})
