"""Puts each signed-in request inside its member's workspace."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from passalong.accounts.models import Member
from passalong.accounts.scope import in_workspace

SESSION_KEY = "workspace_id"


class CurrentWorkspace:
    """Sets `request.member` and scopes every query of the request to the member's workspace."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        member = self._member(request)
        request.member = member  # type: ignore[attr-defined]
        if member is None:
            return self.get_response(request)
        with in_workspace(member.workspace_id):
            return self.get_response(request)

    def _member(self, request: HttpRequest) -> Member | None:
        if not request.user.is_authenticated:
            return None
        memberships = Member.everywhere.filter(user_id=request.user.pk).select_related("workspace")
        chosen = request.session.get(SESSION_KEY)
        return (memberships.filter(workspace_id=chosen).first() if chosen else None) or memberships.order_by(
            "id"
        ).first()
