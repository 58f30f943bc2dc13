"""What every operation passes through: token, workspace, idempotency, and errors as problems."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from passalong.accounts.scope import in_workspace
from passalong.api.auth import authenticate
from passalong.api.idempotency import once, replace_answer
from passalong.api.multipart import refuse_too_large
from passalong.api.parsing import refuse_nul_in_query

Run = Callable[..., HttpResponse]
FollowUp = Callable[[], HttpResponse]
_FOLLOW_UP = "api_follow_up"


def after_commit(request: HttpRequest, follow_up: FollowUp) -> None:
    """Have `follow_up` give the final answer once the operation's work is committed: for waiting, which must
    hold no transaction open."""
    setattr(request, _FOLLOW_UP, follow_up)


def door(api: NinjaAPI) -> Callable[[Run], Run]:
    """The decorator for every operation of `api`."""

    def guarded(run: Run) -> Run:
        @wraps(run)
        def wrapped(request: HttpRequest, **path: Any) -> HttpResponse:
            try:
                return _answer(request, lambda: run(request, **path))
            except Exception as error:  # noqa: BLE001 - the API turns each into a problem
                return api.on_exception(request, error)

        return wrapped

    return guarded


def _answer(request: HttpRequest, run: Callable[[], HttpResponse]) -> HttpResponse:
    token = authenticate(request)
    refuse_nul_in_query(request)
    refuse_too_large(request)
    with in_workspace(token.workspace_id):
        response = once(request, token, run)
        follow_up: FollowUp | None = getattr(request, _FOLLOW_UP, None)
        if follow_up is None:
            return response
        response = follow_up()
        replace_answer(request, token, response)
        return response
