"""Intercom as the registry knows it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx2

from passalong.config.settings import settings
from passalong.integrations.intercom import webhooks
from passalong.integrations.intercom.pace import Clock
from passalong.integrations.intercom.session import IntercomSession, Settings
from passalong.sync.port import Integration, Session
from passalong.sync.records import Notice


class Intercom:
    """`api_url` is asked at each opening: None means Intercom's own hosts, by region. `client_secret` is the
    installation's, for what Intercom sends."""

    provider = "intercom"
    title = "Intercom"
    topics: Sequence[str] = webhooks.TOPICS

    def __init__(
        self,
        api_url: Callable[[], str | None],
        *,
        client_secret: Callable[[], str | None] = lambda: None,
        clock: Clock | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._api_url, self._clock, self._transport = api_url, clock or Clock(), transport
        self._client_secret = client_secret

    def has_secret(self) -> bool:
        return bool(self._client_secret())

    def proves(self, headers: Mapping[str, str], body: bytes, secret: str | None) -> bool:
        return webhooks.proves(headers, body, self._client_secret() if secret is None else secret)

    def notice(self, body: bytes) -> Notice:
        return webhooks.notice(body)

    def contact_url(self, account_id: str, region: str, contact_id: str) -> str | None:
        host = "app" if region == "us" else f"app.{quote(region, safe='')}"
        account, contact = quote(account_id, safe=""), quote(contact_id, safe="")
        return f"https://{host}.intercom.com/a/apps/{account}/users/{contact}"

    @asynccontextmanager
    async def open(
        self,
        credentials: Mapping[str, Any],
        *,
        interactive: bool,
        timezone: str | None = None,
        patience: float | None = None,
    ) -> AsyncIterator[Session]:
        asked = Settings(
            str(credentials.get("access_token") or ""),
            credentials.get("region"),
            self._api_url(),
            interactive=interactive,
            timezone=timezone,
            patience=patience,
        )
        session = IntercomSession(asked, self._clock, self._transport)
        try:
            yield session
        finally:
            await session.close()


def _client_secret() -> str | None:
    given = settings().intercom_client_secret
    return given.get_secret_value() if given else None


INTEGRATION: Integration = Intercom(lambda: settings().intercom_api_url, client_secret=_client_secret)
