"""What an integration must give, and all that the sync engine knows about any CRM."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from passalong.sync.records import (
    Account,
    Audience,
    Check,
    Contact,
    Field,
    FieldType,
    Notice,
    Page,
    Role,
    Scalar,
    Segment,
    Slice,
    Whereabouts,
)


class Source(Protocol):
    """Reading people. Methods raise only errors of sync.errors."""

    async def segments(self) -> list[Segment]:
        """Every segment that can be an audience, with its live count, in the CRM's order."""

    async def sizes(self) -> dict[Role, int]:
        """How many leads and users there are at this moment, as the CRM counts them."""

    async def fields(self) -> list[Field]:
        """Every field of a contact, built-in ones first, each with a sample value of a real contact."""

    async def plan(
        self, audience: Audience, only: Sequence[str] | None = None, since: int | None = None
    ) -> list[Slice]:
        """Cut an audience into slices that together hold every contact of it at least once.

        `only` narrows what is read to those of these contacts that are in the audience now; people to
        leave out are still all named. `since` (unix seconds by the CRM's clock) asks for contacts changed at
        or after it; an audience whose changes the CRM cannot tell is planned whole, its slices without
        `changed_since`. Raises ConfigError `segment_not_found` when a segment of it is gone. Small audiences
        get few slices: a slice costs up to one extra call.
        """

    async def newest(self, audience: Audience) -> int | None:
        """When anybody in the audience last changed (unix seconds by the CRM's clock), None when the CRM
        cannot tell, or has nobody. Asked before reading: what changes later is for the next reading."""

    async def plan_hinted(self, audience: Audience, ids: Sequence[str]) -> list[Slice]:
        """Slices that ask for just these contacts by their ids, past any index that lags: see Slice.about.
        A contact costs a call, and another where the audience is about segments."""

    async def page(self, part: Slice, cursor: str | None, keys: Sequence[str]) -> Page:
        """One page of a slice in an order that does not move while it is read.

        `cursor` None is the first page, else a `next_cursor` of this slice. `keys` are the field keys wanted
        in `Contact.values`. A cursor the CRM no longer takes raises ConfigError `cursor_rejected`.
        """

    async def samples(self, audience: Audience, text: str, keys: Sequence[str], limit: int) -> list[Contact]:
        """A few contacts of the audience whose email is `text` or whose name contains it, the newest first;
        any of them when it is empty. `keys` are the field keys wanted in `Contact.values`."""

    async def whereabouts(self, contact_id: str, audience: Audience) -> Whereabouts:
        """Where a contact is that reading the audience does not meet any more: asked for by its id, past any
        index that lags. "left" includes people who are in an excluded segment now. For "merged", `survivor`
        is the contact at the end of all merges, which can be read and written.
        """


class Sink(Protocol):
    """Writing fields back. Methods raise only errors of sync.errors."""

    async def write(self, contact_id: str, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """Set exactly these fields (by key; dates as unix seconds) of one contact and nothing else.

        Returns what the CRM now says those fields hold. Safe to repeat. Raises SkipContact with code
        `field_missing` and `field` set when the CRM has no such field (nothing was written then),
        `contact_gone` when the contact was archived, deleted or merged, `value_refused` otherwise.
        """

    async def create_field(self, label: str, type: FieldType) -> tuple[Field, bool]:  # noqa: A002
        """Make a custom field, or find the one with this label; the flag says whether it is new.

        Raises ConfigError `field_type_conflict` when it is there with another type, `field_refused` when the
        CRM does not want it.
        """


class People(Protocol):
    """Making people known in the CRM. Methods raise only errors of sync.errors."""

    async def find_contacts(self, email: str) -> list[Contact]:
        """Every contact with this email address, however it is spelt there; archived ones are not found.

        What was made a moment ago may be missing, as an index may lag by minutes. `Contact.values` holds
        `email` and, where the CRM tells it, `created_at`.
        """

    async def create_contact(self, role: Role, email: str, values: Mapping[str, Scalar]) -> tuple[str, bool]:
        """Make a contact with these fields (by key; dates as unix seconds); its id, and whether it is new.

        Not new: the CRM says that somebody with this email is there, who was left as they are. Raises
        Unclear when it is not known whether the contact was made (never repeated blindly: a CRM may have any
        number of leads with one email), SkipContact with code `field_missing` and `field`, `value_refused`,
        `contact_archived` when an archived contact is in the way, or `contact_conflict`; nothing was made
        then.
        """

    async def tag(self, contact_id: str, name: str) -> None:
        """Put a tag on a contact; one that the CRM does not have yet is made. Safe to repeat. Raises
        SkipContact with code `contact_gone` or `tag_refused`."""

    async def event(self, contact_id: str, name: str, at: int, details: Mapping[str, str]) -> None:
        """Note that something happened to a contact at this unix second.

        Safe to repeat: a second event of this contact with the same name and second is the same event.
        Raises SkipContact with code `contact_gone` or `event_refused`.
        """


class Lookout(Protocol):
    """Seeing what single contacts say. Methods raise only errors of sync.errors."""

    async def read(self, contact_id: str, keys: Sequence[str]) -> Contact | None:
        """This contact as it is now, past any index that lags; None when it was archived, deleted or merged.
        `keys` are the field keys wanted in `Contact.values`, here and below."""

    async def some(self, contact_ids: Sequence[str], keys: Sequence[str]) -> list[Contact]:
        """Those of these contacts that there are, many for one call; what is told may lag by minutes."""

    async def having(self, key: str, value: Scalar, cursor: str | None, keys: Sequence[str]) -> Page:
        """One page of the contacts whose field has this value, the last changed first; may lag by minutes.

        Who changes while one reads moves to the front, to be met by the next reading. A field that the CRM
        does not have (any more) raises ConfigError `field_missing`.
        """


class Session(Source, Sink, People, Lookout, Protocol):
    """An open connection to one CRM account.

    `calls` counts the HTTP requests made. `waiting_until` is the unix time until which the session is
    holding back because the CRM asked for it, else None. `waiting_code` says why: `rate_limited` or
    `crm_unavailable`.
    """

    calls: int
    waiting_until: float | None
    waiting_code: str | None

    async def check(self) -> tuple[Account | None, list[Check]]:
        """Ask who we are and what we may do; a check that fails says how to mend it. Never raises for a
        refused credential: that is a failed check. Account is None when the CRM did not say."""


class Integration(Protocol):
    """One outside system."""

    provider: str
    title: str
    # What to have the CRM tell of, in its own words; empty when it tells of nothing by itself.
    topics: Sequence[str]

    def has_secret(self) -> bool:
        """Whether the installation itself was given what the CRM signs with, for all its accounts."""

    def proves(self, headers: Mapping[str, str], body: bytes, secret: str | None) -> bool:
        """Whether the CRM signed this body: with `secret`, or with the installation's own when it is None."""

    def notice(self, body: bytes) -> Notice:
        """What a body that the CRM sent by itself is about. Raises ValueError when it makes no sense; a topic
        that is not known names no contacts."""

    def contact_url(self, account_id: str, region: str, contact_id: str) -> str | None:
        """Where a person sees this contact in the CRM itself; None when there is no such page."""

    def open(
        self,
        credentials: Mapping[str, Any],
        *,
        interactive: bool,
        timezone: str | None = None,
        patience: float | None = None,
    ) -> AbstractAsyncContextManager[Session]:
        """A session with these credentials (`access_token`, and for Intercom `region`).

        `interactive` sessions serve a person who is waiting: they may use the part of the rate budget that
        background work leaves free, and give up on an outage at once instead of waiting `patience` seconds.
        `timezone` is the account's, as `check` told it.
        """
