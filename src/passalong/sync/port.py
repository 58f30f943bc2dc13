"""What an integration must give, and all that the sync engine knows about any CRM."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from passalong.sync.records import Account, Audience, Check, Field, FieldType, Page, Scalar, Segment, Slice


class Source(Protocol):
    """Reading people. Methods raise only errors of sync.errors."""

    async def segments(self) -> list[Segment]:
        """Every segment that can be an audience, with its live count, in the CRM's order."""

    async def fields(self) -> list[Field]:
        """Every field of a contact, built-in ones first, each with a sample value of a real contact."""

    async def plan(self, audience: Audience, only: Sequence[str] | None = None) -> list[Slice]:
        """Cut an audience into slices that together hold every contact of it at least once.

        `only` narrows what is read to those of these contacts that are in the audience now; people to
        leave out are still all named. Raises ConfigError `segment_not_found` when a segment of it is gone.
        Small audiences get few slices: a slice costs up to one extra call.
        """

    async def page(self, part: Slice, cursor: str | None, keys: Sequence[str]) -> Page:
        """One page of a slice in an order that does not move while it is read.

        `cursor` None is the first page, else a `next_cursor` of this slice. `keys` are the field keys wanted
        in `Contact.values`. A cursor the CRM no longer takes raises ConfigError `cursor_rejected`.
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


class Session(Source, Sink, Protocol):
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
