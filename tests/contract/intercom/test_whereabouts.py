"""Where one contact is, where the look-alike knows more than every CRM must."""

import pytest

from passalong.sync.errors import Fatal
from passalong.sync.records import Audience, Whereabouts
from tests.contract.conformance import World
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.anyio


async def test_it_tells_a_merged_contact_from_one_that_is_gone(world: World, sandbox: Sandbox) -> None:
    lead, user = min(world.members(Audience("leads"))), min(world.members(Audience("users")))
    sandbox.control.merge_contact(lead, user)
    async with world.open() as session:
        assert await session.whereabouts(lead, Audience("leads")) == Whereabouts("merged", user)


async def test_it_takes_somebody_for_gone_who_is_part_of_one_that_is_gone(
    world: World, sandbox: Sandbox
) -> None:
    lead, user = min(world.members(Audience("leads"))), min(world.members(Audience("users")))
    sandbox.control.merge_contact(lead, user)
    world.archive(user)
    async with world.open() as session:
        assert await session.whereabouts(lead, Audience("leads")) == Whereabouts("gone")


async def test_it_asks_once_about_roles_and_once_more_about_segments(world: World) -> None:
    user = min(world.members(Audience("users")))
    async with world.open() as session:
        await session.whereabouts(user, Audience("users"))
        assert session.calls == 1
        await session.whereabouts(user, Audience("segments", [world.segment_id]))
        assert session.calls == 3


async def test_it_never_takes_a_refusal_for_somebody_gone(world: World, sandbox: Sandbox) -> None:
    user = min(world.members(Audience("users")))
    sandbox.control.add_fault(
        "status", match={"path": "/contacts/{contact_id}"}, status=400, code="bad_request"
    )
    async with world.open() as session:
        with pytest.raises(Fatal):
            await session.whereabouts(user, Audience("users"))
