"""What a sync remembers: its connection, its instruction, its runs, and what became of each contact."""

from typing import Any, Self

from django.db import models
from django.db.models import Q

from passalong.accounts.scope import WorkspaceModel
from passalong.core.clock import now
from passalong.core.crypto import decrypt, encrypt
from passalong.core.ids import new_id

# Django looks for an app's models here.
from passalong.sync.newcomers.models import Newcomer, PeopleRule, Sighting, Turn  # noqa: F401


class ConnectionStatus(models.TextChoices):
    """Whether the outside account can be used."""

    CONNECTED = "connected"
    NEEDS_ATTENTION = "needs_attention"
    DISCONNECTED = "disconnected"


class Connection(WorkspaceModel):
    """A workspace's link to an outside account, with its credentials encrypted.

    The caches hold what the CRM last said of its fields, its segments and the number of its leads and users
    (`sizes_cache`, by role). A page that wants them newer says so in
    `wanted_at`; a job reads them and notes when it began (`looked_up_at`) and what kept it (`lookup_error`).
    `sender` is the job that sends changes to the CRM, until `sending_until`: one at a time, see changes.py.
    `hook_secret` proves what calls itself the CRM, encrypted like `secret`, where the installation has none;
    `noticed_at` is when the CRM last told of something, `confirm_at` when
    deletions that it told of may be asked after again. `lost_at` is since when the credentials do not work,
    `alert_due_at` when the team is told by email, see alerts.py.
    """

    provider = models.CharField(max_length=20)
    status = models.CharField(max_length=16, choices=ConnectionStatus, default=ConnectionStatus.CONNECTED)
    secret = models.TextField(default="")
    account_id = models.CharField(max_length=100)
    account_name = models.CharField(max_length=200)
    region = models.CharField(max_length=10, default="us")
    timezone = models.CharField(max_length=60, default="UTC")
    checks = models.JSONField(default=list)
    fields_cache = models.JSONField(default=list)
    segments_cache = models.JSONField(default=list)
    sizes_cache = models.JSONField(default=dict)
    cached_at = models.DateTimeField(null=True)
    wanted_at = models.DateTimeField(null=True)
    looked_up_at = models.DateTimeField(null=True)
    lookup_error = models.JSONField(null=True)
    sender = models.UUIDField(null=True)
    sending_until = models.DateTimeField(null=True)
    hook_secret = models.TextField(default="")
    noticed_at = models.DateTimeField(null=True)
    confirm_at = models.DateTimeField(null=True)
    lost_at = models.DateTimeField(null=True)
    alert_due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(WorkspaceModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "provider", "account_id"], name="connection_account_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.account_name}"

    def set_token(self, access_token: str) -> None:
        """Keep the token, readable only with this installation's key."""
        self.secret = encrypt(access_token)

    @property
    def credentials(self) -> dict[str, Any]:
        """What an integration needs to open a session."""
        return {"access_token": decrypt(self.secret), "region": self.region}


class SyncType(models.TextChoices):
    """How often a sync runs by itself."""

    ONE_TIME = "one_time"
    ONGOING = "ongoing"


class OnLeave(models.TextChoices):
    """What happens to a referrer whose contact left the audience."""

    KEEP = "keep"
    DEACTIVATE = "deactivate"
    REMOVE = "remove"


class Sync(WorkspaceModel):
    """A saved instruction: this connection's audience becomes this campaign's referrers.

    `audience`, `inbound`, `outbound` and `contact_policy` have the shapes of the REST contract and have
    passed validation.py. `field_types` holds the CRM's type of each field written back, `declared_at` is when
    the map back was set last (whose word stands, see owners.py). `next_run_at` is
    when the schedule runs an ongoing sync again; a one-time sync, and one never started, has none.

    The last columns say how far an ongoing sync has read, see progress.py: everything that changed before
    `read_until` (unix seconds by the CRM's clock); `newest_seen` was the latest change at `newest_seen_at`;
    `reconciled_at` is when the last whole reading began, under the instruction whose digest is `read_as`.
    """

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=150)
    audience = models.JSONField()
    inbound = models.JSONField()
    outbound = models.JSONField(default=list)
    contact_policy = models.JSONField(default=dict)
    field_types = models.JSONField(default=dict)
    declared_at = models.DateTimeField(default=now)
    type = models.CharField(max_length=10, choices=SyncType, default=SyncType.ONE_TIME)
    interval_minutes = models.PositiveIntegerField(default=60)
    on_leave = models.CharField(max_length=10, choices=OnLeave, default=OnLeave.KEEP)
    next_run_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    read_until = models.BigIntegerField(null=True)
    newest_seen = models.BigIntegerField(null=True)
    newest_seen_at = models.DateTimeField(null=True)
    reconciled_at = models.DateTimeField(null=True)
    read_as = models.CharField(max_length=32, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(WorkspaceModel.Meta):
        indexes = [models.Index(fields=["next_run_at"], condition=Q(paused_at__isnull=True), name="sync_due")]

    def __str__(self) -> str:
        return self.name


class SyncDraft(WorkspaceModel):
    """A sync being set up in the wizard. `version` tells two people editing at once apart.

    `sample` holds the real contacts whose values the mapping shows, see setup/samples.py.
    """

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="+")
    answers = models.JSONField(default=dict)
    sample = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"draft for {self.campaign_id}"


class RunKind(models.TextChoices):
    """A preview is a run that decides everything and writes to nobody."""

    RUN = "run"
    PREVIEW = "preview"


class RunStatus(models.TextChoices):
    """The life of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.WAITING, RunStatus.PAUSED)
WORKABLE = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.WAITING)


class Phase(models.TextChoices):
    """What a run is doing."""

    PLAN = "plan"
    READ = "read"
    WRITE_BACK = "write_back"
    DONE = "done"


class Trigger(models.TextChoices):
    """What started a run."""

    MANUAL = "manual"
    SCHEDULE = "schedule"
    WEBHOOK = "webhook"
    RETRY = "retry"


class Run(WorkspaceModel):
    """One execution of a sync. Its state is this row, not a process.

    `epoch` grows each time a worker takes the run over; a worker may commit only while the epoch is its own
    and `lease_until` is kept ahead by its heartbeat. A retry reads again only contacts of `retry_of`: those
    that failed there, or of them the ones listed in `only`; a run that the CRM's notices started reads just
    those in `only`, if there are any. `rate` is how many contacts a second the phase under way has done
    lately. `since` is from when on changes are read (None: everybody is), `newest` when the CRM last changed
    somebody as the run began; both are unix seconds by the CRM's clock. `tallied` says that the list of
    members was brought up to what it read.
    """

    sync = models.ForeignKey(Sync, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=RunKind, default=RunKind.RUN)
    trigger = models.CharField(max_length=10, choices=Trigger, default=Trigger.MANUAL)
    started_by = models.CharField(max_length=254, default="")
    status = models.CharField(max_length=10, choices=RunStatus, default=RunStatus.QUEUED)
    phase = models.CharField(max_length=10, choices=Phase, default=Phase.PLAN)
    full = models.BooleanField(default=False)
    retry_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")
    only = models.JSONField(default=list)
    since = models.BigIntegerField(null=True)
    newest = models.BigIntegerField(null=True)
    tallied = models.BooleanField(default=False)
    instruction = models.JSONField(default=dict)

    epoch = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)
    waiting_until = models.DateTimeField(null=True)

    total = models.PositiveIntegerField(null=True)
    read = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    duplicate = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)
    write_backs_due = models.PositiveIntegerField(default=0)
    written = models.PositiveIntegerField(default=0)
    write_backs_failed = models.PositiveIntegerField(default=0)
    api_calls = models.PositiveIntegerField(default=0)
    rate = models.FloatField(null=True)
    error = models.JSONField(null=True)

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(WorkspaceModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["sync"],
                condition=Q(kind=RunKind.RUN, status__in=[str(status) for status in ACTIVE]),
                name="run_one_active",
            )
        ]
        indexes = [
            models.Index(
                fields=["status"],
                condition=Q(status__in=[str(status) for status in ACTIVE]),
                name="run_active",
            ),
            models.Index("sync", models.F("id").desc(), name="run_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} ({self.status})"

    @property
    def is_preview(self) -> bool:
        """Whether this run only counts."""
        return self.kind == RunKind.PREVIEW

    @property
    def is_finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.status not in ACTIVE


class Partition(models.Model):
    """A slice of a run's audience with its own checkpoint.

    `attempt` counts walks: a walk that saw fewer people than the CRM counted is repeated. `seen` counts the
    distinct contacts of this walk, `total_first` what the CRM counted on its first page.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="partitions")
    position = models.PositiveSmallIntegerField()
    spec = models.JSONField()
    cursor = models.TextField(null=True)
    attempt = models.PositiveSmallIntegerField(default=1)
    pages = models.PositiveIntegerField(default=0)
    seen = models.PositiveIntegerField(default=0)
    total_first = models.PositiveIntegerField(null=True)
    complete = models.BooleanField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "position"], name="partition_once")]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.position}"


class Excluded(models.Model):
    """A contact of an excluded segment, for the length of a run."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_index=False)
    external_id = models.TextField()
    mark = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "external_id"], name="excluded_once")]

    def __str__(self) -> str:
        return self.external_id


class Outcome(models.TextChoices):
    """What happened to one contact in one run."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    FAILED = "failed"
    LEFT = "left"


class WriteBackState(models.TextChoices):
    """How far the way back into the CRM is for one contact."""

    NONE = "none"
    PENDING = "pending"
    WRITTEN = "written"
    UNCHANGED = "unchanged"
    FAILED = "failed"


class RunRecordQuerySet(models.QuerySet["RunRecord"]):
    """Records of runs, narrowed."""

    def of(self, run: Run, *, outcome: str = "", reason: str = "", write_back: str = "") -> Self:
        """What became of a run's contacts; an empty word narrows nothing, an unknown one leaves nobody."""
        wanted = {"outcome": outcome, "reason": reason, "write_back": write_back}
        return self.filter(run=run, **{key: value for key, value in wanted.items() if value})

    def unsuccessful(self) -> Self:
        """Contacts that failed, and those that were not written back."""
        unwritten = (WriteBackState.FAILED, WriteBackState.PENDING)
        return self.filter(Q(outcome=Outcome.FAILED) | Q(write_back__in=unwritten))


class RunRecord(models.Model):
    """What became of one contact in one run.

    `group` ties contacts of one referrer together: a digest of the run and the referrer (there before the
    run) or the email (new in it), see rows.group_id; a contact that did not become a referrer has none.
    `mapped` is what the contact says (only its names if it has no group), `before` what the
    referrer's fields were when the run first changed them: with both, the group can be decided again when a
    better leader arrives. `mark` names the walk of the partition that last saw the contact.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    external_id = models.TextField()
    mark = models.IntegerField()
    email = models.TextField(default="")
    role = models.CharField(max_length=4)
    last_seen_at = models.BigIntegerField(null=True)
    group = models.UUIDField(null=True)
    mapped: Any = models.JSONField(null=True)
    before: Any = models.JSONField(null=True)
    referrer = models.ForeignKey(
        "referrers.Referrer",
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    outcome = models.CharField(max_length=10, choices=Outcome)
    reason = models.CharField(max_length=40, default="")
    message = models.TextField(default="")
    write_back = models.CharField(max_length=10, choices=WriteBackState, default=WriteBackState.NONE)

    objects = RunRecordQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "external_id"], name="record_once")]
        indexes = [
            models.Index(fields=["run", "id"], name="record_page"),
            models.Index(fields=["group"], name="record_group", condition=Q(group__isnull=False)),
            models.Index(
                fields=["run", "outcome", "id"],
                name="record_trouble",
                condition=Q(outcome__in=["skipped", "failed", "duplicate"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.external_id}: {self.outcome}"

    @property
    def name(self) -> str:
        """What the contact calls itself, as far as the map in reads it."""
        said = self.mapped if isinstance(self.mapped, dict) else {}
        return " ".join(str(said[key]) for key in ("first_name", "last_name") if said.get(key))

    @property
    def can_retry(self) -> bool:
        """Whether a retry of the run would read this contact again."""
        unwritten = (WriteBackState.FAILED, WriteBackState.PENDING)
        return self.outcome == Outcome.FAILED or self.write_back in unwritten


class ContactLink(models.Model):
    """A contact of a connection is this referrer of this campaign, for good: never matched by email again.

    Only the referrer is checked by the database; the other keys follow from it, and checking each on every
    insert would double the cost of a page. `role` and `last_seen_at` are what was last seen, for choosing
    the leading contact.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(
        "accounts.Workspace", on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    external_id = models.TextField()
    referrer = models.ForeignKey("referrers.Referrer", on_delete=models.CASCADE, related_name="links")
    role = models.CharField(max_length=4)
    last_seen_at = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "connection", "external_id"], name="link_once")
        ]

    def __str__(self) -> str:
        return f"{self.external_id} → {self.referrer_id}"


class Member(models.Model):
    """A contact that was in the audience of an ongoing sync when it was last read to the end.

    `missed` counts the walks in a row that did not meet it any more, `missed_in` is the run of the last of
    them. `acted` remembers what the leaving rule did to the referrer, so that it can be undone for people
    who come back.
    """

    id = models.BigAutoField(primary_key=True)
    sync = models.ForeignKey(
        Sync, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    external_id = models.TextField()
    missed = models.PositiveSmallIntegerField(default=0)
    missed_in = models.UUIDField(null=True)
    acted = models.CharField(max_length=12, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sync", "external_id"], name="member_of_sync_once")]
        indexes = [models.Index(fields=["sync", "id"], name="member_missing", condition=Q(missed__gt=0))]

    def __str__(self) -> str:
        return self.external_id


class WriteBack(models.Model):
    """The outbox: this contact should say what the referrer's facts are. One row per sync and contact.

    `remote` is what the CRM last said the mapped fields hold, `sent` what we last sent; the values to send
    are worked out when sending, so the newest facts always win and a crash repeats absolute values.

    `version` grows with every wish, so that a sending which began before the newest wish does not conclude
    it. `due_at` is when a change made outside of runs goes out by itself; a run's own wish has none
    while the run can send it. `problem` is why the last sending failed: `{code, message}`.
    """

    id = models.BigAutoField(primary_key=True)
    sync = models.ForeignKey(
        Sync, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="+", db_constraint=False)
    referrer = models.ForeignKey("referrers.Referrer", on_delete=models.CASCADE, related_name="+")
    external_id = models.TextField()
    remote = models.JSONField(default=dict)
    sent = models.JSONField(default=dict)
    pending = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    problem = models.JSONField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sync", "external_id"], name="write_back_once")]
        indexes = [
            models.Index(fields=["sync", "id"], name="write_back_pending", condition=Q(pending=True)),
            models.Index(
                fields=["due_at"], name="write_back_due", condition=Q(pending=True, due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.external_id} should say {self.referrer_id}"


class Notification(WorkspaceModel):
    """Something the CRM told of: a hint to look at its contacts, whose own words are not kept.

    `uid` is the CRM's name for the delivery, so that a repetition is one. `handled_at` is when it became
    hints. `deleted` says that the contacts were deleted for good, and that this is still to be confirmed.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    uid = models.TextField()
    topic = models.CharField(max_length=100)
    contact_ids = models.JSONField(default=list)
    deleted = models.BooleanField(default=False)
    received_at = models.DateTimeField(auto_now_add=True)
    handled_at = models.DateTimeField(null=True)

    class Meta(WorkspaceModel.Meta):
        constraints = [models.UniqueConstraint(fields=["connection", "uid"], name="notification_once")]
        indexes = [
            models.Index(
                fields=["connection", "id"], name="notification_open", condition=Q(handled_at__isnull=True)
            ),
            models.Index("connection", models.F("id").desc(), name="notification_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.uid}"


class Hint(models.Model):
    """A contact that an ongoing sync should look at, because the CRM said that it changed."""

    id = models.BigAutoField(primary_key=True)
    sync = models.ForeignKey(Sync, on_delete=models.CASCADE, related_name="+", db_index=False)
    external_id = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sync", "external_id"], name="hint_once")]

    def __str__(self) -> str:
        return self.external_id
