"""What the API remembers of its own: which answer an idempotency key already got."""

from django.db import models

from passalong.accounts.scope import WorkspaceModel


class IdempotencyKey(WorkspaceModel):
    """A POST that was answered, and the answer, for 24 hours.

    The row is made in the transaction that does the work, so a second request with the key waits for the
    first, and a crash leaves neither the work nor the key behind. `fingerprint` is a hash of everything
    that must be the same for the answer to be given again.
    """

    # The token's index serves every look-up; keys are never asked for by workspace.
    workspace = models.ForeignKey(
        "accounts.Workspace", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    token = models.ForeignKey("accounts.ApiToken", on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    content_type = models.CharField(max_length=100, default="")
    body = models.TextField(default="")
    created_at = models.DateTimeField(db_index=True)

    class Meta(WorkspaceModel.Meta):
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return f"{self.key} ({self.status})"
