"""The workspace and its settings over REST."""

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from passalong.accounts.models import Workspace
from passalong.accounts.services import set_on_contact_deleted
from passalong.api.auth import token_of
from passalong.api.schemas import Body, choice
from passalong.core.ids import public_id

router = Router(tags=["Workspace"])

ERASING = "What happens to a person whose contact is deleted for good in the CRM. Archived people are kept."


class WorkspaceSettings(BaseModel):
    """The team the token belongs to."""

    id: str
    name: str
    on_contact_deleted: Literal["keep", "erase"] = Field(description=ERASING)


class WorkspaceChanges(Body):
    """What to change."""

    on_contact_deleted: str = choice("keep", "erase", examples=["erase"])


@router.get(
    "/workspace",
    response=WorkspaceSettings,
    operation_id="get_workspace",
    summary="Show the workspace's settings",
)
def show(request: HttpRequest) -> dict[str, Any]:
    """Settings that hold for every campaign."""
    return _out(token_of(request).workspace)


@router.patch(
    "/workspace",
    response=WorkspaceSettings,
    operation_id="change_workspace",
    summary="Change the workspace's settings",
)
def change(request: HttpRequest, body: WorkspaceChanges) -> dict[str, Any]:
    """Choose whether people whom the CRM deletes are erased here, too. It holds from now on."""
    return _out(set_on_contact_deleted(token_of(request).workspace, body.on_contact_deleted))


def _out(workspace: Workspace) -> dict[str, Any]:
    return {
        "id": public_id("workspace", workspace.pk),
        "name": workspace.name,
        "on_contact_deleted": workspace.on_contact_deleted,
    }
