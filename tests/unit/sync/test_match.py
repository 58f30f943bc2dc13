"""Who leads, and who gets which address: decisions that no order of arrival can change."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passalong.sync.mapping import InboundRow, Values
from passalong.sync.match import Candidate, EmailChange, Group, decide, settle_emails

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


def settled(wishes: dict[str, str], held: dict[str, str]) -> tuple[dict[str, str], set[str]]:
    """Who holds which address afterwards, and who was refused. `held`: referrer → address."""
    changes = [EmailChange(key, who, new) for key, (who, new) in enumerate(wishes.items())]
    wanted = set(wishes.values())
    holders = {email: who for who, email in held.items() if email in wanted}
    done, refused = settle_emails(changes, holders, {who: held[who] for who in wishes})
    after = dict(held)
    for change in done:
        assert change.new not in after.values()
        after[change.referrer] = change.new
    assert len(done) + len(refused) == len(changes)
    return after, {change.referrer for change in refused}


@pytest.mark.parametrize(
    ("wishes", "after", "refused"),
    [
        ({"A": "x"}, {"A": "x", "B": "b", "C": "c"}, set()),
        ({"A": "b", "B": "c", "C": "x"}, {"A": "b", "B": "c", "C": "x"}, set()),
        ({"C": "x", "B": "c", "A": "b"}, {"A": "b", "B": "c", "C": "x"}, set()),
        ({"A": "b", "B": "a"}, {"A": "a", "B": "b", "C": "c"}, {"A", "B"}),
        ({"A": "b", "B": "c", "C": "a"}, {"A": "a", "B": "b", "C": "c"}, {"A", "B", "C"}),
        ({"A": "x", "B": "x"}, {"A": "a", "B": "b", "C": "c"}, {"A", "B"}),
        ({"A": "x", "B": "x", "C": "a"}, {"A": "a", "B": "b", "C": "c"}, {"A", "B", "C"}),
        ({"A": "b"}, {"A": "a", "B": "b", "C": "c"}, {"A"}),
    ],
)
def test_it_settles_who_gets_which_address(
    wishes: dict[str, str], after: dict[str, str], refused: set[str]
) -> None:
    assert settled(wishes, {"A": "a", "B": "b", "C": "c"}) == (after, refused)


@given(
    wishes=st.dictionaries(st.sampled_from("ABCDEF"), st.sampled_from("abcdefxyz")),
    data=st.data(),
)
def test_it_never_gives_one_address_to_two_whatever_the_order(
    wishes: dict[str, str], data: st.DataObject
) -> None:
    held = {who: who.lower() for who in "ABCDEF"}
    wishes = {who: new for who, new in wishes.items() if new != held[who]}
    shuffled = dict(data.draw(st.permutations(list(wishes.items()))))

    after, refused = settled(wishes, held)

    assert len(set(after.values())) == len(after)
    assert settled(shuffled, held) == (after, refused)
    assert all(after[who] == (held[who] if who in refused else new) for who, new in wishes.items())
