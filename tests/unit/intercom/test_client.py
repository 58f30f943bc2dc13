"""What becomes of a call when Intercom does not simply answer."""

import logging
import traceback
from typing import Any

import httpx2
import pytest

from passalong.sync.errors import ConfigError, CredentialsError, Fatal, Retriable, SyncError
from passalong.sync.records import Audience, Segment, Slice, Whereabouts
from tests.unit.intercom.fakes import (
    TOKEN,
    Answer,
    FakeIntercom,
    FakeTime,
    answer,
    limited,
    page,
    refused,
    session,
)

pytestmark = pytest.mark.anyio

SEGMENTS = answer(
    {"type": "segment.list", "segments": [{"id": "s1", "name": "Active", "person_type": "user"}]}
)
ACTIVE = [Segment("s1", "Active", "user", None)]
BROKEN: dict[str, Answer] = {
    "500": refused(500, "server_error"),
    "408": answer({}, 408),
    "502 of a gateway": answer(b"<html>Bad gateway</html>", 502),
    "404 of a gateway": answer(b"<html><h1>404 Not Found</h1></html>", 404),
    "403 of a gateway": answer(b"<html>Request blocked</html>", 403),
    "410 of a gateway": answer(b"Gone", 410),
    "404 without a word": answer(b"", 404),
    "404 of a router": answer({"message": None}, 404),
    "400 of a gateway": answer(b"\r\n<html>Bad Request</html>", 400),
    "409 of a gateway": answer(b"<html>", 409),
    "422 of a gateway": answer(b"[]", 422),
    "redirect": answer(b"", 302, location="https://login.example"),
    "empty": answer(b""),
    "not JSON": answer(b"OK"),
    "HTML": answer(b"<html>"),
    "truncated": answer(b'{"type":"segment.list","segments":[{"id":"s1"'),
    "other shape": answer({"type": "list", "data": []}),
    "null": answer(None),
    "connection refused": httpx2.ConnectError("refused"),
    "connection broken": httpx2.RemoteProtocolError("peer closed"),
    "timed out": httpx2.ReadTimeout("slow"),
}


def counted(remaining: str, reset: str) -> httpx2.Response:
    return answer(
        {"segments": []}, x_ratelimit_limit="100", x_ratelimit_remaining=remaining, x_ratelimit_reset=reset
    )


def rejections(error: SyncError) -> tuple[type[SyncError], str]:
    return type(error), error.code


@pytest.mark.parametrize("what", BROKEN)
async def test_it_asks_again_after_a_useless_answer(what: str, time: FakeTime) -> None:
    intercom = FakeIntercom().on("GET /segments", BROKEN[what], BROKEN[what], BROKEN[what], SEGMENTS)
    open_session = session(intercom, time, chance=1.0)
    assert await open_session.segments() == ACTIVE
    assert (open_session.calls, time.naps) == (4, [0.5, 1.0, 2.0])
    assert (open_session.waiting_until, open_session.waiting_code) == (None, None)


@pytest.mark.parametrize("what", BROKEN)
async def test_it_gives_a_person_up_after_four_tries(what: str, time: FakeTime) -> None:
    intercom = FakeIntercom().on("GET /segments", BROKEN[what])
    with pytest.raises(Retriable) as caught:
        await session(intercom, time, interactive=True, chance=1.0).segments()
    assert caught.value.code == "crm_unavailable"
    assert len(intercom.asked) == 4
    assert sum(time.naps) < 10


async def test_it_waits_an_outage_out_in_the_background_and_says_so(time: FakeTime) -> None:
    intercom = FakeIntercom().on("GET /segments", *[BROKEN["500"]] * 9, SEGMENTS)
    open_session = session(intercom, time, chance=1.0)
    shown: list[str | None] = []
    time.watch = lambda: shown.append(open_session.waiting_code)
    assert await open_session.segments() == ACTIVE
    assert time.naps == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert shown == [None] * 3 + ["crm_unavailable"] * 6
    assert (open_session.waiting_until, open_session.waiting_code) == (None, None)


async def test_it_ends_a_run_when_the_outage_outlasts_its_patience(time: FakeTime) -> None:
    began = time.now()
    with pytest.raises(Retriable) as caught:
        await session(
            FakeIntercom().on("GET /segments", BROKEN["500"]), time, patience=60, chance=1.0
        ).segments()
    assert caught.value.code == "crm_unavailable"
    assert 30 <= time.now() - began <= 60


async def test_it_tries_four_times_even_without_patience(time: FakeTime) -> None:
    intercom = FakeIntercom().on("GET /segments", BROKEN["500"])
    with pytest.raises(Retriable):
        await session(intercom, time, patience=0).segments()
    assert len(intercom.asked) == 4


async def test_it_waits_for_the_reset_however_often_it_is_told_to(time: FakeTime) -> None:
    far = [limited(time, 300)] * 6
    open_session = session(FakeIntercom().on("GET /segments", *far, SEGMENTS), time, patience=0, chance=0.5)
    shown: list[Any] = []
    time.watch = lambda: shown.append(
        (open_session.waiting_code, (open_session.waiting_until or 0) > time.now())
    )
    assert await open_session.segments() == ACTIVE
    assert max(time.naps) <= 60.5
    assert set(shown) == {("rate_limited", True)}
    assert open_session.waiting_code is None


async def test_it_waits_at_least_a_second_for_a_reset_that_is_over(time: FakeTime) -> None:
    await session(FakeIntercom().on("GET /segments", limited(time, -5), SEGMENTS), time).segments()
    assert time.naps == [1.0]


async def test_it_backs_off_from_a_429_without_headers(time: FakeTime) -> None:
    bare = [answer({}, 429)] * 3
    await session(FakeIntercom().on("GET /segments", *bare, SEGMENTS), time).segments()
    assert time.naps == [1.0, 2.0, 4.0]


async def test_it_waits_longer_each_time_when_the_reset_is_always_over(time: FakeTime) -> None:
    stale = limited(time, -5)
    await session(FakeIntercom().on("GET /segments", stale, stale, stale, stale, SEGMENTS), time).segments()
    assert time.naps == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("said", "waited"),
    [
        ("7", 7.0),
        ("3600", 60.0),
        ("0", 1.0),
        ("Mon, 21 Sep 2026 14:13:32 GMT", 9.0),  # START + 9
        ("Mon, 21 Sep 2026 14:00:00 GMT", 1.0),
        ("soon", 20.0),
    ],
)
async def test_it_waits_as_long_as_it_is_asked_to(said: str, waited: float, time: FakeTime) -> None:
    busy = limited(time, 20)
    busy.headers["retry-after"] = said
    await session(FakeIntercom().on("GET /segments", busy, SEGMENTS), time).segments()
    assert time.naps[0] == waited


async def test_it_goes_on_within_a_minute_when_the_clock_is_set_back(time: FakeTime) -> None:
    open_session = session(lambda _: counted("0", str(int(time.now()) + 9)), time)
    await open_session.segments()
    time.moment -= 3_600
    began = time.now()
    await open_session.segments()
    assert time.now() - began <= 60


async def test_it_keeps_a_person_no_longer_than_twenty_seconds(time: FakeTime) -> None:
    intercom = FakeIntercom().on("GET /segments", limited(time, 8), limited(time, 300))
    with pytest.raises(Retriable) as caught:
        await session(intercom, time, interactive=True).segments()
    assert caught.value.code == "rate_limited"
    assert caught.value.after == 60.0
    assert time.naps == [8.0]


async def test_it_does_not_run_into_the_limit(time: FakeTime) -> None:
    def intercom(request: httpx2.Request) -> httpx2.Response:
        low = time.now() < 1_790_000_010
        remaining, reset = ("9", "1790000012") if low else ("100", "1790000022")
        return counted(remaining, reset)

    open_session = session(intercom, time)
    for _ in range(2):
        await open_session.segments()
    assert time.naps == [7.0]  # from :03 to the window's end at :10


async def test_it_lets_a_person_into_the_reserve(time: FakeTime) -> None:
    open_session = session(lambda _: counted("9", "1790000012"), time, interactive=True)
    for _ in range(2):
        await open_session.segments()
    assert time.naps == []


async def test_it_tells_a_dead_token(time: FakeTime) -> None:
    dead = refused(401, "unauthorized", "Access Token Invalid")
    intercom = FakeIntercom().on("GET /segments", dead).on("GET /me", dead)
    with pytest.raises(SyncError) as caught:
        await session(intercom, time).segments()
    assert rejections(caught.value) == (CredentialsError, "token_rejected")


@pytest.mark.parametrize("me", [answer(None), refused(403, "forbidden")])
@pytest.mark.parametrize("status", [401, 403])
async def test_it_tells_a_missing_permission_from_a_dead_token(
    me: httpx2.Response, status: int, time: FakeTime
) -> None:
    intercom = FakeIntercom().on("PUT /contacts/c1", refused(status, "token_unauthorized")).on("GET /me", me)
    with pytest.raises(SyncError) as caught:
        await session(intercom, time).write("c1", {"name": "Ana"})
    assert rejections(caught.value) == (ConfigError, "permission_missing")
    assert "Write users and companies" in caught.value.message


async def test_it_tells_a_plan_that_is_too_small(time: FakeTime) -> None:
    intercom = FakeIntercom().on("GET /segments", refused(403, "api_plan_restricted"))
    with pytest.raises(SyncError) as caught:
        await session(intercom, time).segments()
    assert rejections(caught.value) == (ConfigError, "plan_restricted")


@pytest.mark.parametrize("status", [400, 422])
async def test_it_never_repeats_what_was_refused(status: int, time: FakeTime) -> None:
    intercom = FakeIntercom().on("POST /contacts/search", refused(status, "parameter_invalid", "No."))
    with pytest.raises(SyncError) as caught:
        await session(intercom, time).page(Slice("include", 1, "user"), None, [])
    assert isinstance(caught.value, Fatal)
    assert caught.value.code == "crm_refused"
    assert len(intercom.asked) == 1


async def test_it_stops_when_the_same_cursor_comes_again_and_again(time: FakeTime) -> None:
    again = page([{"id": "1"}], total=2, following={"starting_after": "WzE="})
    intercom = FakeIntercom().on("POST /contacts/search", again)
    with pytest.raises(SyncError) as caught:
        await session(intercom, time).page(Slice("include", 2, "user"), "WzE=", [])
    assert rejections(caught.value) == (Fatal, "crm_paging_loop")
    assert len(intercom.asked) == 4


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_it_blames_the_cursor_when_a_later_page_is_refused(status: int, time: FakeTime) -> None:
    intercom = FakeIntercom().on("POST /contacts/search", refused(status, "bad_request", "Ungültig"))
    with pytest.raises(ConfigError) as caught:
        await session(intercom, time).page(Slice("include", 2, "user"), "WzE=", [])
    assert caught.value.code == "cursor_rejected"
    with pytest.raises(ConfigError) as caught:
        await session(intercom, time).having("custom_attributes.plan", "pro", "WzE=", [])
    assert caught.value.code == "cursor_rejected"


async def test_it_does_not_blame_the_cursor_when_the_segment_is_gone(time: FakeTime) -> None:
    intercom = FakeIntercom().on("POST /contacts/search", refused(404, "not_found", "Resource Not Found"))
    intercom.on("GET /segments/s1", refused(404, "not_found", "Resource Not Found"))
    with pytest.raises(ConfigError) as caught:
        await session(intercom, time).page(Slice("include", 2, "user", "s1"), "WzE=", [])
    assert caught.value.code == "segment_not_found"


async def test_it_goes_on_when_a_repeated_cursor_was_a_slip(time: FakeTime) -> None:
    again = page([{"id": "1"}], total=2, following={"starting_after": "WzE="})
    intercom = FakeIntercom().on("POST /contacts/search", again, page([{"id": "2"}]))
    found = await session(intercom, time).page(Slice("include", 2, "user"), "WzE=", [])
    assert [c.id for c in found.contacts] == ["2"]


async def test_it_does_not_take_a_deleted_segment_for_an_empty_one(time: FakeTime) -> None:
    intercom = (
        FakeIntercom().on("POST /contacts/search", page([])).on("GET /segments/s1", refused(404, "not_found"))
    )
    with pytest.raises(SyncError) as caught:
        await session(intercom, time).page(Slice("include", 7, "user", "s1"), None, [])
    assert rejections(caught.value) == (ConfigError, "segment_not_found")


async def test_it_sends_the_pinned_version_and_follows_no_redirect(time: FakeTime) -> None:
    intercom = FakeIntercom().on("GET /segments", SEGMENTS)
    await session(intercom, time).segments()
    headers = intercom.asked[0].headers
    assert (headers["intercom-version"], headers["accept"]) == ("2.16", "application/json")
    assert headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "schlüssel", "  "])
async def test_it_never_sends_a_token_that_cannot_be_one(token: str, time: FakeTime) -> None:
    open_session = session(FakeIntercom(), time, token=token)
    with pytest.raises(CredentialsError):
        await open_session.segments()
    assert open_session.calls == 0


@pytest.mark.parametrize("what", BROKEN)
async def test_it_never_shows_the_token(what: str, time: FakeTime, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SyncError) as caught:
        await session(FakeIntercom().on("GET /segments", BROKEN[what]), time, interactive=True).segments()
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + str(caught.value.as_dict())
    assert TOKEN not in told
    assert caught.value.__cause__ is None or TOKEN not in repr(vars(caught.value.__cause__))


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_it_never_takes_the_word_of_a_gateway_for_a_contact_that_is_gone(
    status: int, time: FakeTime
) -> None:
    gateway = answer(b"<html><h1>Not Found</h1></html>", status)
    person = answer({"type": "contact", "id": "c1", "role": "user"})
    intercom = FakeIntercom().on("GET /contacts/c1", gateway, gateway, person)
    assert await session(intercom, time).whereabouts("c1", Audience("users")) == Whereabouts("member")


@pytest.mark.parametrize("body", [{"status": 400, "error": "There was a problem in the JSON"}, {}])
async def test_it_reads_a_refusal_that_is_no_error_list(body: Any, time: FakeTime) -> None:
    odd = answer(body, 400)
    with pytest.raises(Fatal) as caught:
        await session(FakeIntercom().on("GET /segments", odd), time).segments()
    assert caught.value.code == "crm_refused"


@pytest.mark.parametrize("count", ["many", [1]])
async def test_it_asks_again_for_a_count_that_is_none(count: Any, time: FakeTime) -> None:
    odd = answer({"segments": [{"id": "s1", "count": count}]})
    intercom = FakeIntercom().on("GET /segments", odd, SEGMENTS)
    assert await session(intercom, time).segments() == ACTIVE


async def test_it_follows_segments_over_several_pages(time: FakeTime) -> None:
    following = {"next": "https://api.intercom.io/segments?starting_after=WzE%3D"}
    first = answer({"segments": [{"id": "s0", "name": "Old", "count": 2}], "pages": following})
    intercom = FakeIntercom().on("GET /segments", first, SEGMENTS)
    found = await session(intercom, time).segments()
    assert found == [Segment("s0", "Old", "lead", 2), *ACTIVE]
    assert dict(intercom.asked[1].url.params) == {"include_count": "true", "starting_after": "WzE="}
