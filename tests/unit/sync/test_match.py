"""Who leads, and who gets which address: decisions that no order of arrival can change."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passalong.sync.mapping import InboundRow, Values
from passalong.sync.match import Candidate, Group, decide, settle_emails

ROWS = [InboundRow("name", "first_name"), InboundRow("email", "email")]


def one(key: str, role: str = "user", seen: int | None = None, name: str | None = "N") -> Candidate:
    mapped: Values | None = None if name is None else {"first_name": name, "email": "a@example.com"}
    return Candidate(key, role, seen, mapped)


candidates = st.lists(
    st.builds(
        one,
        st.sampled_from(["c1", "c2", "c3", "c4", "c10"]),
        st.sampled_from(["user", "lead"]),
        st.sampled_from([None, 0, 1, 2]),
        st.sampled_from(["Ann", "Bea", None]),
    ),
    min_size=1,
    unique_by=lambda candidate: candidate.external_id,
)
bases = st.sampled_from(
    [None, {"first_name": "Ann", "email": "a@example.com"}, {"first_name": "", "email": "b"}]
)


@pytest.mark.parametrize(
    ("others", "leader"),
    [
        ([one("c1", "lead", 9), one("c2", "user", 1)], "c2"),
        ([one("c1", "user", 1), one("c2", "user", 2)], "c2"),
        ([one("c1", "user", None), one("c2", "user", 0)], "c2"),
        ([one("c2", "user", 5), one("c1", "user", 5)], "c1"),
        ([one("c2", "lead"), one("c10", "lead")], "c10"),
        ([one("c2"), one("c1", name=None)], "c1"),
    ],
)
def test_it_lets_the_user_then_the_latest_seen_then_the_smallest_id_lead(
    others: list[Candidate], leader: str
) -> None:
    assert decide(ROWS, Group(None, others)).leader == leader


def test_it_creates_one_and_calls_the_others_duplicates() -> None:
    verdict = decide(ROWS, Group(None, [one("c1", name="Ann"), one("c2", name="Bea", seen=1), one("c3")]))

    assert verdict.outcomes == {"c1": "duplicate", "c2": "created", "c3": "duplicate"}
    assert verdict.values == {"first_name": "Bea", "email": "a@example.com"}


@pytest.mark.parametrize(("name", "outcome"), [("Ann", "unchanged"), ("Bea", "updated")])
def test_it_says_whether_somebody_known_changes(name: str, outcome: str) -> None:
    base = {"first_name": "Ann", "email": "a@example.com"}

    assert decide(ROWS, Group(base, [one("c1", name=name)])).outcomes == {"c1": outcome}


def test_it_changes_nothing_when_somebody_leads_who_is_not_here() -> None:
    verdict = decide(ROWS, Group({"first_name": "Ann"}, [one("c1", "lead"), one("c2", name=None)]))

    assert (verdict.outcomes, verdict.values) == ({"c1": "duplicate"}, None)


@given(candidates=candidates, base=bases, data=st.data())
def test_it_decides_the_same_in_any_order(
    candidates: list[Candidate], base: Any, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(candidates))

    assert decide(ROWS, Group(base, shuffled)) == decide(ROWS, Group(base, candidates))


@given(candidates=candidates, base=bases)
def test_it_decides_nothing_new_the_second_time(candidates: list[Candidate], base: Any) -> None:
    first = decide(ROWS, Group(base, candidates))
    after = base if first.values is None else first.values
    again = decide(ROWS, Group(after, candidates))

    if after is not None:
        assert set(again.outcomes.values()) <= {"unchanged", "duplicate"}


HELD = {"A": "a", "B": "b", "C": "c", "D": "d"}


def settled(wishes: dict[str, str]) -> dict[str, str]:
    """Address → who ends with it, for everybody there is."""
    wanted = set(wishes.values())
    holders = {email: who for who, email in HELD.items() if email in wanted}
    ends, waiting = settle_emails(wishes, holders)
    assert waiting == set()
    stay = {email: {who} for who, email in HELD.items() if who not in wishes and email not in ends}
    return {email: "".join(sorted(some)) for email, some in sorted({**stay, **ends}.items())}


@pytest.mark.parametrize(
    ("wishes", "after"),
    [
        ({"A": "x"}, {"b": "B", "c": "C", "d": "D", "x": "A"}),
        ({"A": "b", "B": "c", "C": "x"}, {"b": "A", "c": "B", "d": "D", "x": "C"}),
        ({"A": "b", "B": "a"}, {"a": "B", "b": "A", "c": "C", "d": "D"}),
        ({"A": "b"}, {"b": "AB", "c": "C", "d": "D"}),
        ({"A": "x", "B": "x"}, {"c": "C", "d": "D", "x": "AB"}),
        ({"A": "c", "B": "c"}, {"c": "ABC", "d": "D"}),
        ({"A": "b", "B": "c"}, {"b": "A", "c": "BC", "d": "D"}),
        ({"A": "x", "B": "x", "C": "a"}, {"a": "C", "d": "D", "x": "AB"}),
    ],
)
def test_it_settles_who_is_one_person_by_the_address_they_end_with(
    wishes: dict[str, str], after: dict[str, str]
) -> None:
    assert settled(wishes) == after


@given(wishes=st.dictionaries(st.sampled_from("ABCD"), st.sampled_from("abcdxyz")), data=st.data())
def test_it_settles_the_same_in_any_order_and_loses_nobody(
    wishes: dict[str, str], data: st.DataObject
) -> None:
    wishes = {who: new for who, new in wishes.items() if new != HELD[who]}
    shuffled = dict(data.draw(st.permutations(list(wishes.items()))))

    assert settled(shuffled) == settled(wishes)
    assert sorted("".join(settled(wishes).values())) == ["A", "B", "C", "D"]


@pytest.mark.parametrize(
    ("wishes", "unsure", "waiting"),
    [
        ({"A": "b"}, "B", "A"),
        ({"A": "b", "B": "x"}, "B", ""),
        ({"A": "b", "C": "a"}, "B", "AC"),
        ({"A": "b", "C": "b"}, "B", "AC"),
        ({"A": "c", "B": "c"}, "D", ""),
    ],
)
def test_it_waits_for_an_address_of_which_nobody_knows_whose_it_is_now(
    wishes: dict[str, str], unsure: str, waiting: str
) -> None:
    ends, kept = settle_emails(wishes, {email: who for who, email in HELD.items()}, set(unsure))

    assert "".join(sorted(kept)) == waiting
    assert not {one for some in ends.values() for one in some} & kept
