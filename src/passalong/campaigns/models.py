"""A referral programme."""

import secrets

from django.conf import settings
from django.db import models

from passalong.accounts.scope import WorkspaceModel


def new_public_key() -> str:
    """A key that may be seen by everybody: it names the campaign in the code of a website."""
    return f"pk_{secrets.token_hex(16)}"


class CampaignStatus(models.TextChoices):
    """Whether referral links lead anywhere."""

    DRAFT = "draft"
    LIVE = "live"
    PAUSED = "paused"


class Campaign(WorkspaceModel):
    """One referral programme with its own referrers, leads and syncs.

    Links lead to `destination_url`, or when `is_hosted` to the join page, whose words are in `join_page`
    (join_page.py). `utm` holds what is added to the destination's query, by key (`utm_source` …). Websites at
    `origins` may send leads with the `public_key`; `hook_version` makes the secret address a new one.
    `referrers_count` and `leads_count` change in the transaction that changes the rows they count.
    """

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=150)
    status = models.CharField(max_length=10, choices=CampaignStatus, default=CampaignStatus.LIVE)
    destination_url = models.URLField(max_length=2000, default="", blank=True)
    utm = models.JSONField(default=dict)
    is_hosted = models.BooleanField(default=False)
    join_page = models.JSONField(default=dict)
    public_key = models.CharField(max_length=40, unique=True, default=new_public_key)
    origins = models.JSONField(default=list)
    hook_version = models.PositiveIntegerField(default=1)
    referrers_count = models.PositiveIntegerField(default=0)
    leads_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    @property
    def join_url(self) -> str:
        """Where the hosted join page is."""
        return f"{settings.BASE_URL}/c/{self.slug}"

    @property
    def lands_at(self) -> str:
        """Where referral links lead, before UTM parameters and the code are added."""
        return self.join_url if self.is_hosted else self.destination_url
