"""Where a team's own programs are told what happens, and what became of each telling."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from passalong.accounts.scope import WorkspaceModel

EVENTS = (
    "lead.created",
    "lead.qualified",
    "lead.unqualified",
    "referrer.created",
    "run.finished",
    "connection.needs_attention",
)


class Webhook(WorkspaceModel):
    """An address and the events it is told of.

    `secret` signs; `previous` signs beside it until `previous_until`, so that a receiver can change over.
    Both are encrypted.
    """

    url = models.URLField(max_length=2000)
    events = models.JSONField(default=list)
    is_active = models.BooleanField(default=True)
    secret = models.TextField()
    previous = models.TextField(default="")
    previous_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(WorkspaceModel.Meta):
        indexes = [models.Index("workspace", models.F("id").desc(), name="webhook_newest")]

    def __str__(self) -> str:
        return self.url


class DeliveryStatus(models.TextChoices):
    """How far a telling is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(WorkspaceModel):
    """One event for one webhook. `next_at` is when it is tried (again); while it is being tried, when another
    worker may take it over."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="+", db_index=False)
    event = models.CharField(max_length=40)
    payload = models.JSONField(encoder=DjangoJSONEncoder)
    status = models.CharField(max_length=9, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    response_status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=200, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(WorkspaceModel.Meta):
        indexes = [
            models.Index("webhook", models.F("id").desc(), name="delivery_newest"),
            models.Index(fields=["next_at"], name="delivery_due", condition=Q(status="pending")),
        ]

    def __str__(self) -> str:
        return f"{self.event} ({self.status})"
