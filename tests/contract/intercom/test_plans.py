"""A plan holds everybody, in any time zone, at a small price."""

import asyncio
from collections.abc import Iterator
from math import ceil

import pytest

from passalong.integrations.intercom import pace
from passalong.sync.records import Audience
from tests.contract.conformance import walk
from tests.contract.intercom.conftest import at, truth
from tests.support.sandbox import TOKEN, Sandbox, start_sandbox

pytestmark = pytest.mark.anyio

ZONES = ["UTC", "Pacific/Auckland", "Pacific/Tongatapu", "Etc/GMT+12", "America/Los_Angeles", "Asia/Kolkata"]


@pytest.fixture(scope="module")
def large() -> Iterator[Sandbox]:
    with start_sandbox(contacts=5_000) as sandbox:
        yield sandbox


async def read_all(sandbox: Sandbox, audience: Audience, zone: str | None) -> tuple[list[str], int]:
    pace._budgets.clear()
    async with at(sandbox).open({"access_token": TOKEN}, interactive=False, timezone=zone) as session:
        parts = await session.plan(audience)
        walked = await asyncio.gather(*(walk(session, part, []) for part in parts))
        return [c.id for pages in walked for page in pages for c in page.contacts], session.calls


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("zone", ZONES)
async def test_it_reads_everybody_once_in_every_zone(zone: str, told: bool, large: Sandbox) -> None:
    large.control.settings(timezone=zone)
    ids, _ = await read_all(large, Audience("all"), zone if told else None)
    assert len(ids) == len(set(ids))
    assert set(ids) == truth(large)(Audience("all"))


async def test_it_takes_few_calls(large: Sandbox) -> None:
    everybody = large.control.add_segment("Everybody", [{"field": "role", "operator": "=", "value": "user"}])
    ids, calls = await read_all(large, Audience("segments", [everybody]), "UTC")
    assert len(ids) > 3_000
    assert calls <= ceil(len(ids) / 150) + 8


async def test_it_plans_nothing_for_an_empty_segment(large: Sandbox) -> None:
    ids, calls = await read_all(large, Audience("segments", [large.control.segment_id("Nobody yet")]), "UTC")
    assert (ids, calls) == ([], 2)


async def test_it_names_a_segment_that_is_gone(large: Sandbox) -> None:
    gone = large.control.add_segment("Gone", [])
    large.control.delete_segment(gone)
    with pytest.raises(Exception, match=gone):
        await read_all(large, Audience("segments", [gone]), "UTC")
