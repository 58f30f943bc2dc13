"""The shapes of a sync. What the values may be is said by `sync.validation`, which names the row."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from passalong.accounts.models import AuditEntry
from passalong.api.run_schemas import RunOut, run_out
from passalong.api.schemas import Body, Moment, Scalar, choice
from passalong.core.ids import public_id
from passalong.sync import owners
from passalong.sync.facts import FACTS, MODES, NAME_FORMATS
from passalong.sync.models import Run, Sync

_POLICY = ("include", "skip")


class Audience(Body):
    """Which contacts."""

    kind: str = choice("leads", "users", "all", "segments", examples=["segments"])
    segment_ids: list[str] = Field([], description="With kind `segments` only.", examples=[["seg_active"]])
    exclude_segment_ids: list[str] = Field([], description="Contacts of these are left out.", examples=[[]])


class InboundRow(Body):
    """One field on its way in."""

    source: str = Field(alias="from", description="The CRM's field key.", examples=["email"])
    to: str = Field(description="email, first_name, last_name, phone or fields.<name>.", examples=["email"])
    mode: str | None = choice(*MODES, default=None, examples=["overwrite"])
    name_format: str | None = choice(*NAME_FORMATS, default=None, examples=["first_word"])
    default: Scalar = Field(None, description="Used when the CRM has no value.", examples=["there"])


class OutboundRow(Body):
    """One fact on its way back."""

    source: str = choice(*FACTS, alias="from", examples=["referral_link"])
    to: str = Field(description="The CRM's field key.", examples=["custom_attributes.Referral Link"])


class ContactPolicy(Body):
    """Contacts marked in the CRM: include or skip."""

    unsubscribed: str = choice(*_POLICY, default_factory=str, examples=["include"])
    bounced: str = choice(*_POLICY, default_factory=str, examples=["include"])
    spam: str = choice(*_POLICY, default_factory=str, examples=["skip"])


_INBOUND = [
    [
        {"from": "name", "to": "first_name", "name_format": "first_word", "mode": "overwrite"},
        {"from": "email", "to": "email"},
    ]
]


class SyncIn(Body):
    """A new sync."""

    connection_id: str = Field(examples=["conn_019ab1c2d3e47f00a1b2c3d4e5f60718"])
    name: str = Field(default_factory=str, max_length=150, examples=["Active users"])
    audience: Audience
    inbound: list[InboundRow] = Field(description="first_name and email are required.", examples=_INBOUND)
    outbound: list[OutboundRow] = []
    type: str = choice("one_time", "ongoing", default_factory=str, examples=["one_time"])
    interval_minutes: int = Field(default_factory=int, examples=[60])
    on_leave: str = choice("keep", "deactivate", "remove", default_factory=str, examples=["keep"])
    contact_policy: ContactPolicy = Field(default_factory=ContactPolicy)


class SyncChanges(Body):
    """What to change; it takes effect on the next run. Lists are replaced as a whole."""

    name: str = Field(default_factory=str, min_length=1, max_length=150, examples=["Active users"])
    audience: Audience = Field(default_factory=Audience.model_construct)
    inbound: list[InboundRow] = Field(default_factory=list, examples=_INBOUND)
    outbound: list[OutboundRow] = Field(default_factory=list)
    type: str = choice("one_time", "ongoing", default_factory=str, examples=["one_time"])
    interval_minutes: int = Field(default_factory=int, examples=[60])
    on_leave: str = choice("keep", "deactivate", "remove", default_factory=str, examples=["keep"])
    contact_policy: ContactPolicy = Field(default_factory=ContactPolicy)


class AudienceOut(BaseModel):
    """Which contacts."""

    kind: Literal["leads", "users", "all", "segments"]
    segment_ids: list[str]
    exclude_segment_ids: list[str]


class InboundRowOut(BaseModel):
    """One field on its way in, with every default filled in."""

    model_config = ConfigDict(populate_by_name=True)

    source: str = Field(alias="from")
    to: str
    mode: str
    name_format: str | None
    default: Scalar


class OutboundRowOut(BaseModel):
    """One fact on its way back."""

    source: str = Field(alias="from")
    to: str


class ContactPolicyOut(BaseModel):
    """Contacts marked in the CRM: include or skip."""

    unsubscribed: Literal["include", "skip"]
    bounced: Literal["include", "skip"]
    spam: Literal["include", "skip"]


class ConflictOut(BaseModel):
    """Two syncs write one field. The one whose map back was set later has the word."""

    field: str
    sync_id: str
    writes: bool = Field(description="Whether this sync has the word, and not the other one.")


class SyncOut(BaseModel):
    """A saved instruction: this audience becomes this campaign's referrers."""

    id: str
    campaign_id: str
    connection_id: str
    name: str
    audience: AudienceOut
    inbound: list[InboundRowOut]
    outbound: list[OutboundRowOut]
    type: Literal["one_time", "ongoing"]
    interval_minutes: int
    on_leave: Literal["keep", "deactivate", "remove"]
    contact_policy: ContactPolicyOut
    paused: bool
    next_run_at: Moment | None = Field(description="When the schedule runs it again; null when nothing will.")
    created_at: Moment
    updated_at: Moment
    conflicts: list[ConflictOut] = Field(
        description="Fields that another sync of the connection writes, too, for people who are in both."
    )
    last_run: RunOut | None


class ChangeOut(BaseModel):
    """One setting; what it was and is has the shape that the setting has in a sync."""

    field: str
    before: Any
    after: Any


class EntryOut(BaseModel):
    """Something that somebody did to a sync."""

    id: str
    verb: Literal["sync.created", "sync.changed", "sync.paused", "sync.resumed"]
    who: str = Field(description="A member's email address, or the name of a token.")
    created_at: Moment
    changes: list[ChangeOut]


def entry_out(entry: AuditEntry) -> dict[str, Any]:
    """An entry of a timeline."""
    columns = ("verb", "who", "created_at", "changes")
    return {"id": public_id("entry", entry.pk), **{key: getattr(entry, key) for key in columns}}


def sync_out(sync: Sync, last_run: Run | None) -> dict[str, Any]:
    """A sync as the contract shows it."""
    columns = ("name", "audience", "inbound", "outbound", "type", "interval_minutes", "on_leave")
    more = ("contact_policy", "created_at", "updated_at")
    return {
        "id": public_id("sync", sync.pk),
        "campaign_id": public_id("campaign", sync.campaign_id),
        "connection_id": public_id("connection", sync.connection_id),
        **{key: getattr(sync, key) for key in (*columns, *more)},
        "paused": sync.paused_at is not None,
        "next_run_at": sync.next_run_at if sync.paused_at is None else None,
        "conflicts": [
            {"field": one.field, "sync_id": public_id("sync", one.sync_id), "writes": not one.theirs}
            for one in owners.conflicts(sync.pk)
        ],
        "last_run": run_out(last_run) if last_run else None,
    }
