"""Where CRMs tell of changes by themselves: checked, kept and answered at once, followed by a job."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from passalong.core.answers import as_response
from passalong.core.bodies import body_of
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
        body = body_of(request, MOST_BYTES, "Send one notification at a time.")
        hints.receive(provider, request.headers, body)
    except Problem as problem:
        return as_response(problem)
    return HttpResponse("ok", content_type="text/plain")
