"""Answers that are well-formed and say that nobody is there: asked again before they are believed."""

from typing import Any

import pytest

from passalong.sync.errors import Retriable
from passalong.sync.records import Audience, Page, Slice
from tests.unit.intercom.fakes import FakeIntercom, FakeTime, answer, page, session

pytestmark = pytest.mark.anyio

NOBODY = page([])
SEARCH = "POST /contacts/search"
ANA = {"id": "c1", "role": "user", "created_at": 1_790_000_000, "updated_at": 1_790_000_000}


def segments(count: int | None, name: str = "GET /segments") -> dict[str, Any]:
    one = {"id": "s1", "name": "Staff", "person_type": "user", "count": count}
    return {name: [answer({"type": "segment.list", "segments": [one]})]}


def one_segment(count: int | None) -> Any:
    return answer({"type": "segment", "id": "s1", "name": "Staff", "person_type": "user", "count": count})


def asked(intercom: FakeIntercom) -> int:
    return intercom.calls().count(SEARCH)


async def test_it_asks_again_before_it_plans_nothing(time: FakeTime) -> None:
    intercom = FakeIntercom().on(SEARCH, NOBODY, page([ANA]))
    assert await session(intercom, time).plan(Audience("users")) == [Slice("include", 1, "user")]


async def test_it_believes_an_empty_audience_after_two_more_calls(time: FakeTime) -> None:
    intercom = FakeIntercom().on(SEARCH, NOBODY)
    assert await session(intercom, time).plan(Audience("users")) == []
    assert asked(intercom) == 3


async def test_it_believes_at_once_what_segment_and_search_agree_on(time: FakeTime) -> None:
    intercom = FakeIntercom(**segments(0)).on(SEARCH, NOBODY)
    assert await session(intercom, time).plan(Audience("segments", ["s1"])) == []
    assert intercom.calls() == ["GET /segments", SEARCH]


@pytest.mark.parametrize(
    "audience", [Audience("segments", ["s1"]), Audience("users", [], ["s1"])], ids=["take", "leave out"]
)
async def test_it_plans_nothing_when_search_loses_a_segment(audience: Audience, time: FakeTime) -> None:
    def intercom(request: Any) -> Any:
        if request.method == "GET":
            return one_segment(9) if request.url.path.endswith("s1") else segments(9)["GET /segments"][0]
        return NOBODY if b"segment_id" in request.content else page([ANA])

    with pytest.raises(Retriable) as caught:
        await session(intercom, time).plan(audience)
    assert (caught.value.code, caught.value.message) == (
        "audience_incomplete",
        "Intercom counts 9 people in the segment “Staff”, but shows none of them.",
    )


async def test_it_looks_in_the_list_for_a_count_that_a_segment_does_not_tell(time: FakeTime) -> None:
    intercom = FakeIntercom(**segments(9)).on(SEARCH, NOBODY).on("GET /segments/s1", one_segment(None))
    with pytest.raises(Retriable) as caught:
        await session(intercom, time).plan(Audience("segments", ["s1"]))
    assert caught.value.code == "audience_incomplete"


async def test_it_plans_nothing_for_a_segment_that_was_emptied_meanwhile(time: FakeTime) -> None:
    intercom = FakeIntercom(**segments(9)).on(SEARCH, NOBODY).on("GET /segments/s1", one_segment(0))
    assert await session(intercom, time).plan(Audience("segments", ["s1"])) == []


@pytest.mark.parametrize(
    ("part", "cursor"),
    [
        (Slice("include", 1, "user"), None),
        (Slice("include", 1, "user"), "WzE="),
        (Slice("include", 1, "user", created_from=1_780_000_000), None),
        (Slice("include", 0, "user", changed_since=1_780_000_000), None),
    ],
    ids=["whole", "later page", "cut", "changes"],
)
async def test_it_asks_again_when_a_page_shows_nobody(
    part: Slice, cursor: str | None, time: FakeTime
) -> None:
    intercom = FakeIntercom().on(SEARCH, NOBODY, NOBODY, page([ANA]))
    found = await session(intercom, time).page(part, cursor, [])
    assert ([one.id for one in found.contacts], found.total) == (["c1"], 1)


async def test_it_believes_a_page_that_goes_on_showing_nobody(time: FakeTime) -> None:
    intercom = FakeIntercom().on(SEARCH, NOBODY)
    assert await session(intercom, time).page(Slice("include", 1, "user"), None, []) == Page([], None, 0)
    assert asked(intercom) == 3


async def test_it_never_leaves_nobody_out_because_search_lost_the_segment(time: FakeTime) -> None:
    intercom = FakeIntercom().on(SEARCH, NOBODY).on("GET /segments/s1", one_segment(9))
    with pytest.raises(Retriable) as caught:
        await session(intercom, time).page(Slice("exclude", 9, "user", "s1"), None, [])
    assert caught.value.code == "audience_incomplete"


async def test_it_bears_an_empty_slice_of_a_segment_that_has_others(time: FakeTime) -> None:
    intercom = FakeIntercom().on(SEARCH, NOBODY).on("GET /segments/s1", one_segment(9))
    part = Slice("include", 3, "user", "s1", created_from=1_780_000_000)
    assert await session(intercom, time).page(part, None, []) == Page([], None, 0)


async def test_it_counts_changes_only_where_nobody_was_too_old(time: FakeTime) -> None:
    old = {**ANA, "id": "c2", "updated_at": 1_780_000_000}
    intercom = FakeIntercom().on(SEARCH, page([ANA], 5), page([ANA, old], 5))
    part = Slice("include", 0, "user", changed_since=1_790_000_000)
    open_session = session(intercom, time)
    assert [(await open_session.page(part, None, [])).total for _ in range(2)] == [5, 0]
