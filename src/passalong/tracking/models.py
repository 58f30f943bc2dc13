"""What happens to referral links, and how much of it on each day."""

from django.db import models

from passalong.accounts.scope import WorkspaceModel


class Visit(WorkspaceModel):
    """One opening of a referral link by a person."""

    referrer = models.ForeignKey("referrers.Referrer", on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"visit of {self.referrer_id}"


class Counts(models.Model):
    """How many; what was taken back counts less than nothing."""

    visits = models.IntegerField(default=0)
    leads = models.IntegerField(default=0)
    qualified = models.IntegerField(default=0)

    class Meta:
        abstract = True


class Tally(Counts):
    """Something to be added to a day's numbers: written with what is counted, only ever appended, and folded
    into the days by a job (tally.py), so that nobody waits for a row that everybody wants.

    `source` is the lead's, "" for visits. Days are UTC.
    """

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    referrer = models.ForeignKey(
        "referrers.Referrer",
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    day = models.DateField()
    source = models.CharField(max_length=20, default="")

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.day}"


class CampaignDay(Counts):
    """A campaign's numbers of one day, by source of the leads ("" for visits)."""

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    day = models.DateField()
    source = models.CharField(max_length=20, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "day", "source"], name="campaign_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.day}"


class ReferrerDay(Counts):
    """A referrer's numbers of one day; gone with the referrer."""

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    referrer = models.ForeignKey(
        "referrers.Referrer", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    day = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["referrer", "day"], name="referrer_day_once")]
        indexes = [models.Index(fields=["campaign", "day"], name="referrer_day_of_campaign")]

    def __str__(self) -> str:
        return f"{self.referrer_id} {self.day}"
