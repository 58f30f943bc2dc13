"""Reading people out of Intercom."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from passalong.integrations.intercom import errors, fields, hinted, people, search, wire
from passalong.integrations.intercom.client import Call, Client
from passalong.integrations.intercom.line import VERSION
from passalong.integrations.intercom.together import together
from passalong.sync.records import Audience, Contact, Field, Page, Role, Segment, Slice

REPEATS = 3
# How often "nobody" is asked about again before it is believed where somebody is expected.
DOUBTS = 2
_ROLE: dict[str, Role | None] = {"leads": "lead", "users": "user", "all": None}
SAMPLED = "50"
COUNTED = {"include_count": "true"}


class Source:
    """The Source of the port."""

    def __init__(self, client: Client, timezone: str | None) -> None:
        self._client = client
        self._zone = search.zone(timezone)

    async def segments(self) -> list[Segment]:
        """One page in practice; a `next` is followed all the same, as the description allows one (§4.2)."""
        found: dict[str, Segment] = {}
        seen: set[str] = set()
        params = COUNTED
        while True:
            segments, following = await self._client.ask(
                Call("GET", "/segments", params=params), _segment_list
            )
            found.update((s.id, s) for s in segments)
            if following is None or following in seen:
                return list(found.values())
            seen.add(following)
            params = {**params, "starting_after": following}

    async def sizes(self) -> dict[Role, int]:
        roles: tuple[Role, ...] = ("lead", "user")
        pages = await together(*(self._edge(Slice("include", 0, role), newest_first=True) for role in roles))
        return {role: page.total for role, page in zip(roles, pages, strict=True)}

    async def fields(self) -> list[Field]:
        params = {"model": "contact", "include_archived": "false"}
        answer = await self._client.ask(Call("GET", "/data_attributes", params=params), attribute_list)
        found = fields.listed(answer.named)
        reader = people.Reader([f.key for f in found])
        recent = await self._client.ask(Call("GET", "/contacts", params={"per_page": SAMPLED}), reader.page)
        return fields.with_samples(found, recent.contacts)

    async def plan(
        self, audience: Audience, only: Sequence[str] | None = None, since: int | None = None
    ) -> list[Slice]:
        if since is not None and _tells_changes(audience):
            return [Slice("include", 0, _ROLE[audience.kind], changed_since=since)]
        groups = await self._groups(audience)
        if only is None:
            return await self._all_divided(groups)
        chosen = [group for group in groups if group.purpose == "include"]
        left_out = await self._all_divided([group for group in groups if group.purpose == "exclude"])
        return [*left_out, *search.narrowed(chosen, only)]

    async def newest(self, audience: Audience) -> int | None:
        if not _tells_changes(audience):
            return None
        part = Slice("include", 0, _ROLE[audience.kind], changed_since=0)
        call = Call("POST", "/contacts/search", body=search.body(part, VERSION, per_page=1))
        page = await self._client.ask(call, people.reader(()).page)
        return page.contacts[0].updated_at if page.contacts else None

    async def plan_hinted(self, audience: Audience, ids: Sequence[str]) -> list[Slice]:
        await self._known([*audience.segment_ids, *audience.exclude_segment_ids])
        return hinted.slices(audience, ids)

    async def _all_divided(self, groups: Sequence[Slice]) -> list[Slice]:
        parts = await together(*(self._divided(group) for group in groups))
        return [part for group in parts for part in group]

    async def _groups(self, audience: Audience) -> list[Slice]:
        """Whole roles and segments, with how many Intercom counts in each: 1 where that is not known yet, so
        that nobody takes them for empty."""
        roles: list[Role] = {"leads": ["lead"], "users": ["user"], "all": ["user", "lead"]}.get(
            audience.kind, []
        )  # type: ignore[assignment]
        wanted = audience.segment_ids if audience.kind == "segments" else []
        excluded = audience.exclude_segment_ids
        known = await self._known([*wanted, *excluded])
        return [
            *(Slice("include", 1, role) for role in roles),
            *(_group("include", known[i]) for i in dict.fromkeys(wanted)),
            *(_group("exclude", known[i]) for i in dict.fromkeys(excluded)),
        ]

    async def _known(self, ids: Sequence[str]) -> dict[str, Segment]:
        """These segments. Raises ConfigError `segment_not_found`."""
        known = {segment.id: segment for segment in await self.segments()} if ids else {}
        for segment_id in ids:
            if segment_id not in known:
                known[segment_id] = await self._one(segment_id)
        return known

    async def _one(self, segment_id: str) -> Segment:
        path = wire.path("/segments", segment_id)
        try:
            return await self._client.ask(Call("GET", path, params=COUNTED), _one_segment)
        except errors.RejectedError as refused:
            if refused.status not in (400, 404):
                raise
        raise errors.segment_not_found(segment_id)

    async def _divided(self, group: Slice) -> list[Slice]:
        first = await self._doubted(group, lambda: self._edge(group, newest_first=False))
        if first.total == 0:
            return []
        whole = Slice(group.purpose, first.total, group.role, group.segment_id)
        count = search.slice_count(first.total)
        if count == 1:
            return [whole]
        last = await self._edge(group, newest_first=True)
        oldest, newest = _created(first), _created(last)
        if oldest is None or newest is None:
            return [whole]
        return search.divide(whole, search.cuts(oldest, newest, count, self._zone))

    async def _edge(self, group: Slice, *, newest_first: bool) -> Page:
        body = search.body(group, VERSION, per_page=1, newest_first=newest_first)
        call = Call("POST", "/contacts/search", body=body)
        return await self._client.ask(call, people.reader(("created_at",)).page)

    async def samples(self, audience: Audience, text: str, keys: Sequence[str], limit: int) -> list[Contact]:
        found: dict[str, Contact] = {}
        for group in await self._groups(audience):
            if group.purpose == "include" and len(found) < limit:
                body = search.sample_body(group, VERSION, text, limit)
                page = await self._client.ask(
                    Call("POST", "/contacts/search", body=body), people.reader(tuple(keys)).page
                )
                found.update((contact.id, contact) for contact in page.contacts)
        return list(found.values())[:limit]

    async def page(self, part: Slice, cursor: str | None, keys: Sequence[str]) -> Page:
        if part.about is not None:
            return await hinted.page(self._client, part, part.about, keys)
        page = await self._doubted(part, lambda: self._page(part, cursor, keys))
        return page if part.changed_since is None else search.until_too_old(page, part.changed_since)

    async def _page(self, part: Slice, cursor: str | None, keys: Sequence[str]) -> Page:
        for _ in range(1 + REPEATS):
            page = await self._search(part, cursor, keys)
            if page.next_cursor is None or page.next_cursor != cursor:
                return page
        raise errors.paging_loop()

    async def _doubted(self, part: Slice, ask: Callable[[], Awaitable[Page]]) -> Page:
        """What `ask` brings, asked again when it says that nobody is there and somebody should be: once may
        be a slip. Raises Retriable `audience_incomplete` when Intercom goes on contradicting itself."""
        page = await ask()
        for tried in range(1, 1 + DOUBTS):
            if page.total > 0 or not _expects_somebody(part):
                return page
            await self._client.pause(tried)
            page = await ask()
        if page.total == 0 and part.segment_id is not None:
            await self._must_be_empty(part, part.segment_id)
        return page

    async def _must_be_empty(self, part: Slice, segment_id: str) -> None:
        """A deleted segment may look like an empty one (§4.3), and so may one that search lost: never read
        that as "everyone left", or as "nobody is to be left out"."""
        segment = await self._one(segment_id)
        if part.ids or part.created_from is not None or part.created_before is not None:
            return
        count = segment.count
        if count is None:
            count = next((one.count for one in await self.segments() if one.id == segment_id), None)
        if count:
            raise errors.audience_incomplete(segment.name, count)

    async def _search(self, part: Slice, cursor: str | None, keys: Sequence[str]) -> Page:
        call = Call("POST", "/contacts/search", body=search.body(part, VERSION, cursor))
        try:
            return await self._client.ask(call, people.reader(tuple(keys)).page)
        except errors.RejectedError as refused:
            rejection = refused
        if part.segment_id is not None:
            await self._one(part.segment_id)
        raise errors.cursor_rejected() if errors.is_about_cursor(rejection, cursor) else rejection


def _tells_changes(audience: Audience) -> bool:
    """People come into segments and leave them without a trace in updated_at (§4.3)."""
    return audience.kind != "segments" and not audience.exclude_segment_ids


def _expects_somebody(part: Slice) -> bool:
    """A reading of changes begins at one that somebody made, and so meets them at least."""
    return part.total > 0 or part.changed_since is not None


def _group(purpose: Literal["include", "exclude"], segment: Segment) -> Slice:
    """A whole segment. Searching for its role too keeps same-named segments apart (§4.3)."""
    expected = 1 if segment.count is None else segment.count
    return Slice(purpose, expected, segment.person_type, segment.id)


def _created(page: Page) -> int | None:
    value = page.contacts[0].values["created_at"] if page.contacts else None
    return value if isinstance(value, int) else None


def _segment(segment: wire.WireSegment) -> Segment:
    return Segment(
        id=str(segment.id),
        name=segment.name or str(segment.id),
        # Intercom calls leads contacts here (§4.2).
        person_type="user" if segment.person_type == "user" else "lead",
        count=None if segment.count is None else wire.whole(segment.count),
    )


def _one_segment(content: bytes) -> Segment:
    return _segment(wire.decode(content, wire.WireSegment))


def _segment_list(content: bytes) -> tuple[list[Segment], str | None]:
    body = wire.decode(content, wire.SegmentList)
    return [_segment(segment) for segment in body.segments or ()], wire.next_cursor(body.pages)


def attribute_list(content: bytes) -> wire.AttributeList:
    return wire.decode(content, wire.AttributeList)
