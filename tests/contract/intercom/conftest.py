"""The integration against the look-alike: a real server, real HTTP."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from passalong.integrations.intercom import pace
from passalong.integrations.intercom.manifest import Intercom
from passalong.sync.records import Audience
from tests.contract.conformance import World
from tests.support.sandbox import TOKEN, Sandbox, start_sandbox

ZONE = "America/Los_Angeles"
TEXT_FIELD = "custom_attributes.Referral Link"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contacts=500) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The same people for every test, without what the last one did to the service."""
    defaults = shared_sandbox.control.state()["settings"]
    pace._budgets.clear()
    shared_sandbox.control.reset()
    yield shared_sandbox
    shared_sandbox.control.clear_faults()
    shared_sandbox.control.settings(**defaults)


@pytest.fixture
def intercom(sandbox: Sandbox) -> Intercom:
    return at(sandbox)


def at(sandbox: Sandbox) -> Intercom:
    """Trouble costs no time here: waits are taken at a thousandth."""
    return Intercom(lambda: sandbox.url, clock=pace.Clock(chance=lambda: 0.001))


@pytest.fixture
def world(sandbox: Sandbox, intercom: Intercom) -> World:
    control = sandbox.control
    if TEXT_FIELD.partition(".")[2] not in _attributes(sandbox):
        control.add_attribute(TEXT_FIELD.partition(".")[2])
    return World(
        integration=intercom,
        credentials={"access_token": TOKEN, "region": "us"},
        wrong_credentials={"access_token": "d3Jvbmc6dG9rZW4=", "region": "us"},
        timezone=ZONE,
        segment_id=control.segment_id("Active"),
        other_segment_id=control.segment_id("Active", "contact"),
        text_field=TEXT_FIELD,
        members=truth(sandbox),
        contact=lambda contact_id: _held(sandbox, contact_id),
        archive=control.archive_contact,
        rename=lambda contact_id, name: _rename(sandbox, contact_id, name),
    )


def _rename(sandbox: Sandbox, contact_id: str, name: str) -> None:
    """Some seconds later, so that the moment is one of its own."""
    sandbox.control.advance(60)
    sandbox.control.patch_contact(contact_id, name=name)


def _attributes(sandbox: Sandbox) -> set[str]:
    import httpx2

    answer = httpx2.get(
        f"{sandbox.url}/data_attributes",
        params={"model": "contact", "include_archived": "true"},
        headers={"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"},
    )
    return {attribute["name"] for attribute in answer.json()["data"]}


def truth(sandbox: Sandbox) -> Callable[[Audience], set[str]]:
    """Asked of the sandbox's own books, not of its API."""

    def members(audience: Audience) -> set[str]:
        if audience.kind == "segments":
            return {m["id"] for s in audience.segment_ids for m in sandbox.control.members(s)}
        roles = {"users": {"user"}, "leads": {"lead"}, "all": {"user", "lead"}}[audience.kind]
        active = [c for c in sandbox.control.dump() if c["sandbox"]["status"] == "active"]
        return {c["id"] for c in active if c["role"] in roles}

    return members


def _held(sandbox: Sandbox, contact_id: str) -> dict[str, Any]:
    contact = next(c for c in sandbox.control.dump() if c["id"] == contact_id)
    custom = {f"custom_attributes.{k}": v for k, v in contact.pop("custom_attributes").items()}
    del contact["updated_at"]
    return {**contact, **custom}
