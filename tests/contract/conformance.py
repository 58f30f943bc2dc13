"""What every integration must do, whatever its CRM: a new one passes this before it is offered to anybody.

Use it in three lines: subclass `Conformance` as `TestIt`, and give a fixture `world` that returns a `World`.
"""

import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from passalong.sync.errors import ConfigError, CredentialsError, SkipContact, SyncError
from passalong.sync.port import Integration, Session
from passalong.sync.records import Audience, Contact, Field, Page, Slice

KEYS = ["email", "name"]


@dataclass
class World:
    """One real or pretended CRM account and the truth about it.

    `members` is what an audience holds, by contact id. `contact` is what a contact holds now, by field key,
    read past the integration. `text_field` is a custom text field that can be written.
    `rename` gives a contact another name there.
    """

    integration: Integration
    credentials: dict[str, Any]
    wrong_credentials: dict[str, Any]
    timezone: str
    segment_id: str
    other_segment_id: str
    text_field: str
    members: Callable[[Audience], set[str]]
    contact: Callable[[str], Mapping[str, Any]]
    archive: Callable[[str], None]
    rename: Callable[[str, str], None]

    def open(self, *, interactive: bool = True) -> AbstractAsyncContextManager[Session]:
        return self.integration.open(
            self.credentials, interactive=interactive, timezone=self.timezone, patience=5
        )

    def audiences(self) -> list[Audience]:
        both = [self.segment_id, self.other_segment_id]
        return [
            Audience("users"),
            Audience("leads"),
            Audience("all"),
            Audience("segments", [self.segment_id]),
            Audience("segments", both),
        ]


async def walk(session: Session, part: Slice, keys: list[str]) -> list[Page]:
    """All pages of a slice. Fails when a cursor comes twice."""
    pages, cursors, cursor = [], set(), None
    while True:
        page = await session.page(part, cursor, keys)
        pages.append(page)
        cursor = page.next_cursor
        if cursor is None:
            return pages
        assert cursor not in cursors
        cursors.add(cursor)


async def read(session: Session, audience: Audience, purpose: str = "include") -> list[Contact]:
    parts = [p for p in await session.plan(audience) if p.purpose == purpose]
    return [c for part in parts for page in await walk(session, part, KEYS) for c in page.contacts]


@pytest.mark.anyio
class Conformance:
    """The tests, in the order of the port."""

    async def test_it_connects(self, world: World) -> None:
        async with world.open() as session:
            account, checks = await session.check()
        assert account is not None
        assert account.id
        assert account.timezone == world.timezone
        assert [c.name for c in checks if not c.ok] == []

    async def test_it_reports_wrong_credentials_as_a_check(self, world: World) -> None:
        async with world.integration.open(world.wrong_credentials, interactive=True) as session:
            account, checks = await session.check()
        assert account is None
        assert any(c.required and not c.ok and c.detail for c in checks)

    async def test_it_raises_wrong_credentials_elsewhere_without_showing_them(self, world: World) -> None:
        async with world.integration.open(world.wrong_credentials, interactive=True) as session:
            with pytest.raises(CredentialsError) as caught:
                await session.segments()
        told = "".join(traceback.format_exception(caught.value)) + str(caught.value.as_dict())
        secrets = [str(value) for value in world.wrong_credentials.values() if len(str(value)) > 8]
        assert [secret for secret in secrets if secret in told] == []

    async def test_it_lists_segments_with_counts(self, world: World) -> None:
        async with world.open() as session:
            segments = {s.id: s for s in await session.segments()}
        truth = world.members(Audience("segments", [world.segment_id]))
        assert segments[world.segment_id].count == len(truth)
        assert segments[world.segment_id].name

    async def test_it_counts_leads_and_users(self, world: World) -> None:
        async with world.open() as session:
            sizes = await session.sizes()
        assert sizes == {
            "lead": len(world.members(Audience("leads"))),
            "user": len(world.members(Audience("users"))),
        }

    async def test_it_lists_fields_built_in_ones_first(self, world: World) -> None:
        async with world.open() as session:
            fields = await session.fields()
        keys = [f.key for f in fields]
        assert len(keys) == len(set(keys))
        assert {"email", "name"} <= set(keys)
        assert [f.custom for f in fields] == sorted(f.custom for f in fields)
        assert [f.writable for f in fields if f.key == world.text_field] == [True]

    async def test_it_gives_samples_of_the_right_type(self, world: World) -> None:
        async with world.open() as session:
            fields = await session.fields()
        assert [(f.key, f.type, f.sample) for f in fields if not _fits(f)] == []
        assert any(f.sample is not None for f in fields)

    async def test_it_reads_exactly_the_audience(self, world: World) -> None:
        async with world.open() as session:
            for audience in world.audiences():
                contacts = await read(session, audience)
                assert {c.id for c in contacts} == world.members(audience)

    async def test_it_reads_whom_to_exclude(self, world: World) -> None:
        audience = Audience("users", [], [world.segment_id])
        async with world.open() as session:
            contacts = await read(session, audience, "exclude")
        assert {c.id for c in contacts} == world.members(Audience("segments", [world.segment_id]))

    async def test_it_reads_only_those_it_is_asked_for_who_are_in_the_audience(self, world: World) -> None:
        inside = world.members(Audience("segments", [world.segment_id]))
        outside = world.members(Audience("all")) - inside
        wanted = [*sorted(inside)[:2], min(outside), "000000000000000000000000"]
        async with world.open() as session:
            for audience in (Audience("segments", [world.segment_id]), Audience("all")):
                parts = await session.plan(audience, wanted)
                pages = [page for part in parts for page in await walk(session, part, KEYS)]
                met = {contact.id for page in pages for contact in page.contacts}
                assert met == set(wanted) & world.members(audience)

    async def test_it_reads_whom_to_exclude_beside_those_it_is_asked_for(self, world: World) -> None:
        audience = Audience("users", [], [world.segment_id])
        async with world.open() as session:
            parts = await session.plan(audience, [_someone(world)])
            left_out = [part for part in parts if part.purpose == "exclude"]
            pages = [page for part in left_out for page in await walk(session, part, [])]
        assert {c.id for page in pages for c in page.contacts} == world.members(
            Audience("segments", [world.segment_id])
        )

    async def test_it_reads_what_changed_since_a_moment(self, world: World) -> None:
        audience = Audience("all")
        someone = _someone(world)
        async with world.open() as session:
            before = await session.newest(audience)
            assert before is not None
            world.rename(someone, "Changed by conformance")
            moment = await session.newest(audience)
            assert moment is not None
            assert moment > before
            parts = await session.plan(audience, since=moment)
            pages = [page for part in parts for page in await walk(session, part, KEYS)]
        changed = {c.id: c.values["name"] for page in pages for c in page.contacts}
        assert [part.changed_since for part in parts] == [moment]
        assert changed == {someone: "Changed by conformance"}

    async def test_it_reads_everybody_who_changed_since_long_ago(self, world: World) -> None:
        async with world.open() as session:
            for kind in ("users", "leads", "all"):
                audience = Audience(kind)
                parts = await session.plan(audience, since=1)
                pages = [page for part in parts for page in await walk(session, part, KEYS)]
                met = [c.id for page in pages for c in page.contacts]
                assert sorted(met) == sorted(world.members(audience))

    async def test_it_reads_segments_whole_whatever_changed(self, world: World) -> None:
        audience = Audience("segments", [world.segment_id])
        async with world.open() as session:
            assert await session.newest(audience) is None
            assert await session.plan(audience, since=2_000_000_000) == await session.plan(audience)

    async def test_it_asks_for_contacts_by_their_ids(self, world: World) -> None:
        inside = world.members(Audience("segments", [world.segment_id]))
        outside = min(world.members(Audience("all")) - inside)
        wanted = [*sorted(inside)[:2], outside, "000000000000000000000000"]
        async with world.open() as session:
            for audience in (Audience("segments", [world.segment_id]), Audience("all"), Audience("leads")):
                parts = await session.plan_hinted(audience, wanted)
                pages = [page for part in parts for page in await walk(session, part, KEYS)]
                met = [contact.id for page in pages for contact in page.contacts]
                assert sorted(met) == sorted(set(wanted) & world.members(audience))
                assert {page.total for page in pages} == {len(met)}

    async def test_it_tells_whom_to_leave_out_when_it_asks_by_id(self, world: World) -> None:
        someone = _someone(world)
        other = min(
            world.members(Audience("users")) - world.members(Audience("segments", [world.segment_id]))
        )
        audience = Audience("users", [], [world.segment_id])
        async with world.open() as session:
            parts = await session.plan_hinted(audience, [someone, other])
            met = {
                part.purpose: {c.id for page in await walk(session, part, []) for c in page.contacts}
                for part in parts
            }
        assert [part.purpose for part in parts] == ["exclude", "include"]
        assert met == {"exclude": {someone}, "include": {someone, other}}

    async def test_it_reads_the_same_twice(self, world: World) -> None:
        async with world.open() as session:
            audience = Audience("segments", [world.segment_id])
            assert await read(session, audience) == await read(session, audience)

    async def test_it_counts_what_it_reads(self, world: World) -> None:
        async with world.open() as session:
            parts = await session.plan(Audience("users"))
            pages = [await walk(session, part, []) for part in parts]
        read = [len({c.id for page in part for c in page.contacts}) for part in pages]
        assert [part[0].total for part in pages] == read
        assert sum(p.total for p in parts) == sum(read)

    async def test_it_gives_the_values_asked_for_and_no_others(self, world: World) -> None:
        async with world.open() as session:
            part = (await session.plan(Audience("users")))[0]
            page = await session.page(part, None, ["email", world.text_field])
        assert {tuple(c.values) for c in page.contacts} == {("email", world.text_field)}
        assert [c.id for c in page.contacts if c.values["email"] == ""] == []

    async def test_it_finds_contacts_to_show(self, world: World) -> None:
        audience = Audience("segments", [world.segment_id])
        inside = world.members(audience)
        someone = next(one for one in sorted(inside) if world.contact(one)["email"])
        email, name = world.contact(someone)["email"], world.contact(someone)["name"]
        async with world.open() as session:
            some = await session.samples(audience, "", KEYS, 5)
            assert len(some) == 5
            assert {contact.id for contact in some} <= inside
            by_email = await session.samples(audience, email, KEYS, 5)
            assert someone in {contact.id for contact in by_email}
            assert {contact.values["email"] for contact in by_email} == {email}
            by_name = await session.samples(audience, name, KEYS, 150)
            assert someone in {contact.id for contact in by_name}
            assert await session.samples(audience, "nobody has this in the name", KEYS, 5) == []

    async def test_it_says_where_a_contact_is(self, world: World) -> None:
        audience = Audience("segments", [world.segment_id])
        inside = _someone(world)
        outside = min(world.members(Audience("all")) - world.members(audience))
        async with world.open() as session:
            found = [(await session.whereabouts(one, audience)).state for one in (inside, outside)]
            assert found == ["member", "left"]
            left_out = Audience("all", [], [world.segment_id])
            found = [(await session.whereabouts(one, left_out)).state for one in (inside, outside)]
            assert found == ["left", "member"]
            world.archive(inside)
            for kind in (audience, left_out, Audience("all")):
                assert (await session.whereabouts(inside, kind)).state == "gone"

    async def test_it_tells_leads_from_users_when_asked_where_they_are(self, world: World) -> None:
        lead = min(world.members(Audience("leads")))
        async with world.open() as session:
            kinds = [Audience("leads"), Audience("users"), Audience("all")]
            found = [(await session.whereabouts(lead, kind)).state for kind in kinds]
        assert found == ["member", "left", "member"]

    async def test_it_refuses_a_cursor_it_does_not_know(self, world: World) -> None:
        async with world.open() as session:
            part = (await session.plan(Audience("users")))[0]
            with pytest.raises(ConfigError) as caught:
                await session.page(part, "no-such-cursor", [])
        assert caught.value.code == "cursor_rejected"

    async def test_it_says_when_a_segment_is_gone(self, world: World) -> None:
        async with world.open() as session:
            with pytest.raises(ConfigError) as caught:
                await session.plan(Audience("segments", ["000000000000000000000000"]))
        assert caught.value.code == "segment_not_found"
        assert caught.value.next_step

    async def test_it_writes_one_field_and_nothing_else(self, world: World) -> None:
        contact_id = _someone(world)
        before = dict(world.contact(contact_id))
        async with world.open() as session:
            for _ in range(2):  # safe to repeat
                said = await session.write(contact_id, {world.text_field: "https://x.example/r/abc"})
                assert said == {world.text_field: "https://x.example/r/abc"}
        assert world.contact(contact_id) == {**before, world.text_field: "https://x.example/r/abc"}

    async def test_it_clears_a_field(self, world: World) -> None:
        contact_id = _someone(world)
        async with world.open() as session:
            await session.write(contact_id, {world.text_field: "x"})
            assert await session.write(contact_id, {world.text_field: None}) == {world.text_field: None}

    async def test_it_skips_a_contact_for_a_field_that_is_not_there(self, world: World) -> None:
        contact_id = _someone(world)
        before = dict(world.contact(contact_id))
        missing = f"{world.text_field} no more"
        async with world.open() as session:
            with pytest.raises(SkipContact) as caught:
                await session.write(contact_id, {world.text_field: "x", missing: "y"})
        assert (caught.value.code, caught.value.field) == ("field_missing", missing)
        assert world.contact(contact_id) == before

    async def test_it_skips_a_contact_that_is_gone(self, world: World) -> None:
        contact_id = _someone(world)
        world.archive(contact_id)
        async with world.open() as session:
            with pytest.raises(SkipContact) as caught:
                await session.write(contact_id, {world.text_field: "x"})
        assert caught.value.code == "contact_gone"

    async def test_it_makes_a_field_once(self, world: World) -> None:
        async with world.open() as session:
            field, new = await session.create_field("Made by conformance", "integer")
            assert (field.label, field.type, field.custom, field.writable, new) == (
                "Made by conformance",
                "integer",
                True,
                True,
                True,
            )
            assert await session.create_field("Made by conformance", "integer") == (field, False)
            contact_id = _someone(world)
            assert await session.write(contact_id, {field.key: 3}) == {field.key: 3}

    async def test_it_never_changes_the_type_of_a_field(self, world: World) -> None:
        async with world.open() as session:
            await session.create_field("Number of conformance", "integer")
            with pytest.raises(ConfigError) as caught:
                await session.create_field("Number of conformance", "string")
        assert caught.value.code == "field_type_conflict"

    async def test_it_finds_everybody_with_an_email(self, world: World) -> None:
        contact_id = _someone_with_email(world)
        email = str(world.contact(contact_id)["email"])
        async with world.open() as session:
            found = await session.find_contacts(email.strip().lower())
            assert contact_id in {one.id for one in found}
            assert {str(one.values["email"]).strip().lower() for one in found} == {email.strip().lower()}
            assert await session.find_contacts("nobody-has-this@example.com") == []

    async def test_it_makes_a_user_once(self, world: World) -> None:
        async with world.open() as session:
            made, new = await session.create_contact("user", "made-user@example.com", {world.text_field: "x"})
            assert new
            assert await session.create_contact("user", "made-user@example.com", {}) == (made, False)
            found = await session.find_contacts("made-user@example.com")
        assert [(one.id, one.role) for one in found] == [(made, "user")]
        assert world.contact(made)[world.text_field] == "x"

    async def test_it_makes_a_lead(self, world: World) -> None:
        async with world.open() as session:
            made, new = await session.create_contact("lead", "made-lead@example.com", {})
            found = await session.find_contacts("made-lead@example.com")
        assert (new, [(one.id, one.role) for one in found]) == (True, [(made, "lead")])

    async def test_it_makes_nobody_when_a_field_is_not_there(self, world: World) -> None:
        missing = f"{world.text_field} no more"
        async with world.open() as session:
            with pytest.raises(SkipContact) as caught:
                await session.create_contact("lead", "made-not@example.com", {missing: "y"})
            assert (caught.value.code, caught.value.field) == ("field_missing", missing)
            assert await session.find_contacts("made-not@example.com") == []

    async def test_it_does_not_bring_back_an_archived_user(self, world: World) -> None:
        async with world.open() as session:
            made, _new = await session.create_contact("user", "made-old@example.com", {})
            world.archive(made)
            with pytest.raises(SkipContact) as caught:
                await session.create_contact("user", "made-old@example.com", {})
            assert caught.value.code == "contact_archived"
            assert await session.find_contacts("made-old@example.com") == []

    async def test_it_tags_and_notes_events_again_and_again(self, world: World) -> None:
        contact_id = _someone(world)
        async with world.open() as session:
            for _ in range(2):
                await session.tag(contact_id, "Made by conformance")
                await session.event(contact_id, "made-by-conformance", 1_790_000_000, {"friend": "Ada"})

    async def test_it_tags_nobody_who_is_gone(self, world: World) -> None:
        contact_id = _someone(world)
        world.archive(contact_id)
        async with world.open() as session:
            with pytest.raises(SkipContact) as caught:
                await session.tag(contact_id, "Made by conformance")
            assert caught.value.code == "contact_gone"
            with pytest.raises(SkipContact) as caught:
                await session.event(contact_id, "made-by-conformance", 1_790_000_000, {})
            assert caught.value.code == "contact_gone"

    async def test_it_reads_one_contact_by_id(self, world: World) -> None:
        contact_id = _someone(world)
        async with world.open() as session:
            await session.write(contact_id, {world.text_field: "now"})
            found = await session.read(contact_id, [world.text_field])
            assert found is not None
            assert (found.id, found.values) == (contact_id, {world.text_field: "now"})
            world.archive(contact_id)
            assert await session.read(contact_id, []) is None
            assert await session.read("000000000000000000000000", []) is None

    async def test_it_reads_some_contacts_by_id(self, world: World) -> None:
        wanted = sorted(world.members(Audience("all")))[:120]
        async with world.open() as session:
            found = await session.some([*wanted, "000000000000000000000000"], ["email"])
            assert {one.id for one in found} == set(wanted)
            assert await session.some([], ["email"]) == []

    async def test_it_finds_who_has_a_value_the_last_changed_first(self, world: World) -> None:
        some = sorted(world.members(Audience("all")))[:5]
        async with world.open() as session:
            for contact_id in some:
                await session.write(contact_id, {world.text_field: "looked for"})
            page = await session.having(world.text_field, "looked for", None, [world.text_field])
            nobody = await session.having(world.text_field, "nobody says this", None, [])
        assert {one.id for one in page.contacts} == set(some)
        assert {one.values[world.text_field] for one in page.contacts} == {"looked for"}
        changed = [one.updated_at or 0 for one in page.contacts]
        assert changed == sorted(changed, reverse=True)
        assert (page.next_cursor, nobody.contacts) == (None, [])

    async def test_it_says_when_the_field_to_look_by_is_gone(self, world: World) -> None:
        async with world.open() as session:
            with pytest.raises(ConfigError) as caught:
                await session.having(f"{world.text_field} no more", "x", None, [])
        assert caught.value.code == "field_missing"

    async def test_it_counts_its_calls(self, world: World) -> None:
        async with world.open() as session:
            assert (session.calls, session.waiting_until, session.waiting_code) == (0, None, None)
            await session.segments()
            assert session.calls >= 1


def _someone(world: World) -> str:
    return min(world.members(Audience("segments", [world.segment_id])))


def _someone_with_email(world: World) -> str:
    inside = world.members(Audience("segments", [world.segment_id]))
    return next(one for one in sorted(inside) if world.contact(one)["email"])


def _fits(field: Field) -> bool:
    kinds: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "integer": (int,),
        "float": (int, float),
        "boolean": (bool,),
        "date": (int,),
    }
    return field.sample is None or isinstance(field.sample, kinds[field.type])


__all__ = ["Conformance", "SyncError", "World", "read", "walk"]
