"""Every refusal of the API in one shape: problem+json with a stable code and a next step (RFC 9457)."""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from passalong.core.answers import as_response
from passalong.core.bodies import cut_off
from passalong.core.problems import FieldProblem, Problem, invalid, not_found
from passalong.integrations.registry import UnknownProviderError

_MESSAGES = {
    "missing": "This is required.",
    "extra_forbidden": "There is no field of this name here.",
    "model_type": "Send a JSON object.",
    "model_attributes_type": "Send a JSON object.",
}

View = Callable[..., HttpResponse]
logger = logging.getLogger(__name__)


def handle_errors(api: NinjaAPI) -> None:
    """Have every exception of an operation end as a problem."""
    for kind, translate in _TRANSLATIONS.items():
        api.add_exception_handler(kind, _handler(translate))


def _handler(translate: Callable[[Any], Problem]) -> Callable[[HttpRequest, Any], HttpResponse]:
    return lambda _request, error: as_response(translate(error))


def unknown_call(_request: HttpRequest, **_path: str) -> HttpResponse:
    """The answer under /api/v1 where there is nothing."""
    return as_response(_no_such_call())


def refusing_other_methods(view: View) -> View:
    """`view` with its 405 as a problem."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return response
        return _not_allowed(request.method or "", response.headers["Allow"])

    return wrapped


def _not_allowed(method: str, allowed: str) -> HttpResponse:
    allowed = ", ".join(sorted(allowed.split(", ")))
    response = as_response(
        Problem(
            405,
            "method_not_allowed",
            "Method not allowed",
            f"This address does not take {method}.",
            f"Use {allowed}.",
        )
    )
    response.headers["Allow"] = allowed
    return response


def _no_such_call() -> Problem:
    problem = not_found("call")
    problem.next_step = f"The calls there are stand at {settings.BASE_URL}/api/v1/docs."
    return problem


def field_path(parts: Iterable[str | int]) -> str:
    """`("inbound", 2, "to")` → `"inbound[2].to"`, the form the services use too."""
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _invalid(error: ValidationError) -> Problem:
    problems = [_field_problem(one) for one in error.errors]
    return invalid(problems, detail=f"{problems[0].field}: {problems[0].message}")


def _field_problem(error: dict[str, Any]) -> FieldProblem:
    location: Sequence[str | int] = error["loc"]
    # A body arrives as ("body", <argument's name>, …), everything else as ("query", <name>).
    inner = location[2:] if location[0] == "body" else location[1:]
    message = _MESSAGES.get(error["type"], f"{error['msg']}.")
    return FieldProblem(field_path(inner) or "body", message)


def _http(error: HttpError) -> Problem:
    cause = error.__cause__
    if isinstance(cause, Problem):
        return cause
    if isinstance(cause, RequestDataTooBig):
        return _too_big(cause)
    phrase = HTTPStatus(error.status_code).phrase
    return Problem(
        error.status_code,
        phrase.lower().replace(" ", "_"),
        phrase,
        f"{error.message}.",
        "Correct the request and send it again.",
    )


def _too_big(_error: RequestDataTooBig) -> Problem:
    return Problem(
        413, "body_too_large", "Body too large", "The body is over 2.5 MB.", "Send it in smaller parts."
    )


def _unavailable(error: Exception) -> Problem:
    logger.error("The database did not answer.", exc_info=error)
    return Problem(
        503, "database_unavailable", "Unavailable", "The database did not answer.", "Try again in a moment."
    )


def _unexpected(error: Exception) -> Problem:
    logger.error("An API call failed.", exc_info=error)
    return Problem(
        500,
        "internal_error",
        "Internal error",
        "Something went wrong on our side; it has been logged.",
        "Try again; if it happens again, look into Passalong's log.",
    )


_TRANSLATIONS: dict[type[Exception], Callable[[Any], Problem]] = {
    Problem: lambda error: error,
    ValidationError: _invalid,
    UnknownProviderError: lambda error: invalid([FieldProblem("provider", str(error))]),
    HttpError: _http,
    Http404: lambda _error: _no_such_call(),
    # The row went away between finding it and changing it.
    ObjectDoesNotExist: lambda _error: not_found("object"),
    RequestDataTooBig: _too_big,
    UnreadablePostError: lambda _error: cut_off(),
    OperationalError: _unavailable,
    InterfaceError: _unavailable,
    Exception: _unexpected,
}
