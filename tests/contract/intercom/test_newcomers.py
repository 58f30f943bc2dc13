"""Making people known against the look-alike, at its worst."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from passalong.integrations.intercom.manifest import Intercom
from passalong.sync.errors import ConfigError, SkipContact, Unclear
from tests.contract.intercom.conftest import at
from tests.support.sandbox import TOKEN, Sandbox

pytestmark = pytest.mark.anyio


def opened(intercom: Intercom, token: str = TOKEN) -> Any:
    return intercom.open({"access_token": token, "region": "us"}, interactive=False, patience=1)


def holders(sandbox: Sandbox, email: str) -> list[Mapping[str, Any]]:
    return [one for one in sandbox.control.dump() if one["email"] == email]


@pytest.mark.parametrize("kind", ["timeout_after_commit", "drop_after_commit", "500", "empty_200"])
async def test_it_asks_once_when_the_answer_is_lost(sandbox: Sandbox, kind: str) -> None:
    email = f"lost-{kind.replace('_', '-')}@example.com"
    extra = {"commit": True} if kind == "500" else {}
    sandbox.control.add_fault(kind, match={"method": "POST", "path": "/contacts"}, times=5, **extra)
    intercom = at(sandbox)
    async with intercom.open(
        {"access_token": TOKEN, "region": "us"}, interactive=True, patience=1
    ) as session:
        with pytest.raises(Unclear):
            await session.create_contact("lead", email, {})
    assert len(holders(sandbox, email)) == 1


async def test_it_waits_for_its_turn_and_asks_then(sandbox: Sandbox, intercom: Intercom) -> None:
    sandbox.control.add_fault("429", match={"method": "POST", "path": "/contacts"}, times=1, reset_in=1)
    async with opened(intercom) as session:
        made, new = await session.create_contact("lead", "turn@example.com", {})
    assert (new, [one["id"] for one in holders(sandbox, "turn@example.com")]) == (True, [made])


async def test_it_does_not_find_whom_the_index_does_not_show_yet(
    sandbox: Sandbox, intercom: Intercom
) -> None:
    sandbox.control.settings(lag=3600)
    async with opened(intercom) as session:
        made, _new = await session.create_contact("user", "lag@example.com", {})
        assert await session.find_contacts("lag@example.com") == []
        assert await session.create_contact("user", "lag@example.com", {}) == (made, False)


async def test_it_finds_an_email_in_any_spelling(sandbox: Sandbox, intercom: Intercom) -> None:
    one = sandbox.control.add_contact(role="lead", email="Spelt@Example.com")
    async with opened(intercom) as session:
        found = await session.find_contacts("spelt@example.com")
    assert [contact.id for contact in found] == [one["id"]]


async def test_it_says_what_tag_and_event_permissions_are_missing(
    sandbox: Sandbox, intercom: Intercom
) -> None:
    sandbox.control.add_token("no-tags", missing=["write_tags", "write_events"])
    someone = sandbox.control.add_contact(role="lead", email="t@example.com")["id"]
    async with opened(intercom, "no-tags") as session:
        with pytest.raises(ConfigError, match="Write tags"):
            await session.tag(someone, "Friends")
        with pytest.raises(ConfigError, match="Write events"):
            await session.event(someone, "invited-friend", 1_790_000_000, {})


async def test_it_makes_a_tag_again_that_was_deleted_meanwhile(sandbox: Sandbox, intercom: Intercom) -> None:
    one, two = (sandbox.control.add_contact(role="lead", email=f"{n}@example.com")["id"] for n in "ab")
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"}
    async with opened(intercom) as session, httpx2.AsyncClient(headers=headers) as other:
        await session.tag(one, "Short-lived")
        tags = (await other.get(f"{sandbox.url}/tags")).json()["data"]
        [tag_id] = [tag["id"] for tag in tags if tag["name"] == "Short-lived"]
        await other.delete(f"{sandbox.url}/tags/{tag_id}")
        await session.tag(two, "Short-lived")
        worn = (await other.get(f"{sandbox.url}/contacts/{two}/tags")).json()["data"]
    assert [tag["name"] for tag in worn] == ["Short-lived"]


async def test_it_counts_one_event_for_one_second(sandbox: Sandbox, intercom: Intercom) -> None:
    someone = sandbox.control.add_contact(role="lead", email="e@example.com")["id"]
    at_second = sandbox.control.state()["base"] - 60
    async with opened(intercom) as session:
        calls = [(at_second, "Ada"), (at_second, "Ada"), (at_second + 1, "Bea")]
        for moment, friend in calls:
            await session.event(someone, "invited-friend", moment, {"friend": friend})
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"}
    query = {"type": "user", "intercom_user_id": someone}
    answer = httpx2.get(f"{sandbox.url}/events", params=query, headers=headers).json()
    friends = [event["metadata"]["friend"] for event in answer["events"]]
    assert friends == ["Bea", "Ada"]


async def test_it_never_sets_who_somebody_is(sandbox: Sandbox, intercom: Intercom) -> None:
    async with opened(intercom) as session:
        with pytest.raises(SkipContact) as caught:
            await session.create_contact("user", "id@example.com", {"external_id": "ours"})
    assert (caught.value.code, holders(sandbox, "id@example.com")) == ("value_refused", [])


async def test_it_makes_as_many_at_once_as_the_limit_allows(sandbox: Sandbox, intercom: Intercom) -> None:
    emails = [f"many{number}@example.com" for number in range(40)]
    async with opened(intercom) as session:
        made = await asyncio.gather(*(session.create_contact("lead", one, {}) for one in emails))
    assert len({contact_id for contact_id, _new in made}) == 40


async def test_it_walks_everybody_with_a_value(sandbox: Sandbox, intercom: Intercom) -> None:
    wanted = {
        one["id"]
        for one in sandbox.control.dump()
        if one["custom_attributes"].get("plan") == "free" and one["sandbox"]["status"] == "active"
    }
    met: list[str] = []
    async with opened(intercom) as session:
        cursor = None
        while True:
            page = await session.having("custom_attributes.plan", "free", cursor, ["email"])
            met += [one.id for one in page.contacts]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert (set(met), len(met) > 150) == (wanted, True)


async def test_it_reads_nobody_who_was_merged_or_archived(sandbox: Sandbox, intercom: Intercom) -> None:
    one, two = (sandbox.control.add_contact(role="user", email=f"m{n}@example.com")["id"] for n in "12")
    sandbox.control.merge_contact(one, two)
    async with opened(intercom) as session:
        assert await session.read(one, ["email"]) is None
        found = await session.read(two, ["email"])
    assert found is not None
