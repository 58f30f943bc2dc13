"""An invited friend, attributed to one referrer for good."""

from django.db import models
from django.db.models import Q

from passalong.accounts.scope import WorkspaceModel


class LeadStatus(models.TextChoices):
    """Whether the friend has done what the campaign asks for."""

    PENDING = "pending"
    QUALIFIED = "qualified"


class LeadSource(models.TextChoices):
    """How a lead came here."""

    MANUAL = "manual"
    API = "api"
    JOIN_PAGE = "join_page"
    WEBSITE = "website"
    UPLOAD = "upload"


class Lead(WorkspaceModel):
    """Email (trimmed, lower-cased) is the identity within the campaign; the referrer never changes.

    `fields` is what they said of themselves beyond that, by question; `consented_at` when they agreed to be
    written to, if they were asked.

    The counts of the referrer and the campaign change in the transaction that changes these rows, see
    services.py.
    """

    # Both are served by indexes that begin with the campaign or the referrer.
    workspace = models.ForeignKey(
        "accounts.Workspace", on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    referrer = models.ForeignKey(
        "referrers.Referrer", on_delete=models.CASCADE, related_name="leads", db_index=False
    )
    email = models.TextField()
    first_name = models.TextField(default="", blank=True)
    status = models.CharField(max_length=9, choices=LeadStatus, default=LeadStatus.PENDING)
    source = models.CharField(max_length=20, choices=LeadSource, default=LeadSource.API)
    fields = models.JSONField(default=dict, blank=True)
    consented_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    qualified_at = models.DateTimeField(null=True)

    class Meta(WorkspaceModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["campaign", "email"], name="lead_email_once"),
            models.CheckConstraint(
                condition=Q(status="pending", qualified_at=None)
                | Q(status="qualified", qualified_at__isnull=False),
                name="lead_qualified_when",
            ),
        ]
        indexes = [
            models.Index("campaign", models.F("id").desc(), name="lead_newest"),
            models.Index("referrer", models.F("id").desc(), name="lead_of_referrer"),
        ]

    def __str__(self) -> str:
        return self.email
