"""Links that sign one person in, once, for a short while: for a first owner who has no password yet."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from passalong.accounts.models import User
from passalong.core.clock import now
from passalong.core.problems import Problem

_SALT = "passalong.accounts.signin_links"
USUAL_LIFE = timedelta(minutes=15)


def link_for(user: User, life: timedelta = USUAL_LIFE) -> str:
    """An address that signs this user in once. Signing in by any way makes it void."""
    claim = {
        "user": user.pk.hex,
        "last_login": user.last_login.isoformat() if user.last_login else None,
        "until": int((now() + life).timestamp()),
    }
    return settings.BASE_URL + reverse("enter", args=[signing.dumps(claim, salt=_SALT)])


def user_of(signed: str) -> User:
    """Whom a link would sign in; Problem `signin_link_void` when it is used, too old, or not ours."""
    try:
        claim = signing.loads(signed, salt=_SALT)
        user = User.objects.get(pk=claim["user"], is_active=True, last_login=_moment(claim["last_login"]))
    except (signing.BadSignature, User.DoesNotExist, KeyError, TypeError, ValueError):
        raise _void() from None
    if claim["until"] < now().timestamp():
        raise _void()
    return user


def use(signed: str) -> User:
    """Use the link up. Of two that come at the same moment, one gets Problem `signin_link_void`."""
    user = user_of(signed)
    if not User.objects.filter(pk=user.pk, last_login=user.last_login).update(last_login=now()):
        raise _void()
    user.refresh_from_db()
    return user


def _moment(text: str | None) -> datetime | None:
    return parse_datetime(text) if text else None


def _void() -> Problem:
    return Problem(
        410,
        "signin_link_void",
        "This link is no longer valid",
        "A sign-in link works once and for a short while.",
        "Sign in with email and password, or make a new link with: passalong setup",
    )
