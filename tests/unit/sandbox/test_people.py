"""The generated people: as awkward as real ones, and meaningful for the segments."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from passalong.sandbox.intercom.contact import Contact
from passalong.sandbox.intercom.people import populate
from passalong.sandbox.intercom.state import Workspace

NOW = 1_790_000_000


@pytest.fixture(scope="module")
def space() -> Workspace:
    made = Workspace(seed=1, now=NOW)
    populate(made, 500)
    return made


def _listed(space: Workspace) -> list[Contact]:
    return list(space.index.docs.values())


@pytest.mark.parametrize("count", [0, 1, 10, 50, 51, 500])
def test_it_makes_exactly_as_many_as_asked(count: int) -> None:
    made = Workspace(seed=1, now=NOW)
    populate(made, count)
    assert len(made.index.docs) == count


def test_it_adds_some_that_no_list_shows(space: Workspace) -> None:
    assert set(space.status.values()) == {"archived", "merged", "blocked", "deleted"}


def test_it_has_leads_without_email(space: Workspace) -> None:
    assert any(c.role == "lead" and c.email is None for c in _listed(space))


def test_it_has_one_email_in_several_contacts_and_cases(space: Workspace) -> None:
    pairs = set()
    for email, ids in space.by_email.items():
        if email.strip():
            roles = sorted(space.contacts[i].role for i in ids if i not in space.status)
            pairs |= {(a, b) for n, a in enumerate(roles) for b in roles[n + 1 :]}
    assert pairs == {("lead", "lead"), ("lead", "user"), ("user", "user")}


def test_it_has_ties_in_created_at(space: Workspace) -> None:
    assert max(Counter(c.created_at for c in _listed(space)).values()) > 5


def test_it_has_more_ties_than_a_page_among_many() -> None:
    made = Workspace(seed=1, now=NOW)
    populate(made, 10_000)
    assert max(Counter(c.created_at for c in _listed(made)).values()) > 150


def test_it_uses_example_domains_only(space: Workspace) -> None:
    domains = {c.email_domain for c in space.contacts.values() if c.email_domain}
    strange = {d for d in domains if not re.fullmatch(r"(.+\.)?example(\.(com|org|net))?", d)}
    assert strange <= {d for d in domains if " " in d or "." not in d}


@pytest.mark.parametrize(
    "name", ["דוד כהן", "李小龙", "🦄 Party 🎉", "Cher", None, "<script>alert(1)</script>"]
)
def test_it_has_awkward_names(space: Workspace, name: str | None) -> None:
    assert name in {c.name for c in _listed(space)}


@pytest.mark.parametrize("email", ["foo@", "a b@c.example.com", "no-at-sign", " ana@x.example.com "])
def test_it_has_awkward_emails(space: Workspace, email: str) -> None:
    assert email in {c.email for c in _listed(space)}


@pytest.mark.parametrize("flag", ["unsubscribed_from_emails", "has_hard_bounced", "marked_email_as_spam"])
def test_it_has_people_for_each_policy(space: Workspace, flag: str) -> None:
    assert any(getattr(c, flag) for c in _listed(space))


def test_it_fills_every_segment_but_one(space: Workspace) -> None:
    empty = [s.name for s in space.segments.by_id.values() if not space.segments.members(s)]
    assert empty == ["Nobody yet"]


def test_it_leaves_some_attributes_unused(space: Workspace) -> None:
    used = {name for c in space.contacts.values() for name in c.custom_attributes}
    assert {a.name for a in space.attributes.by_id.values()} - used >= {"Never Set", "Beta Tester"}


def test_it_never_sees_anybody_before_they_were_made(space: Workspace) -> None:
    assert all(c.last_seen_at is None or c.last_seen_at >= c.created_at for c in space.contacts.values())


def test_it_gives_every_contact_its_own_id(space: Workspace) -> None:
    assert all(re.fullmatch("[0-9a-f]{24}", i) for i in space.contacts)
