"""What happens to referral links."""

from django.db import models

from passalong.accounts.scope import WorkspaceModel


class Visit(WorkspaceModel):
    """One opening of a referral link by a person."""

    referrer = models.ForeignKey("referrers.Referrer", on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"visit of {self.referrer_id}"
