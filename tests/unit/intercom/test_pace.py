"""The rate budget: nobody runs into the limit, and a person goes first."""

import asyncio
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passalong.integrations.intercom import pace
from passalong.integrations.intercom.pace import Budget, Rate
from tests.unit.intercom.fakes import START, FakeTime

HEADERS = {"x-ratelimit-limit": "167", "x-ratelimit-remaining": "20", "x-ratelimit-reset": "1790000012"}


def test_it_reads_the_headers() -> None:
    assert pace.rate(HEADERS, START) == Rate(167, 20, 1_790_000_012.0, True)


@pytest.mark.parametrize(
    "broken", [{}, {**HEADERS, "x-ratelimit-limit": "many"}, {**HEADERS, "x-ratelimit-limit": "0"}]
)
def test_it_takes_senseless_headers_as_none(broken: dict[str, str]) -> None:
    assert pace.rate(broken, START) is None


def test_it_corrects_a_clock_that_goes_wrong() -> None:
    ahead = {**HEADERS, "date": "Mon, 21 Sep 2026 14:13:23 GMT"}  # 1_790_000_003
    assert pace.rate(ahead, START - 100) == Rate(167, 20, 1_789_999_912.0, True)


def test_it_goes_freely_without_headers(time: FakeTime) -> None:
    budget = Budget(time.now)
    budget.heard(None, time.now())
    assert budget.opens_at() is None


def test_it_holds_back_at_the_reserve_until_the_window_ends(time: FakeTime) -> None:
    budget = Budget(time.now)
    budget.heard(Rate(100, 11, 1_790_000_012.0, True), time.now())
    assert budget.opens_at() is None
    budget.heard(Rate(100, 10, 1_790_000_012.0, True), time.now())
    assert budget.opens_at() == 1_790_000_010.0  # Reset is two seconds late
    time.moment = 1_790_000_010.0
    assert budget.opens_at() is None


def test_it_counts_calls_that_are_under_way(time: FakeTime) -> None:
    budget = Budget(time.now)
    budget.heard(Rate(100, 13, 1_790_000_012.0, True), time.now())
    for _ in range(3):
        budget.acquire_at_once()
    assert budget.opens_at() == 1_790_000_010.0


def test_it_waits_for_the_whole_reset_once_the_windows_prove_to_be_different(time: FakeTime) -> None:
    budget = Budget(time.now)
    budget.heard(Rate(100, 5, 1_790_000_012.0, True), time.now())
    time.moment = 1_790_000_010.5
    budget.heard(Rate(100, 4, 1_790_000_012.0, True), time.now())
    assert budget.opens_at() == 1_790_000_012.0


def test_it_is_not_confused_by_a_late_answer(time: FakeTime) -> None:
    budget = Budget(time.now)
    budget.heard(Rate(100, 100, 1_790_000_022.0, True), time.now())
    budget.heard(Rate(100, 2, 1_790_000_012.0, True), time.now())
    assert budget.opens_at() is None


def test_it_never_waits_longer_than_a_minute(time: FakeTime) -> None:
    budget = Budget(time.now)
    budget.heard(Rate(100, 0, START + 9_999, False), time.now())
    assert budget.opens_at() == START + 60


def test_it_forgets_a_window_that_a_clock_set_back_moves_far_away(time: FakeTime) -> None:
    budget = Budget(time.now)
    budget.heard(Rate(100, 0, START + 9, False), time.now())
    time.moment -= 3_600
    assert budget.opens_at() is None


def test_it_measures_patience_by_a_clock_that_is_never_set() -> None:
    before = monotonic()
    assert before <= pace.Clock().ticks() <= monotonic()


def test_it_halves_once_for_calls_that_were_under_way_together(time: FakeTime) -> None:
    budget = Budget(time.now)
    began = time.now()
    time.moment += 1
    for _ in range(5):
        budget.strained(began)
    assert budget.allowed == 4
    budget.strained(time.now())
    assert budget.allowed == 2


def test_it_always_lets_two_calls_go_so_that_a_hanging_one_holds_nobody_up(time: FakeTime) -> None:
    budget = Budget(time.now)
    for _ in range(9):
        budget.strained(time.now())
        time.moment += 1
    assert budget.allowed == 2


def test_it_adds_one_for_every_quiet_window_up_to_sixteen(time: FakeTime) -> None:
    budget, allowed = Budget(time.now), []
    for _ in range(10):
        time.moment += 10
        budget.heard(None, time.now())
        allowed.append(budget.allowed)
    assert allowed == [9, 10, 11, 12, 13, 14, 15, 16, 16, 16]


@pytest.mark.anyio
async def test_it_lets_no_more_in_than_allowed_and_the_next_in_turn(time: FakeTime) -> None:
    budget = Budget(time.now)
    for _ in range(8):
        await budget.acquire()
    waiting = [asyncio.create_task(budget.acquire()) for _ in range(2)]
    await asyncio.sleep(0)
    assert [w.done() for w in waiting] == [False, False]
    budget.release()
    await waiting[0]
    assert (waiting[1].done(), budget.in_flight) == (False, 8)
    waiting[1].cancel()


@pytest.mark.anyio
async def test_it_gives_back_the_place_of_a_cancelled_waiter(time: FakeTime) -> None:
    budget = Budget(time.now)
    for _ in range(8):
        await budget.acquire()
    waiting = asyncio.create_task(budget.acquire())
    await asyncio.sleep(0)
    budget.release()  # granted …
    waiting.cancel()  # … and cancelled before it could go on
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0)
    assert budget.in_flight == 7


@pytest.mark.anyio
async def test_it_forgets_waiters_whose_event_loop_is_gone(time: FakeTime) -> None:
    budget = Budget(time.now)
    for _ in range(8):
        budget.acquire_at_once()

    def abandoned() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(budget.acquire())
        loop.run_until_complete(asyncio.sleep(0))
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()

    await asyncio.to_thread(abandoned)
    live = asyncio.create_task(budget.acquire())
    await asyncio.sleep(0)
    budget.release()
    await asyncio.wait_for(live, 1)
    assert budget.in_flight == 8


def test_it_shares_one_budget_by_host_and_token(time: FakeTime) -> None:
    one = pace.shared("https://api.intercom.io", "a", time.now)
    assert pace.shared("https://api.intercom.io", "a", time.now) is one
    assert pace.shared("https://api.intercom.io", "b", time.now) is not one
    assert pace.shared("https://api.eu.intercom.io", "a", time.now) is not one


rates = st.builds(
    Rate,
    limit=st.integers(1, 2_000),
    remaining=st.integers(-5, 2_000),
    reset=st.floats(START - 10_000, START + 10_000),
    aligned=st.booleans(),
)


@given(st.lists(st.tuples(st.none() | rates, st.floats(0, 30), st.booleans())))
def test_it_always_opens_again_within_a_minute(heard: list[tuple[Rate | None, float, bool]]) -> None:
    time = FakeTime()
    budget = Budget(time.now)
    for rate, passed, strained in heard:
        budget.heard(rate, time.now())
        if strained:
            budget.strained(time.now())
        time.moment += passed
        opens = budget.opens_at()
        assert opens is None or time.now() < opens <= time.now() + 60
        assert 2 <= budget.allowed <= 16
