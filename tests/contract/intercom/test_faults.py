"""Each way in which Intercom goes wrong ends in a code, a sentence and a next step."""

import asyncio
import time
import traceback
from typing import Any

import pytest

from passalong.integrations.intercom import pace
from passalong.integrations.intercom.manifest import Intercom
from passalong.sync.errors import ConfigError, CredentialsError, Fatal, Retriable, SkipContact, SyncError
from passalong.sync.port import Session
from passalong.sync.records import Audience, Slice
from tests.contract.conformance import World, read, walk
from tests.contract.intercom.conftest import TEXT_FIELD, at
from tests.support.sandbox import TOKEN, Sandbox, start_sandbox

pytestmark = pytest.mark.anyio

USERS = Audience("users")
SEARCH = {"path": "/contacts/search"}
PERMISSIONS = {
    "read_contacts": "Read and list users and companies",
    "write_contacts": "Write users and companies",
    "write_data_attributes": "Write data attributes",
}


def told(error: SyncError, code: str) -> None:
    """Code, sentence and next step are there, and no secret is."""
    assert error.code == code
    assert error.message.endswith((".", "”"))
    assert error.next_step.endswith(".")
    assert TOKEN not in "".join(traceback.format_exception(error)) + str(error.as_dict())


async def whole(session: Session) -> int:
    return len(await read(session, USERS))


@pytest.mark.parametrize(
    "kind",
    [
        "500",
        "503",
        "502_html",
        "429",
        "empty_200",
        "not_json",
        "truncated_json",
        "drop_connection",
        "repeated_cursor",
    ],
)
async def test_it_reads_everybody_through_a_fault(kind: str, sandbox: Sandbox, world: World) -> None:
    sandbox.control.add_fault(kind, match={**SEARCH, "skip": 1}, times=3, reset_in=0)
    async with world.open(interactive=False) as session:
        assert await whole(session) == len(world.members(USERS))


@pytest.mark.parametrize("kind", ["next_null", "pages_missing"])
async def test_it_takes_a_page_without_a_way_on_as_the_last(
    kind: str, sandbox: Sandbox, world: World
) -> None:
    part = Slice("include", 1, "lead")
    sandbox.control.add_fault(kind, match=SEARCH, times=None)
    async with world.open() as session:
        assert [p.next_cursor for p in await walk(session, part, [])] == [None]


async def test_it_reads_a_page_size_given_as_a_text(sandbox: Sandbox, world: World) -> None:
    sandbox.control.add_fault("per_page_string", match=SEARCH, times=None)
    async with world.open() as session:
        assert await whole(session) == len(world.members(USERS))


@pytest.mark.parametrize(
    "kind", ["500", "502_html", "empty_200", "not_json", "truncated_json", "drop_connection"]
)
async def test_it_tells_a_person_that_intercom_is_unwell(kind: str, sandbox: Sandbox, world: World) -> None:
    sandbox.control.add_fault(kind, match={"path": "/segments"}, times=None)
    async with world.open() as session:
        with pytest.raises(Retriable) as caught:
            await session.segments()
    told(caught.value, "crm_unavailable")


async def test_it_tells_a_person_that_intercom_is_down(sandbox: Sandbox, world: World) -> None:
    sandbox.control.down()
    async with world.open() as session:
        with pytest.raises(Retriable) as caught:
            await session.check()
    told(caught.value, "crm_unavailable")


async def test_it_tells_a_person_that_nobody_listens() -> None:
    integration = Intercom(lambda: "http://127.0.0.1:1", clock=pace.Clock(chance=lambda: 0.0))
    async with integration.open({"access_token": TOKEN}, interactive=True) as session:
        with pytest.raises(Retriable) as caught:
            await session.segments()
    told(caught.value, "crm_unavailable")


async def test_it_comes_back_by_itself_when_intercom_does(sandbox: Sandbox, world: World) -> None:
    sandbox.control.down()
    async with world.open(interactive=False) as session:
        asking = asyncio.create_task(session.segments())
        while session.waiting_code is None:
            await asyncio.sleep(0.01)
        assert session.waiting_code == "crm_unavailable"
        sandbox.control.down(False)
        assert await asking
        assert session.waiting_code is None


async def test_it_shows_a_reset_that_is_far_away_and_stops_when_cancelled(
    sandbox: Sandbox, world: World
) -> None:
    sandbox.control.add_fault("429_far", match=SEARCH, times=None, reset_in=3_600)
    async with world.open(interactive=False) as session:
        asking = asyncio.create_task(session.page(Slice("include", 9, "user"), None, []))
        while session.waiting_until is None:
            await asyncio.sleep(0.01)
        assert session.waiting_code == "rate_limited"
        assert 50 < session.waiting_until - time.time() <= 61
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        shown: Any = (session.waiting_until, session.waiting_code)
        assert shown == (None, None)


async def test_it_does_not_keep_a_person_until_a_far_reset(sandbox: Sandbox, world: World) -> None:
    sandbox.control.add_fault("429_far", match=SEARCH, times=None, reset_in=3_600)
    async with world.open() as session:
        with pytest.raises(Retriable) as caught:
            await session.page(Slice("include", 9, "user"), None, [])
    told(caught.value, "rate_limited")


async def test_it_stops_loudly_when_the_pages_go_round(sandbox: Sandbox, world: World) -> None:
    sandbox.control.add_fault("repeated_cursor", match=SEARCH, times=None)
    async with world.open() as session:
        with pytest.raises(Fatal) as caught:
            await walk(session, Slice("include", 9, "user"), [])
    told(caught.value, "crm_paging_loop")


async def test_it_tells_a_token_that_was_revoked_meanwhile(sandbox: Sandbox, intercom: Intercom) -> None:
    sandbox.control.add_token("short-lived")
    async with intercom.open({"access_token": "short-lived"}, interactive=False) as session:
        assert await session.segments()
        sandbox.control.revoke_token("short-lived")
        with pytest.raises(CredentialsError) as caught:
            await session.segments()
    told(caught.value, "token_rejected")


@pytest.mark.parametrize("answered", ["401", "403", "by_endpoint"])
@pytest.mark.parametrize("scope", PERMISSIONS)
async def test_it_names_the_permission_a_token_lacks(
    scope: str, answered: str, sandbox: Sandbox, intercom: Intercom
) -> None:
    sandbox.control.settings(missing_scope=answered)
    # Seen in the wild: 403 at /me with a token that works elsewhere (§2.2)
    unseen = [] if answered == "401" else ["read_admins"]
    sandbox.control.add_token("lacking", missing=[scope, *unseen])
    async with intercom.open({"access_token": "lacking"}, interactive=True) as session:
        _, checks = await session.check()
    failed = [c for c in checks if not c.ok]
    assert failed
    assert all(PERMISSIONS[scope] in c.detail for c in failed)


async def test_it_names_the_permission_when_a_run_needs_it(sandbox: Sandbox, intercom: Intercom) -> None:
    sandbox.control.add_token("reader", missing=["write_contacts", "write_data_attributes"])
    async with intercom.open({"access_token": "reader"}, interactive=False) as session:
        with pytest.raises(ConfigError) as caught:
            await session.write("0" * 24, {"name": "Ana"})
        told(caught.value, "permission_missing")
        with pytest.raises(ConfigError) as caught:
            await session.create_field("Reward", "string")
        told(caught.value, "permission_missing")


@pytest.mark.parametrize("search_says", ["empty", "error"])
async def test_it_says_when_a_segment_goes_while_it_is_read(
    search_says: str, sandbox: Sandbox, world: World
) -> None:
    sandbox.control.settings(unknown_segment=search_says)
    segment = sandbox.control.add_segment("Soon gone", [])
    async with world.open() as session:
        parts = await session.plan(Audience("segments", [segment]))
        sandbox.control.delete_segment(segment)
        with pytest.raises(ConfigError) as caught:
            await session.page(parts[0], None, [])
    told(caught.value, "segment_not_found")


async def test_it_writes_the_rest_after_a_field_is_gone(sandbox: Sandbox, world: World) -> None:
    sandbox.control.add_attribute("Doomed")
    contact_id = min(world.members(Audience("segments", [world.segment_id])))
    sandbox.control.archive_attribute("Doomed")
    async with world.open() as session:
        with pytest.raises(SkipContact) as caught:
            await session.write(contact_id, {TEXT_FIELD: "x", "custom_attributes.Doomed": "y"})
        told(caught.value, "field_missing")
        assert caught.value.field == "custom_attributes.Doomed"
        assert await session.write(contact_id, {TEXT_FIELD: "x"}) == {TEXT_FIELD: "x"}


async def test_it_says_that_a_contact_was_merged(sandbox: Sandbox, world: World) -> None:
    lead = sandbox.control.add_contact(role="lead", email="merged@example.com")["id"]
    user = sandbox.control.add_contact(role="user", email="merged@example.com")["id"]
    sandbox.control.merge_contact(lead, user)
    async with world.open() as session:
        with pytest.raises(SkipContact) as caught:
            await session.write(lead, {TEXT_FIELD: "x"})
    told(caught.value, "contact_gone")
    assert "merged" in caught.value.message


async def test_it_refuses_long_texts_before_intercom_does(sandbox: Sandbox, world: World) -> None:
    sandbox.control.reset()
    async with world.open() as session:
        with pytest.raises(SkipContact) as caught:
            await session.write("0" * 24, {TEXT_FIELD: "x" * 256})
    told(caught.value, "value_too_long")
    assert sandbox.control.state()["puts"] == 0


async def test_it_clears_the_field_of_a_lead_that_takes_no_null(sandbox: Sandbox, world: World) -> None:
    sandbox.control.settings(lead_null_attribute="error")
    lead = min(world.members(Audience("leads")))
    async with world.open() as session:
        await session.write(lead, {TEXT_FIELD: "x"})
        assert await session.write(lead, {TEXT_FIELD: None}) == {TEXT_FIELD: None}


async def test_it_gives_the_value_intercom_refused(sandbox: Sandbox, world: World) -> None:
    contact_id = min(world.members(USERS))
    async with world.open() as session:
        with pytest.raises(SkipContact) as caught:
            await session.write(contact_id, {"custom_attributes.team_size": "many"})
    told(caught.value, "value_refused")
    assert caught.value.field == "custom_attributes.team_size"


async def test_it_is_never_told_to_slow_down() -> None:
    with start_sandbox(contacts=2_000, rate_limit=40) as sandbox:
        async with at(sandbox).open({"access_token": TOKEN}, interactive=False) as session:
            parts = await session.plan(Audience("all"))
            for part in parts:
                await walk(session, part, [])
            await asyncio.gather(*(session.segments() for _ in range(20)))
        assert sandbox.control.state()["rate_limited"] == 0
