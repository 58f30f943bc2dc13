"""Verbs for teams and their keys."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from passalong.accounts.models import (
    ApiToken,
    Member,
    OnContactDeleted,
    Role,
    TokenScope,
    User,
    Workspace,
)
from passalong.core.clock import now
from passalong.core.problems import FieldProblem, Problem, invalid

TOKEN_PREFIX = "pal_"  # noqa: S105 - how a token begins, not one


@transaction.atomic
def set_up(email: str, workspace_name: str, password: str | None = None) -> tuple[Member, bool]:
    """Make the first owner of a workspace. Idempotent: returns the membership and whether it is new.

    A password given again replaces the old one; without one, an existing password is kept.
    """
    user = User.objects.filter(email__iexact=email.strip()).first()
    if user is None:
        user = User.objects.create_user(email, password)
    elif password is not None:
        user.set_password(password)
        user.save(update_fields=["password"])
    workspace, _ = Workspace.objects.get_or_create(name=workspace_name.strip())
    return Member.everywhere.get_or_create(workspace=workspace, user=user, defaults={"role": Role.OWNER})


def emails_of_writers(workspace_id: UUID) -> list[str]:
    """Where those who can change something in a workspace are reached: its owners, admins and editors."""
    members = Member.everywhere.filter(workspace_id=workspace_id, user__is_active=True)
    return list(members.exclude(role=Role.VIEWER).order_by("id").values_list("user__email", flat=True))


def workspace_named(name: str) -> Workspace:
    """The workspace with this exact name."""
    try:
        return Workspace.objects.get(name=name.strip())
    except Workspace.DoesNotExist:
        raise Problem(
            404,
            "workspace_not_found",
            "No such workspace",
            f"There is no workspace named {name!r}.",
            "Make it with: passalong setup --email YOU --workspace NAME",
        ) from None


def set_on_contact_deleted(workspace: Workspace, choice: str) -> Workspace:
    """Choose what happens to people whose contact is deleted in a CRM: `keep` or `erase`."""
    if choice not in OnContactDeleted.values:
        raise invalid([FieldProblem("on_contact_deleted", "Choose keep or erase.")])
    Workspace.objects.filter(pk=workspace.pk).update(on_contact_deleted=choice)
    workspace.on_contact_deleted = choice
    return workspace


def create_token(workspace_id: UUID, name: str, scope: str = TokenScope.WRITE) -> tuple[ApiToken, str]:
    """A new API token and its secret, which is shown this once and never stored.

    A token with the same name is replaced, so that a lost secret is mended by asking again.
    """
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token, _ = ApiToken.everywhere.update_or_create(
        workspace_id=workspace_id,
        name=name,
        defaults={"digest": _digest(secret), "hint": secret[:8], "scope": scope, "last_used_at": None},
    )
    return token, secret


def token_for(secret: str) -> ApiToken | None:
    """The token behind a secret, marked as used (to the minute, so that calls do not contend for its row)."""
    token = ApiToken.everywhere.select_related("workspace").filter(digest=_digest(secret)).first()
    if token is not None:
        moment = now()
        stale = Q(last_used_at=None) | Q(last_used_at__lt=moment - timedelta(minutes=1))
        ApiToken.everywhere.filter(stale, pk=token.pk).update(last_used_at=moment)
    return token


def _digest(secret: str) -> str:
    # The secret is 256 random bits, so a fast hash is as good as a slow one.
    return hashlib.sha256(secret.encode()).hexdigest()
