"""An open connection to one Intercom workspace: the port's Session, put together."""

from collections.abc import Mapping, Sequence

import httpx2

from passalong.integrations.intercom import checks
from passalong.integrations.intercom.client import Client
from passalong.integrations.intercom.line import HOSTS, Line
from passalong.integrations.intercom.lookout import Lookout
from passalong.integrations.intercom.newcomers import People
from passalong.integrations.intercom.pace import Clock
from passalong.integrations.intercom.retry import Traffic
from passalong.integrations.intercom.sink import Sink
from passalong.integrations.intercom.source import Source
from passalong.integrations.intercom.whereabouts import whereabouts
from passalong.sync.records import (
    Account,
    Audience,
    Check,
    Contact,
    Field,
    FieldType,
    Page,
    Role,
    Scalar,
    Segment,
    Slice,
    Whereabouts,
)


class Settings:
    """How a session was asked to be. `api_url`, set by the operator, replaces Intercom's hosts."""

    def __init__(
        self,
        token: str,
        region: str | None,
        api_url: str | None,
        *,
        interactive: bool,
        timezone: str | None = None,
        patience: float | None = None,
    ) -> None:
        self.token, self.region, self.api_url = token, _region(region), api_url
        self.interactive, self.timezone, self.patience = interactive, timezone, patience

    @property
    def base_url(self) -> str:
        return self.api_url or HOSTS[self.region or "us"]


def _region(given: str | None) -> str | None:
    region = (given or "").lower()
    return region if region in HOSTS else None


class IntercomSession(Traffic):
    """See sync.port.Session."""

    def __init__(
        self, asked: Settings, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__()
        self._asked = asked
        self._line = Line(
            asked.token, asked.base_url, self, interactive=asked.interactive, clock=clock, transport=transport
        )
        self._client = Client(self._line, self, clock, interactive=asked.interactive, patience=asked.patience)
        self._source = Source(self._client, asked.timezone)
        self._sink = Sink(self._client)
        self._people = People(self._client)
        self._lookout = Lookout(self._client)

    async def close(self) -> None:
        await self._line.close()

    async def check(self) -> tuple[Account | None, list[Check]]:
        return await checks.check(
            self._client, self._asked.region, fixed_host=self._asked.api_url is not None
        )

    async def segments(self) -> list[Segment]:
        return await self._source.segments()

    async def sizes(self) -> dict[Role, int]:
        return await self._source.sizes()

    async def fields(self) -> list[Field]:
        return await self._source.fields()

    async def plan(
        self, audience: Audience, only: Sequence[str] | None = None, since: int | None = None
    ) -> list[Slice]:
        return await self._source.plan(audience, only, since)

    async def newest(self, audience: Audience) -> int | None:
        return await self._source.newest(audience)

    async def plan_hinted(self, audience: Audience, ids: Sequence[str]) -> list[Slice]:
        return await self._source.plan_hinted(audience, ids)

    async def page(self, part: Slice, cursor: str | None, keys: Sequence[str]) -> Page:
        return await self._source.page(part, cursor, keys)

    async def samples(self, audience: Audience, text: str, keys: Sequence[str], limit: int) -> list[Contact]:
        return await self._source.samples(audience, text, keys, limit)

    async def whereabouts(self, contact_id: str, audience: Audience) -> Whereabouts:
        return await whereabouts(self._client, contact_id, audience)

    async def write(self, contact_id: str, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
        return await self._sink.write(contact_id, values)

    async def create_field(self, label: str, type: FieldType) -> tuple[Field, bool]:  # noqa: A002
        return await self._sink.create_field(label, type)

    async def find_contacts(self, email: str) -> list[Contact]:
        return await self._people.find_contacts(email)

    async def create_contact(self, role: Role, email: str, values: Mapping[str, Scalar]) -> tuple[str, bool]:
        return await self._people.create_contact(role, email, values)

    async def tag(self, contact_id: str, name: str) -> None:
        await self._people.tag(contact_id, name)

    async def event(self, contact_id: str, name: str, at: int, details: Mapping[str, str]) -> None:
        await self._people.event(contact_id, name, at, details)

    async def read(self, contact_id: str, keys: Sequence[str]) -> Contact | None:
        return await self._lookout.read(contact_id, keys)

    async def some(self, contact_ids: Sequence[str], keys: Sequence[str]) -> list[Contact]:
        return await self._lookout.some(contact_ids, keys)

    async def having(self, key: str, value: Scalar, cursor: str | None, keys: Sequence[str]) -> Page:
        return await self._lookout.having(key, value, cursor, keys)
