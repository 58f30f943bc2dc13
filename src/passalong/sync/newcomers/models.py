"""What a campaign wants of people who join, and how far each of them is on the way into the CRM."""

from django.db import models
from django.db.models import F, Q

from passalong.accounts.scope import WorkspaceModel
from passalong.sync.newcomers.rules import Intake, Qualify, intake, qualify


class PeopleRule(WorkspaceModel):
    """What a campaign does in one connection when people join: rules.Intake for `leads` and for `referrers`,
    the `events` that are noted on a referrer's contact, and when leads qualify (rules.Qualify). Nothing,
    until somebody says so.

    `looked_at` and `walked_at` are when the last look for qualified contacts began, and the last whole one;
    `problem` is what kept it: `{code, message, next_step}`.
    """

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    connection = models.ForeignKey("sync.Connection", on_delete=models.CASCADE, related_name="+")
    leads = models.JSONField(default=dict)
    referrers = models.JSONField(default=dict)
    events = models.JSONField(default=list)
    qualify = models.JSONField(default=dict)
    looked_at = models.DateTimeField(null=True)
    walked_at = models.DateTimeField(null=True)
    problem = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(WorkspaceModel.Meta):
        constraints = [models.UniqueConstraint(fields=["campaign", "connection"], name="people_rule_once")]

    def __str__(self) -> str:
        return f"{self.campaign_id} in {self.connection_id}"

    def intake(self, kind: str) -> Intake:
        """What is to be done with leads, or referrers."""
        return intake(self.leads if kind == NewcomerKind.LEAD else self.referrers)

    @property
    def qualifying(self) -> Qualify:
        """When leads qualify."""
        return qualify(self.qualify)

    def is_on(self, kind: str) -> bool:
        """Whether this kind of newcomer is sent."""
        return self.intake(kind).is_on if kind in PEOPLE else kind in self.events


class NewcomerKind(models.TextChoices):
    """A person to be made known, or an event to be noted on the contact of who referred them."""

    LEAD = "lead"
    REFERRER = "referrer"
    INVITED = "invited-friend"
    CONVERTED = "referral-converted"


PEOPLE = (NewcomerKind.LEAD, NewcomerKind.REFERRER)


class NewcomerState(models.TextChoices):
    """How far one is."""

    WAITING = "waiting"
    CREATED = "created"
    UPDATED = "updated"
    LEFT_ALONE = "left_alone"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Newcomer(WorkspaceModel):
    """The outbox: this person, or event, is to be made known. Written in the transaction of what it is about.

    `referrer` is the person, or who referred the `lead`; `email` that of whose contact it is about.
    `contact_id` is that contact, stored as soon as it is known; `is_made` says that we made it. `posting_at`
    is set before we ask the CRM to make one, and stays while we do not know whether it did: one such request
    for an email at a time. `moment` is the second by which the CRM knows an event.
    `problem` is `{code, message, next_step}`.
    """

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    connection = models.ForeignKey(
        "sync.Connection", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=20, choices=NewcomerKind)
    lead = models.ForeignKey("leads.Lead", on_delete=models.CASCADE, null=True, related_name="+")
    referrer = models.ForeignKey("referrers.Referrer", on_delete=models.CASCADE, related_name="+")
    email = models.TextField()
    contact_id = models.TextField(default="", blank=True)
    contact_role = models.CharField(max_length=4, default="", blank=True)
    is_made = models.BooleanField(default=False)
    posting_at = models.DateTimeField(null=True)
    moment = models.BigIntegerField(null=True)
    state = models.CharField(max_length=10, choices=NewcomerState, default=NewcomerState.WAITING)
    due_at = models.DateTimeField()
    problem = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)

    class Meta(WorkspaceModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "connection", "kind"],
                name="newcomer_lead_once",
                condition=Q(lead__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["referrer", "connection"], name="newcomer_referrer_once", condition=Q(lead=None)
            ),
            models.UniqueConstraint(
                fields=["connection", "email"],
                name="newcomer_one_request",
                condition=Q(posting_at__isnull=False, contact_id=""),
            ),
            models.UniqueConstraint(
                fields=["connection", "contact_id", "kind", "moment"],
                name="newcomer_event_once",
                condition=Q(moment__isnull=False) & ~Q(contact_id=""),
            ),
        ]
        indexes = [
            models.Index("campaign", "connection", F("id").desc(), name="newcomer_newest"),
            models.Index(fields=["connection", "due_at"], name="newcomer_due", condition=Q(state="waiting")),
            models.Index(
                "campaign", "connection", F("id").desc(), name="newcomer_trouble", condition=Q(state="failed")
            ),
            models.Index(
                fields=["connection", "contact_id"],
                name="newcomer_contact",
                condition=Q(kind="lead") & ~Q(contact_id=""),
            ),
            models.Index(fields=["connection", "email"], name="newcomer_memory", condition=~Q(contact_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.email}: {self.state}"

    @property
    def is_event(self) -> bool:
        """Whether this is something that happened rather than somebody who joined."""
        return self.kind not in PEOPLE


class Sighting(models.Model):
    """What a contact last said in the field by which leads qualify: only a change of it means something.

    `counts` is whether that value meant qualified then, `qualified_at` when this rule qualified the lead (the
    lead's own moment: a person who qualifies it anew gives it another), `changed_at` the unix second in which
    the CRM last changed the contact.
    """

    id = models.BigAutoField(primary_key=True)
    connection = models.ForeignKey("sync.Connection", on_delete=models.CASCADE, related_name="+")
    lead = models.ForeignKey("leads.Lead", on_delete=models.CASCADE, related_name="+", db_index=False)
    contact_id = models.TextField()
    field = models.TextField()
    value = models.JSONField(null=True)
    counts = models.BooleanField(default=False)
    qualified_at = models.DateTimeField(null=True)
    changed_at = models.BigIntegerField(null=True)
    seen_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead", "connection", "contact_id"], name="sighting_once")
        ]
        indexes = [
            models.Index(
                fields=["connection", "id"],
                name="sighting_qualified",
                condition=Q(qualified_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.value}"


class Turn(models.Model):
    """Whose turn it is to send for a connection: one job at a time, until its lease runs out."""

    connection = models.OneToOneField(
        "sync.Connection", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    holder = models.UUIDField()
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.connection_id} by {self.holder}"
