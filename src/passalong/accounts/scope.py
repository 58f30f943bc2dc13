"""Keeps every query inside one workspace, by construction."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self, TypeVar
from uuid import UUID

from django.db import models

from passalong.core.ids import new_id

_current: ContextVar[UUID | None] = ContextVar("passalong_workspace", default=None)

M_co = TypeVar("M_co", bound=models.Model, covariant=True)


class NoWorkspaceError(RuntimeError):
    """A scoped query ran outside `in_workspace(...)`: a bug, never a user's mistake."""


@contextmanager
def in_workspace(workspace_id: UUID) -> Iterator[None]:
    """Every scoped query inside sees this workspace's rows and no others."""
    token = _current.set(workspace_id)
    try:
        yield
    finally:
        _current.reset(token)


def current_workspace_id() -> UUID:
    """The workspace of this request or job."""
    workspace_id = _current.get()
    if workspace_id is None:
        raise NoWorkspaceError("This query needs a workspace: wrap it in in_workspace(...).")
    return workspace_id


class ScopedQuerySet(models.QuerySet[M_co]):
    """Rows of the current workspace."""

    def newest_first(self) -> Self:
        """Ids are time-ordered, so this is also the order of creation, without ties."""
        return self.order_by("-id")


class ScopedManager(models.Manager[M_co]):
    """`Model.objects`: filters by, and creates in, the current workspace."""

    def get_queryset(self) -> models.QuerySet[M_co]:
        return super().get_queryset().filter(workspace_id=current_workspace_id())

    def create(self, **fields: Any) -> M_co:
        """Like Django's, in the current workspace unless another is given."""
        fields.setdefault("workspace_id", current_workspace_id())
        return super().create(**fields)


class WorkspaceModel(models.Model):
    """A row that belongs to exactly one workspace.

    `objects` is scoped. `everywhere` is not: for migrations, public addresses that carry their own key
    (a referral code), and jobs that must first find out which workspace a row is in.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")

    objects = ScopedManager.from_queryset(ScopedQuerySet)()
    everywhere = models.Manager()  # noqa: DJ012 - a manager, too

    class Meta:
        abstract = True
        base_manager_name = "everywhere"
