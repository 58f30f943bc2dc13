"""What an upload remembers: the file until it is read, how far it is, and what became of each row."""

from typing import Any

from django.db import models
from django.db.models import Q

from passalong.accounts.scope import WorkspaceModel


class ImportStatus(models.TextChoices):
    """The life of an import. A draft waits for somebody to match its columns."""

    DRAFT = "draft"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


WORKABLE = (ImportStatus.QUEUED, ImportStatus.RUNNING)


class Import(WorkspaceModel):
    """One uploaded file becoming referrers of one campaign, or what else its kind says (see kinds.py).

    `overwrite` is for referrers; `qualified` for leads: they are, unless their row says otherwise.
    `columns` are the file's headers, `mapping` the target of each ("" is not read), `sample` its first rows.
    `read` is the checkpoint as well: so many rows are done, whoever goes on starts after them.
    """

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, default="referrers")
    file_name = models.CharField(max_length=255)
    encoding = models.CharField(max_length=20)
    delimiter = models.CharField(max_length=1)
    columns: Any = models.JSONField(default=list)
    sample: Any = models.JSONField(default=list)
    mapping: Any = models.JSONField(default=list)
    overwrite = models.BooleanField(default=False)
    qualified = models.BooleanField(default=False)
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.DRAFT)
    total = models.PositiveIntegerField(default=0)
    read = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    duplicate = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    error: Any = models.JSONField(null=True)
    started_by = models.CharField(max_length=255, default="")
    cancel_requested = models.BooleanField(default=False)
    epoch = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(WorkspaceModel.Meta):
        indexes = [
            models.Index(
                fields=["id"],
                name="import_workable",
                condition=Q(status__in=["draft", "queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_draft(self) -> bool:
        """Nobody has said yet what its columns are."""
        return self.status == ImportStatus.DRAFT

    @property
    def is_finished(self) -> bool:
        """It has ended, well or not."""
        return not self.is_draft and self.status not in WORKABLE


class ImportPart(models.Model):
    """A piece of the uploaded bytes, so that any worker can read the file a little at a time."""

    id = models.BigAutoField(primary_key=True)
    upload = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="+", db_index=False)
    position = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["upload", "position"], name="import_part_once")]

    def __str__(self) -> str:
        return f"{self.upload_id}/{self.position}"


class ImportOutcome(models.TextChoices):
    """What happened to one row; the same words as for a contact in a run."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    FAILED = "failed"


PROBLEMS = (ImportOutcome.DUPLICATE, ImportOutcome.SKIPPED, ImportOutcome.FAILED)


class ImportRecord(models.Model):
    """What became of one row. `row` counts as spreadsheets do: the header is row 1.

    `leader` names the import and the person where this row decided about them (see rows.leader_id): one
    column, so that exactly one index can answer whether somebody was met, whatever the statistics say.
    `lead_id` is the lead that a row is about, in the kinds that are about leads.
    """

    id = models.BigAutoField(primary_key=True)
    upload = models.ForeignKey(
        Import, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    row = models.PositiveIntegerField()
    email = models.TextField(default="")
    referrer = models.ForeignKey(
        "referrers.Referrer",
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    lead_id = models.UUIDField(null=True)
    outcome = models.CharField(max_length=10, choices=ImportOutcome)
    reason = models.CharField(max_length=40, default="")
    message = models.TextField(default="")
    leader = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["upload", "row"], name="import_record_once"),
            models.UniqueConstraint(fields=["leader"], name="import_leader_once"),
        ]
        indexes = [
            models.Index(fields=["upload", "id"], name="import_record_page"),
            models.Index(
                fields=["upload", "outcome", "id"],
                name="import_record_trouble",
                condition=Q(outcome__in=["duplicate", "skipped", "failed"]),
            ),
        ]

    def __str__(self) -> str:
        return f"row {self.row}: {self.outcome}"
