"""Who is asking: a bearer token stands for one workspace and one scope."""

from django.http import HttpRequest

from passalong.accounts.models import ApiToken, TokenScope
from passalong.accounts.services import token_for
from passalong.core.problems import Problem

_READING = ("GET", "HEAD", "OPTIONS")
_ATTRIBUTE = "api_token"


def authenticate(request: HttpRequest) -> ApiToken:
    """The token of this request; Problem 401 without a valid one, 403 when it may only read."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    token = token_for(secret.strip()) if scheme.lower() == "bearer" and secret.strip() else None
    if token is None:
        raise _unauthenticated()
    if request.method not in _READING and token.scope != TokenScope.WRITE:
        raise _read_only(token)
    setattr(request, _ATTRIBUTE, token)
    return token


def token_of(request: HttpRequest) -> ApiToken:
    """The token `authenticate` found."""
    token: ApiToken = getattr(request, _ATTRIBUTE)
    return token


def caller(request: HttpRequest) -> str:
    """Who started something, as its history shows it."""
    return f"token {token_of(request).name}"


def _unauthenticated() -> Problem:
    return Problem(
        401,
        "unauthenticated",
        "Not signed in",
        "This call needs a valid API token.",
        "Send the header Authorization: Bearer <token>; make one with: passalong token create.",
    )


def _read_only(token: ApiToken) -> Problem:
    return Problem(
        403,
        "read_only_token",
        "Read-only token",
        f"The token {token.name!r} may only read.",
        "Use a token with the scope write.",
    )
