"""A referral programme."""

from django.db import models

from passalong.accounts.scope import WorkspaceModel


class CampaignStatus(models.TextChoices):
    """Whether referral links lead anywhere."""

    DRAFT = "draft"
    LIVE = "live"
    PAUSED = "paused"


class Campaign(WorkspaceModel):
    """One referral programme with its own referrers, leads and syncs.

    `referrers_count` and `leads_count` change in the transaction that changes the rows they count.
    """

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=150)
    status = models.CharField(max_length=10, choices=CampaignStatus, default=CampaignStatus.LIVE)
    destination_url = models.URLField(max_length=2000)
    referrers_count = models.PositiveIntegerField(default=0)
    leads_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
