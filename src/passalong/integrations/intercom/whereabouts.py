"""Where one contact is now, asked of the contact itself: search lags, and shows nobody who is archived."""

import re
from urllib.parse import unquote

from passalong.integrations.intercom import errors, wire
from passalong.integrations.intercom.client import Call, Client
from passalong.sync.records import Audience, Where, Whereabouts

_ROLES = {"leads": ("lead",), "users": ("user",), "all": ("user", "lead")}
_GONE, _MERGED = 404, 410
_CANONICAL = re.compile(r'</contacts/([^>/]+)>\s*;[^,]*\brel="?canonical"?')
_HOPS = 3


async def whereabouts(client: Client, contact_id: str, audience: Audience) -> Whereabouts:
    """See sync.port.Source. One call, one more where the audience is about segments (§4.3, 5), and one for
    the contact that a merged one is part of, unless Intercom answers with that one at once."""
    path = wire.path("/contacts", contact_id)
    try:
        person = await client.ask(Call("GET", path), _person)
        if str(person.id) != contact_id:
            return Whereabouts("merged", str(person.id))
        return Whereabouts(await _where(client, path, person, audience))
    except errors.RejectedError as refused:
        if refused.status not in (_GONE, _MERGED):
            raise
        answer = refused
    return Whereabouts("gone") if answer.status == _GONE else await _merged(client, answer.link)


async def _where(client: Client, path: str, person: wire.Person, audience: Audience) -> Where:
    role = "user" if person.is_user else "lead"
    if audience.kind != "segments" and role not in _ROLES[audience.kind]:
        return "left"
    if audience.kind != "segments" and not audience.exclude_segment_ids:
        return "member"
    segments = (await client.ask(Call("GET", f"{path}/segments"), _segments)).ids
    inside = audience.kind != "segments" or bool(segments & set(audience.segment_ids))
    return "member" if inside and not segments & set(audience.exclude_segment_ids) else "left"


async def _merged(client: Client, link: str) -> Whereabouts:
    """Intercom names the contact at the end of three merges at most (§3.5); longer ones are followed on."""
    for _hop in range(_HOPS):
        named = _CANONICAL.search(link)
        if named is None:
            break
        survivor = unquote(named[1])
        try:
            person = await client.ask(Call("GET", wire.path("/contacts", survivor)), _person)
        except errors.RejectedError as refused:
            if refused.status == _GONE:
                return Whereabouts("gone")
            if refused.status != _MERGED:
                raise
            link = refused.link
        else:
            return Whereabouts("merged", str(person.id))
    return Whereabouts("merged")


def _person(content: bytes) -> wire.Person:
    return wire.decode(content, wire.Person)


def _segments(content: bytes) -> wire.ContactSegments:
    return wire.decode(content, wire.ContactSegments)
