"""Contacts asked for one by one because Intercom said that they changed: search shows that minutes later."""

from collections.abc import Sequence

from passalong.integrations.intercom import errors, people, wire
from passalong.integrations.intercom.client import Call, Client
from passalong.integrations.intercom.together import together
from passalong.sync.records import Audience, Contact, Page, Slice

ROLES = {"leads": ("lead",), "users": ("user",), "all": ("user", "lead")}
# Asked for at once, and in a slice: one page, so that a crash repeats no more than this.
CHUNK = 50


def slices(audience: Audience, ids: Sequence[str]) -> list[Slice]:
    """Whom to leave out before whom to take, as everywhere."""
    chunks = [[*ids[at : at + CHUNK]] for at in range(0, len(ids), CHUNK)]
    left_out = [Slice("exclude", 0, ids=chunk, about=audience) for chunk in chunks]
    wanted = [Slice("include", len(chunk), ids=chunk, about=audience) for chunk in chunks]
    return [*(left_out if audience.exclude_segment_ids else []), *wanted]


async def page(client: Client, part: Slice, audience: Audience, keys: Sequence[str]) -> Page:
    """Those of the slice that are in it, on one page. Who is archived, deleted or merged is in nothing."""
    read = people.reader(tuple(keys))
    found = await together(*(_one(client, part, audience, one, read) for one in part.ids))
    inside = [contact for contact in found if contact is not None]
    return Page(inside, None, len(inside))


async def _one(
    client: Client, part: Slice, audience: Audience, contact_id: str, read: people.Reader
) -> Contact | None:
    path = wire.path("/contacts", contact_id)
    try:
        contact = await client.ask(Call("GET", path), read.one)
        if contact.id != contact_id:
            return None
        if part.purpose == "exclude":
            return contact if await _is_in(client, path, audience.exclude_segment_ids) else None
        if audience.kind != "segments":
            return contact if contact.role in ROLES[audience.kind] else None
        return contact if await _is_in(client, path, audience.segment_ids) else None
    except errors.RejectedError as refused:
        if refused.status not in (404, 410):
            raise
        return None


async def _is_in(client: Client, path: str, segment_ids: Sequence[str]) -> bool:
    found = await client.ask(Call("GET", f"{path}/segments"), segments)
    return not found.ids.isdisjoint(segment_ids)


def segments(content: bytes) -> wire.ContactSegments:
    """The segments of one contact."""
    return wire.decode(content, wire.ContactSegments)
