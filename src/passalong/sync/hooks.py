"""Where CRMs tell of changes by themselves: checked, kept and answered at once, followed by a job."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from passalong.core.answers import as_response
from passalong.core.problems import Problem, not_found
from passalong.integrations.registry import providers
from passalong.sync import hints

MOST_BYTES = 1_000_000


@csrf_exempt
@require_http_methods(["HEAD", "POST"])
def told(request: HttpRequest, provider: str) -> HttpResponse:
    """`POST /hooks/<provider>`; HEAD, with which a CRM looks whether anybody is there, answers 200."""
    try:
        if provider not in providers():
            raise not_found("address")
        if request.method == "HEAD":
            return HttpResponse()
        hints.receive(provider, request.headers, _body(request))
    except Problem as problem:
        return as_response(problem)
    return HttpResponse("ok", content_type="text/plain")


def _body(request: HttpRequest) -> bytes:
    body = request.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        said = f"The body is larger than {MOST_BYTES:,} bytes."
        raise Problem(413, "too_large", "Too large", said, "Send one notification at a time.")
    return body
