"""A person who refers, with one permanent link per campaign."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from passalong.accounts.scope import WorkspaceModel
from passalong.referrers.imports.models import Import, ImportPart, ImportRecord

# What stands for the address of somebody who was erased: a domain that can never be anybody's (RFC 2606).
ERASED = "@erased.invalid"

# Django looks for an app's models here.
__all__ = ["Import", "ImportPart", "ImportRecord", "Referrer", "ReferrerAlias", "ReferrerStatus", "Source"]


class ReferrerStatus(models.TextChoices):
    """An inactive referrer keeps everything, but the link says the programme is closed for them."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class Source(models.TextChoices):
    """How a referrer first came here."""

    MANUAL = "manual"
    API = "api"
    UPLOAD = "upload"
    INTERCOM = "intercom"


class Referrer(WorkspaceModel):
    """Email (trimmed, lower-cased) is the identity within the campaign; `code` never changes.

    `search` holds the words of name, email and code, split and case-folded in Python, so that search does
    not depend on the database's locale (see search.py).
    """

    # Both are served by indexes that begin with the campaign.
    workspace = models.ForeignKey(
        "accounts.Workspace", on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    email = models.TextField()
    first_name = models.TextField(default="", blank=True)
    last_name = models.TextField(default="", blank=True)
    phone = models.TextField(default="", blank=True)
    fields = models.JSONField(default=dict, blank=True)
    code = models.CharField(max_length=16)
    status = models.CharField(max_length=8, choices=ReferrerStatus, default=ReferrerStatus.ACTIVE)
    source = models.CharField(max_length=20, choices=Source, default=Source.MANUAL)
    visits_count = models.PositiveIntegerField(default=0)
    referrals_count = models.PositiveIntegerField(default=0)
    converted_referrals_count = models.PositiveIntegerField(default=0)
    last_referral_at = models.DateTimeField(null=True)
    search = SearchVectorField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(WorkspaceModel.Meta):
        constraints = [
            models.UniqueConstraint("campaign", Lower("email"), name="referrer_email_once"),
            models.UniqueConstraint(fields=["code"], name="referrer_code_once"),
            models.CheckConstraint(
                condition=Exact(Lower("email"), models.F("email")), name="referrer_email_lower"
            ),
        ]
        indexes = [
            models.Index("campaign", models.F("id").desc(), name="referrer_newest"),
            models.Index(
                "campaign",
                models.F("id").desc(),
                name="referrer_inactive",
                condition=models.Q(status="inactive"),
            ),
            GinIndex(fields=["search"], name="referrer_search"),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def name(self) -> str:
        """First and last name, or "" when neither is known."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def referral_link(self) -> str:
        """The permanent link, under this installation's public address."""
        return f"{settings.BASE_URL}/r/{self.code}"

    @property
    def is_erased(self) -> bool:
        """Whether this was a person once, of whom only their friends are left."""
        return self.email.endswith(ERASED)


class ReferrerAlias(WorkspaceModel):
    """A code that goes on leading somewhere after its referrer was merged into another one.

    `merged` is the id of the referrer who had it, so that whoever still holds that id finds the survivor.
    Codes are unique across referrers and aliases.
    """

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="+")
    referrer = models.ForeignKey(Referrer, on_delete=models.CASCADE, related_name="aliases")
    code = models.CharField(max_length=16)
    merged = models.UUIDField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(WorkspaceModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["code"], name="alias_code_once"),
            models.UniqueConstraint(fields=["merged"], name="alias_merged_once"),
        ]

    def __str__(self) -> str:
        return f"{self.code} → {self.referrer_id}"
