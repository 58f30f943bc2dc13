"""Seeing what single contacts say: by id, or by the value of a field."""

from collections.abc import Sequence
from typing import Any

from passalong.integrations.intercom import errors, people, wire
from passalong.integrations.intercom.client import Call, Client
from passalong.integrations.intercom.search import NAMED, PER_PAGE
from passalong.sync.errors import ConfigError
from passalong.sync.records import Contact, Page, Scalar


class Lookout:
    """The Lookout of the port."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def read(self, contact_id: str, keys: Sequence[str]) -> Contact | None:
        reader = people.reader(tuple(keys))
        try:
            found = await self._client.ask(Call("GET", wire.path("/contacts", contact_id)), reader.one)
            return found if found.id == contact_id else None
        except errors.RejectedError as refused:
            if refused.status not in (404, 410):
                raise
        return None

    async def some(self, contact_ids: Sequence[str], keys: Sequence[str]) -> list[Contact]:
        found: list[Contact] = []
        for start in range(0, len(contact_ids), NAMED):
            named = [*contact_ids[start : start + NAMED]]
            query = {"field": "id", "operator": "IN", "value": named}
            found += (await self._search(query, None, keys)).contacts
        return found

    async def having(self, key: str, value: Scalar, cursor: str | None, keys: Sequence[str]) -> Page:
        query = {"field": key, "operator": "=", "value": value}
        try:
            return await self._search(query, cursor, keys)
        except errors.RejectedError as refused:
            rejection = refused
        if errors.is_about_cursor(rejection, cursor):
            raise errors.cursor_rejected()
        raise _cannot_look(key, rejection)

    async def _search(self, query: dict[str, Any], cursor: str | None, keys: Sequence[str]) -> Page:
        """Query and sort must be the same on every page (§3.3)."""
        paging: dict[str, Any] = {"per_page": PER_PAGE}
        if cursor is not None:
            paging["starting_after"] = cursor
        order = {"field": "updated_at", "order": "descending"}
        body = {"query": query, "sort": order, "pagination": paging}
        return await self._client.ask(
            Call("POST", "/contacts/search", body=body), people.reader(tuple(keys)).page
        )


def _cannot_look(key: str, refused: errors.RejectedError) -> ConfigError:
    said = f" It said: “{refused.vendor_message}”." if refused.vendor_message else ""
    return ConfigError(
        "field_missing",
        f"Intercom does not search by the field “{key.removeprefix(wire.CUSTOM)}”.{said}",
        "Make the field again, or qualify leads by another one.",
    )
