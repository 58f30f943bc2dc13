"""What is written to Intercom, and what never is."""

import pytest

from passalong.sync.errors import Retriable, SkipContact
from tests.unit.intercom.fakes import FakeIntercom, FakeTime, answer, refused, session

pytestmark = pytest.mark.anyio


async def test_it_sends_only_the_fields_given(time: FakeTime) -> None:
    contact = {"id": "c/1", "name": "Ana", "custom_attributes": {"Link": "https://x.example", "n": None}}
    intercom = FakeIntercom().on("PUT /contacts/c/1", answer(contact))
    values = {"name": "Ana", "custom_attributes.Link": "https://x.example", "custom_attributes.n": None}
    assert await session(intercom, time).write("c/1", values) == values
    assert intercom.bodies() == [
        {"name": "Ana", "custom_attributes": {"Link": "https://x.example", "n": None}}
    ]
    assert intercom.asked[0].url.raw_path == b"/contacts/c%2F1"


@pytest.mark.parametrize(
    ("status", "message", "code", "field"),
    [
        (404, "User Not Found", "contact_gone", None),
        (410, "This contact has been merged.", "contact_gone", None),
        (400, "Custom attribute 'Link' does not exist", "field_missing", "custom_attributes.Link"),
        (400, "Custom attribute 'It's' does not exist", "field_missing", "custom_attributes.It's"),
        (422, "Phone is not valid", "value_refused", "custom_attributes.Link"),
    ],
)
async def test_it_skips_a_contact_that_cannot_be_written(
    status: int, message: str, code: str, field: str | None, time: FakeTime
) -> None:
    intercom = FakeIntercom().on("PUT /contacts/c1", refused(status, "x", message))
    with pytest.raises(SkipContact) as caught:
        await session(intercom, time).write("c1", {"custom_attributes.Link": "x"})
    assert (caught.value.code, caught.value.field) == (code, field)


@pytest.mark.parametrize("key", ["email", "role", "external_id", "unsubscribed_from_emails", "owner_id"])
async def test_it_never_writes_who_a_person_is(key: str, time: FakeTime) -> None:
    with pytest.raises(SkipContact) as caught:
        await session(FakeIntercom(), time).write("c1", {key: "x"})
    assert (caught.value.code, caught.value.field) == ("value_refused", key)


async def test_it_refuses_long_texts_without_asking(time: FakeTime) -> None:
    open_session = session(FakeIntercom(), time)
    with pytest.raises(SkipContact) as caught:
        await open_session.write("c1", {"custom_attributes.Link": "x" * 256})
    assert (caught.value.code, caught.value.field, open_session.calls) == (
        "value_too_long",
        "custom_attributes.Link",
        0,
    )


async def test_it_looks_before_it_makes_a_field_again(time: FakeTime) -> None:
    nothing = answer({"data": []})
    made = answer({"data": [{"name": "Link", "custom": True, "data_type": "string", "api_writable": True}]})
    intercom = FakeIntercom().on("GET /data_attributes", nothing, made)
    intercom.on("POST /data_attributes", refused(500, "server_error"))
    _, new = await session(intercom, time).create_field("Link", "string")
    assert new is True
    assert intercom.calls() == ["GET /data_attributes", "POST /data_attributes", "GET /data_attributes"]


async def test_it_gives_up_making_a_field_after_four_tries(time: FakeTime) -> None:
    intercom = FakeIntercom().on("GET /data_attributes", answer({"data": []}))
    intercom.on("POST /data_attributes", refused(500, "server_error"))
    with pytest.raises(Retriable) as caught:
        await session(intercom, time).create_field("Link", "string")
    assert caught.value.code == "crm_unavailable"
    assert intercom.calls().count("POST /data_attributes") == 4


async def test_it_looks_again_when_a_field_was_made_without_a_name(time: FakeTime) -> None:
    made = {"name": "Link", "custom": True, "data_type": None, "api_writable": True}
    intercom = FakeIntercom().on("GET /data_attributes", answer({"data": None}), answer({"data": [{}, made]}))
    intercom.on("POST /data_attributes", answer({}))
    field, new = await session(intercom, time).create_field("Link", "string")
    assert (field.key, field.type, new) == ("custom_attributes.Link", "string", True)
