"""Teams, the people in them, and the tokens their programs use."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

from passalong.accounts.scope import WorkspaceModel
from passalong.core.ids import new_id


class UserManager(BaseUserManager["User"]):
    """Makes users whose email is their name."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user with a usable password, or without one when `password` is None."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in with an email address."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_ci")]

    def __str__(self) -> str:
        return self.email


class OnContactDeleted(models.TextChoices):
    """What happens here to somebody whose contact is deleted for good in a CRM."""

    KEEP = "keep"
    ERASE = "erase"


class Workspace(models.Model):
    """One team's account; everything else belongs to exactly one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=150, unique=True)
    on_contact_deleted = models.CharField(
        max_length=5, choices=OnContactDeleted, default=OnContactDeleted.KEEP
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


class Member(WorkspaceModel):
    """A user in a workspace."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(WorkspaceModel.Meta):
        constraints = [models.UniqueConstraint(fields=["workspace", "user"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"

    @property
    def can_write(self) -> bool:
        """Viewers look; everybody else changes things."""
        return self.role != Role.VIEWER


class TokenScope(models.TextChoices):
    """What an API token may do."""

    READ = "read"
    WRITE = "write"


class ApiToken(WorkspaceModel):
    """A program's key to the REST API. Only a hash is kept."""

    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=12)
    scope = models.CharField(max_length=5, choices=TokenScope, default=TokenScope.WRITE)
    last_used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(WorkspaceModel.Meta):
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="token_name_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"


class AuditEntry(WorkspaceModel):
    """One change somebody made, kept for the timeline of what it was made to.

    `subject` is the id of the row that was changed (a sync, a referrer, a campaign), `verb` a stable name
    such as `sync.changed`, `who` an email address or the name of an API token, and `changes` a list of
    `{field, before, after}`.
    """

    subject = models.UUIDField()
    verb = models.CharField(max_length=40)
    who = models.CharField(max_length=254)
    changes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(WorkspaceModel.Meta):
        indexes: ClassVar = [models.Index("subject", models.F("id").desc(), name="audit_timeline")]

    def __str__(self) -> str:
        return f"{self.who}: {self.verb}"
