"""Making the fields to write to, and every way in which that is refused."""

from typing import Any

import pytest

from passalong.sync.errors import ConfigError
from tests.contract.conformance import World
from tests.contract.intercom.test_faults import told
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.anyio
STANDARD_NAME = (
    "Intercom did not take the field. It said: “'Email' is one of our standard attributes for your people "
    "data. To save this as new people data, use a different name.”."
)
ATTRIBUTES = {"path": "/data_attributes", "method": "POST"}


async def test_it_brings_an_archived_field_back(sandbox: Sandbox, world: World) -> None:
    sandbox.control.add_attribute("Sleeping")
    sandbox.control.archive_attribute("Sleeping")
    async with world.open() as session:
        field, new = await session.create_field("Sleeping", "string")
        assert (field.key, new) == ("custom_attributes.Sleeping", False)
        assert "custom_attributes.Sleeping" in [f.key for f in await session.fields()]


@pytest.mark.parametrize(
    ("label", "code", "sentence"),
    [
        ("Referral.Link", "field_refused", "The name of the field holds “.”, which Intercom does not take."),
        ("Cost $", "field_refused", "The name of the field holds “$”, which Intercom does not take."),
        ("  ", "field_refused", "A field needs a name."),
        ("x" * 191, "field_refused", "The name of the field has 191 characters; Intercom takes 190 at most."),
        (
            "Email",
            "field_refused",
            STANDARD_NAME,
        ),
        (
            "team_size",
            "field_type_conflict",
            "Intercom already has a field “team_size” of type integer; string is needed.",
        ),
        (
            "favourite_colour",
            "field_type_conflict",
            "Intercom already has a field “favourite_colour” of type list; string is needed.",
        ),
    ],
)
async def test_it_says_why_a_field_cannot_be_made(label: str, code: str, sentence: str, world: World) -> None:
    async with world.open() as session:
        with pytest.raises(ConfigError) as caught:
            await session.create_field(label, "string")
    told(caught.value, code)
    assert caught.value.message == sentence


async def test_it_says_when_no_more_fields_fit(sandbox: Sandbox, world: World) -> None:
    refusal: dict[str, Any] = {"status": 400, "code": "custom_data_limit_reached", "message": "Too many."}
    sandbox.control.add_fault("status", match=ATTRIBUTES, **refusal)
    async with world.open() as session:
        with pytest.raises(ConfigError) as caught:
            await session.create_field("One more", "string")
    told(caught.value, "field_limit")


@pytest.mark.parametrize("commit", [False, True])
async def test_it_makes_a_field_once_through_a_fault(commit: bool, sandbox: Sandbox, world: World) -> None:
    label = f"Through a fault {commit}"
    sandbox.control.add_fault("500", match=ATTRIBUTES, commit=commit)
    async with world.open() as session:
        field, new = await session.create_field(label, "string")
    assert (field.label, new) == (label, True)
