"""Where a contact is, in the shapes that the look-alike does not send."""

from typing import Any

import pytest

from passalong.sync.errors import SkipContact
from passalong.sync.records import Audience, Whereabouts
from tests.unit.intercom.fakes import FakeIntercom, FakeTime, answer, refused, session

pytestmark = pytest.mark.anyio
IN_SEGMENT = Audience("segments", ["s1"])


def contact(contact_id: str, **fields: Any) -> Any:
    return answer({"type": "contact", "id": contact_id, **fields})


@pytest.mark.parametrize("fields", [{"role": None}, {}, {"role": "lead"}, {"role": "contact"}])
async def test_it_takes_whoever_is_no_user_for_a_lead(fields: dict[str, Any], time: FakeTime) -> None:
    open_session = session(FakeIntercom().on("GET /contacts/c1", contact("c1", **fields)), time)
    assert await open_session.whereabouts("c1", Audience("leads")) == Whereabouts("member")
    assert await open_session.whereabouts("c1", Audience("users")) == Whereabouts("left")


async def test_it_takes_no_list_of_segments_for_no_segments(time: FakeTime) -> None:
    intercom = FakeIntercom().on("GET /contacts/c1", contact("c1", role="user"))
    intercom.on("GET /contacts/c1/segments", answer({"type": "list", "data": None}))
    assert await session(intercom, time).whereabouts("c1", IN_SEGMENT) == Whereabouts("left")


async def test_it_asks_again_for_segments_that_were_not_sent(time: FakeTime) -> None:
    member = answer({"type": "list", "data": [{"id": "s1"}]})
    intercom = FakeIntercom().on("GET /contacts/c1", contact("c1", role="user"))
    intercom.on("GET /contacts/c1/segments", answer({"type": "list"}), member)
    assert await session(intercom, time).whereabouts("c1", IN_SEGMENT) == Whereabouts("member")


async def test_it_takes_the_answer_of_another_contact_for_a_merge(time: FakeTime) -> None:
    intercom = FakeIntercom().on("GET /contacts/c1", contact("c2", role="user"))
    assert await session(intercom, time).whereabouts("c1", IN_SEGMENT) == Whereabouts("merged", "c2")
    assert intercom.calls() == ["GET /contacts/c1"]


async def test_it_names_the_contact_that_answers_for_the_survivor(time: FakeTime) -> None:
    merged = refused(410, "contact_merged", "This contact has been merged.")
    merged.headers["link"] = '</contacts/c2>; rel="canonical"'
    intercom = FakeIntercom().on("GET /contacts/c1", merged).on("GET /contacts/c2", contact("c3"))
    assert await session(intercom, time).whereabouts("c1", IN_SEGMENT) == Whereabouts("merged", "c3")


async def test_it_says_that_a_contact_was_merged_whose_write_another_one_answers(time: FakeTime) -> None:
    intercom = FakeIntercom().on("PUT /contacts/c1", contact("c2", name="Ana"))
    with pytest.raises(SkipContact) as caught:
        await session(intercom, time).write("c1", {"name": "Ana"})
    assert (caught.value.code, caught.value.message) == (
        "contact_gone",
        "The contact was merged into another contact in Intercom.",
    )


async def test_it_reads_nobody_where_another_contact_answers(time: FakeTime) -> None:
    intercom = FakeIntercom().on("GET /contacts/c1", contact("c2", role="user"))
    assert await session(intercom, time).read("c1", ["name"]) is None
