"""Making people known in Intercom: found by email, created once, tagged, and told of events."""

import re
from collections.abc import Mapping

from passalong.integrations.intercom import errors, people, wire
from passalong.integrations.intercom.client import Call, Client
from passalong.integrations.intercom.search import PER_PAGE
from passalong.integrations.intercom.sink import body_of, check_value, skipped
from passalong.sync.records import Contact, Role, Scalar

_TAKEN_BY = re.compile(r"\bid=([\w-]+)")
_CONFLICT = 409


class People:
    """The People of the port."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._tags: dict[str, str] = {}

    async def find_contacts(self, email: str) -> list[Contact]:
        asked = {
            "query": {"field": "email", "operator": "=", "value": email},
            "sort": {"field": "created_at", "order": "ascending"},
            "pagination": {"per_page": PER_PAGE},
        }
        reader = people.reader(("email", "created_at"))
        page = await self._client.ask(Call("POST", "/contacts/search", body=asked), reader.page)
        return [one for one in page.contacts if _bare(one.values["email"]) == _bare(email)]

    async def create_contact(self, role: Role, email: str, values: Mapping[str, Scalar]) -> tuple[str, bool]:
        for key, value in values.items():
            check_value(key, value)
        body = {"role": role, "email": email, **body_of(values)}
        call = Call("POST", "/contacts", errors.WRITE_PEOPLE, body=body, repeatable=False)
        try:
            return (await self._client.ask(call, people.reader(()).one)).id, True
        except errors.RejectedError as refused:
            rejection = refused
        return _there_already(rejection, values), False

    async def tag(self, contact_id: str, name: str) -> None:
        known = name in self._tags
        try:
            await self._put_tag(contact_id, name)
        except errors.RejectedError as refused:
            rejection = refused
        else:
            return None
        self._tags.pop(name, None)
        if rejection.status == 404 and known and "User" not in rejection.vendor_message:
            # The tag was deleted since we looked; made again, it has another id.
            return await self.tag(contact_id, name)
        if rejection.status in (404, 410):
            raise errors.contact_gone(merged=rejection.status == 410)
        raise errors.tag_refused(rejection.vendor_message)

    async def _put_tag(self, contact_id: str, name: str) -> None:
        if name not in self._tags:
            call = Call("POST", "/tags", errors.WRITE_TAGS, body={"name": name})
            self._tags[name] = str((await self._client.ask(call, _tag)).id)
        path = f"{wire.path('/contacts', contact_id)}/tags"
        await self._client.ask(Call("POST", path, errors.WRITE_TAGS, body={"id": self._tags[name]}), _tag)

    async def event(self, contact_id: str, name: str, at: int, details: Mapping[str, str]) -> None:
        """By id, as leads have no other name there; the second is part of the event's identity (§8)."""
        body = {"event_name": name, "created_at": at, "id": contact_id, "metadata": dict(details)}
        try:
            await self._client.ask(Call("POST", "/events", errors.WRITE_EVENTS, body=body), bytes)
        except errors.RejectedError as refused:
            rejection = refused
        else:
            return
        if rejection.status in (404, 410):
            raise errors.contact_gone(merged=rejection.status == 410)
        raise errors.event_refused(rejection.vendor_message)


def _bare(email: Scalar) -> str:
    return str(email or "").strip().casefold()


def _there_already(refused: errors.RejectedError, values: Mapping[str, Scalar]) -> str:
    """The id that a conflict names (§3.5); raises what else the refusal means."""
    if refused.status != _CONFLICT:
        raise skipped(refused, values)
    said = refused.vendor_message
    if "archived" in said.lower():
        raise errors.contact_archived()
    there = _TAKEN_BY.search(said)
    if there is None:
        raise errors.contact_conflict(said)
    return there[1]


def _tag(content: bytes) -> wire.Tag:
    return wire.decode(content, wire.Tag)
