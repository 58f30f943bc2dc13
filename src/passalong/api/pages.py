"""The OpenAPI document and the reference page made from it; both are public and need no script."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from passalong.api.assembly import document
from passalong.api.reference import Reference


@require_safe
def openapi(_request: HttpRequest) -> JsonResponse:
    """The document that programs read."""
    return JsonResponse(document())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The same for people."""
    reference = Reference(document())
    return render(request, "api/docs.html", {"groups": reference.groups(), "server": reference.server})
