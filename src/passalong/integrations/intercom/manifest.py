"""Intercom as the registry knows it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from passalong.config.settings import settings
from passalong.integrations.intercom.pace import Clock
from passalong.integrations.intercom.session import IntercomSession, Settings
from passalong.sync.port import Integration, Session


class Intercom:
    """`api_url` is asked at each opening: None means Intercom's own hosts, by region."""

    provider = "intercom"
    title = "Intercom"

    def __init__(
        self,
        api_url: Callable[[], str | None],
        *,
        clock: Clock | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._api_url, self._clock, self._transport = api_url, clock or Clock(), transport

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


INTEGRATION: Integration = Intercom(lambda: settings().intercom_api_url)
