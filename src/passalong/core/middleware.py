"""Response headers every page carries, and a way past the rest of the stack for hot paths."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def policy(**more: str) -> str:
    """The policy in `SECURE_CSP`; `form_action="https://…"` and the like allow something on top of it."""
    rules = {
        name: [*values, *filter(None, [more.get(name.replace("-", "_"))])]
        for name, values in settings.SECURE_CSP.items()
    }
    return "; ".join(f"{name} {' '.join(values)}" for name, values in rules.items())


class ContentSecurityPolicy:
    """Sends the policy in `SECURE_CSP`: no inline code, nothing from third parties."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.header = policy()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.header)
        return response


class ShortPaths:
    """Answers `/healthz` before sessions, sign-in and the database are touched."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path == "/healthz":
            return HttpResponse("ok", content_type="text/plain")
        return self.get_response(request)
