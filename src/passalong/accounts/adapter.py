"""Sign-in rules for allauth."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedSignup(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs themselves up: the first owner comes from `passalong setup`, others are invited."""

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        """Whether the public sign-up page works."""
        return False
