"""GET /me: what a token is for."""

from typing import Literal

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel

from passalong.api.auth import token_of
from passalong.core.ids import public_id

router = Router(tags=["Me"])


class WorkspaceOut(BaseModel):
    """The team the token belongs to."""

    id: str
    name: str


class TokenOut(BaseModel):
    """The token itself; its secret is never shown again."""

    name: str
    scope: Literal["read", "write"]


class MeOut(BaseModel):
    """Who is asking."""

    workspace: WorkspaceOut
    token: TokenOut


@router.get("/me", response=MeOut, operation_id="get_me", summary="Show who is asking")
def show(request: HttpRequest) -> dict[str, object]:
    """The workspace and the token of this call."""
    token = token_of(request)
    workspace = token.workspace
    return {
        "workspace": {"id": public_id("workspace", workspace.pk), "name": workspace.name},
        "token": {"name": token.name, "scope": token.scope},
    }
