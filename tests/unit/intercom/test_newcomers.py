"""Whom Intercom names when somebody is there already."""

import pytest

from passalong.sync.errors import SkipContact
from tests.unit.intercom.fakes import FakeIntercom, FakeTime, refused, session

pytestmark = pytest.mark.anyio
THERE = "A contact matching those details already exists with id="


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (f"{THERE}6643703ffae7834d1792fd30", "6643703ffae7834d1792fd30"),
        (f"{THERE}6643703ffae7834d1792fd30.", "6643703ffae7834d1792fd30"),
        (f"{THERE}0d3c8a7e-51b1-4c0e-9c3e-7d1f0a5f2b11", "0d3c8a7e-51b1-4c0e-9c3e-7d1f0a5f2b11"),
        (f"{THERE}contact_42", "contact_42"),
    ],
)
async def test_it_takes_any_id_that_a_conflict_names(said: str, named: str, time: FakeTime) -> None:
    intercom = FakeIntercom().on("POST /contacts", refused(409, "conflict", said))
    assert await session(intercom, time).create_contact("user", "a@example.com", {}) == (named, False)


async def test_it_takes_no_id_of_another_kind(time: FakeTime) -> None:
    said = "Multiple existing users match this email address - must be more specific using user_id=7"
    intercom = FakeIntercom().on("POST /contacts", refused(409, "conflict", said))
    with pytest.raises(SkipContact) as caught:
        await session(intercom, time).create_contact("user", "a@example.com", {})
    assert caught.value.code == "contact_conflict"
