"""`POST /contacts/search`: filters, sorts, pages, refusals (docs/reference/intercom.md §3.3, §3.4)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.contract.sandbox.client import Api, refusal, where

MARK = ("custom_attributes.plan", "=", "search-test")
OLDEST_FIRST = {"field": "created_at", "order": "ascending"}


@pytest.fixture(autouse=True)
def people(api: Api) -> Any:
    """Four people of our own, who can be told from the rest by their plan."""
    made: list[dict[str, Any]] = [
        {"name": "alice", "email": "Alice@search.example.com", "role": "user", "phone": "+1 1"},
        {"name": "bob", "email": "bob@search.example.com", "role": "lead", "has_hard_bounced": True},
        {"name": "charlie", "email": "", "role": "user", "last_seen_at": 1_700_000_000},
        {"name": "dan", "email": None, "role": "lead"},
    ]
    sizes = [3, 10, None, 25]
    ids = []
    for number, (fields, size) in enumerate(zip(made, sizes, strict=True)):
        attributes = {"plan": "search-test", **({} if size is None else {"team_size": size})}
        contact = api.control.add_contact(
            **fields, created_at=1_600_000_000 + number // 2, custom_attributes=attributes
        )
        ids.append(contact["id"])
    yield ids
    for contact_id in ids:
        api.control.delete_contact(contact_id)


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        (("name", "=", "bob"), ["bob"]),
        (("name", "!=", "bob"), ["alice", "charlie", "dan"]),
        (("name", "IN", ["bob", "dan"]), ["bob", "dan"]),
        (("name", "NIN", ["bob", "dan"]), ["alice", "charlie"]),
        (("name", "~", "li"), ["alice", "charlie"]),
        (("name", "!~", "li"), ["bob", "dan"]),
        (("name", "^", "c"), ["charlie"]),
        (("name", "$", "n"), ["dan"]),
        (("email", "=", "ALICE@search.EXAMPLE.com"), ["alice"]),
        (("email", "=", None), ["charlie", "dan"]),
        (("role", "=", "lead"), ["bob", "dan"]),
        (("has_hard_bounced", "=", True), ["bob"]),
        (("has_hard_bounced", "!=", "true"), ["alice", "charlie", "dan"]),
        (("custom_attributes.team_size", ">", 3), ["bob", "dan"]),
        (("custom_attributes.team_size", "<=", "10"), ["alice", "bob"]),
        (("custom_attributes.team_size", "IN", [3, 25]), ["alice", "dan"]),
        (("formatted_phone", "=", "+1 1"), ["alice"]),
        (("last_seen_at", ">", 1_700_000_000_000), []),
    ],
)
def test_it_filters(api: Api, condition: tuple[str, str, Any], names: list[str]) -> None:
    """§3.3; emails without case (§13), milliseconds silently find nothing."""
    assert api.found(MARK, condition) == names


def test_it_takes_one_filter_without_a_group(api: Api) -> None:
    """§3.3"""
    assert api.search(where("name", "=", "charlie")).json()["total_count"] >= 1


def test_it_nests_groups_two_levels_deep(api: Api) -> None:
    """§3.3"""
    either = {"operator": "OR", "value": [where("name", "=", "bob"), where("name", "=", "dan")]}
    query = {"operator": "AND", "value": [where(*MARK), either]}
    assert api.search(query).json()["total_count"] == 2


def _group(value: Any) -> dict[str, Any]:
    return {"operator": "AND", "value": value}


BOB = where("name", "=", "bob")


@pytest.mark.parametrize(
    "query",
    [
        _group([BOB] * 16),
        _group([_group([_group([BOB])])]),
        _group([]),
        where("tag_id", "IN", ["1"]),
        where("tag_id", "~", "1"),
        where("name", "IN", "bob"),
        where("name", ">", "bob"),
        where("has_hard_bounced", "=", "maybe"),
        where("created_at", ">=", 1_600_000_000),
        where("created_at", "!=", 1_600_000_000),
        where("created_at", "IN", [1_600_000_000]),
        where("created_at", ">", "yesterday"),
        where("segment_id", "IN", ["1"]),
        where("no_such_field", "=", 1),
        where("custom_attributes.no_such", "=", 1),
        None,
    ],
)
def test_it_refuses_a_wrong_query(api: Api, query: Any) -> None:
    """§3.3"""
    assert api.search(query).status_code == 400


def test_it_names_an_unknown_field(api: Api) -> None:
    """§3.3"""
    answer = api.search(where("shoe_size", "=", 1))
    assert refusal(answer) == (400, "invalid_field", "shoe_size is not a valid search field")


def test_it_fails_on_a_groups_operator_at_a_single_filter(api: Api) -> None:
    """§3.3"""
    assert refusal(api.search(where("name", "AND", "bob")))[:2] == (500, "server_error")


def test_it_takes_15_filters_in_a_group(api: Api) -> None:
    """§3.3"""
    assert api.search(_group([BOB] * 15)).status_code == 200


def test_it_shows_50_by_default(api: Api) -> None:
    """§3.3"""
    page = api.search(where("created_at", ">", 0)).json()
    assert (len(page["data"]), page["pages"]["per_page"]) == (50, 50)


def test_it_refuses_or_clamps_more_than_150(api: Api) -> None:
    """§14.2: not established, hence a switch."""
    assert refusal(api.search(BOB, per_page=151)) == (400, "parameter_invalid", "Per Page is too big")
    api.control.settings(search_page_too_big="clamp")
    assert api.search(BOB, per_page=151).json()["pages"]["per_page"] == 150


def test_it_answers_an_empty_search_with_page_1_of_0(api: Api) -> None:
    """§13"""
    assert api.search(where("name", "=", "nobody at all")).json() == {
        "type": "list",
        "data": [],
        "total_count": 0,
        "pages": {"type": "pages", "page": 1, "per_page": 50, "total_pages": 0},
    }


def test_it_sorts_and_breaks_ties_by_id(api: Api) -> None:
    """§3.4"""
    data = api.search(where(*MARK), sort=OLDEST_FIRST).json()["data"]
    keys = [(c["created_at"], c["id"]) for c in data]
    assert keys == sorted(keys)
    assert len({c["created_at"] for c in data}) == 2


def test_it_sorts_descending_with_nulls_last(api: Api) -> None:
    """§3.3"""
    sort = {"field": "last_seen_at", "order": "descending"}
    assert api.search(where(*MARK), sort=sort).json()["data"][0]["name"] == "charlie"


@pytest.mark.parametrize(
    ("sort", "code"),
    [
        ({"field": "created_at", "order": "desc"}, "invalid_sort_order"),
        ('{"field": "created_at"}', "parameter_invalid"),
        ({"field": "no_such_field"}, "invalid_field"),
    ],
)
def test_it_refuses_a_wrong_sort(api: Api, sort: Any, code: str) -> None:
    """§3.3"""
    assert refusal(api.search(BOB, sort=sort))[:2] == (400, code)


def test_it_words_a_wrong_sort_order(api: Api) -> None:
    """§3.3"""
    answer = api.search(BOB, sort={"field": "name", "order": "desc"})
    assert refusal(answer)[2] == "Invalid sort order 'desc'. Must be one of: ascending, descending"


def _cursor(api: Api, sort: Any = OLDEST_FIRST, per_page: int = 2) -> str:
    cursor = api.search(where(*MARK), sort=sort, per_page=per_page).json()["pages"]["next"]["starting_after"]
    return str(cursor)


def test_it_goes_on_behind_the_cursor(api: Api, people: list[str]) -> None:
    """§3.4"""
    page = api.search(where(*MARK), sort=OLDEST_FIRST, per_page=2, starting_after=_cursor(api)).json()
    assert sorted(c["id"] for c in page["data"]) == sorted(people[2:])
    assert (page["pages"]["page"], page["total_count"]) == (2, 4)


def test_it_makes_cursors_of_the_sort_value(api: Api) -> None:
    """§13"""
    value, _, page = json.loads(base64.b64decode(_cursor(api)))
    assert (value, page) == (1_600_000_000_000, 2)
    by_name = _cursor(api, {"field": "name", "order": "ascending"})
    assert json.loads(base64.b64decode(by_name))[0] == "bob"


def test_it_fails_when_the_sort_changes_between_pages(api: Api) -> None:
    """§3.3"""
    cursor = _cursor(api)
    assert refusal(api.search(where(*MARK), starting_after=cursor))[:2] == (500, "server_error")
    other = {"field": "updated_at", "order": "ascending"}
    assert api.search(where(*MARK), sort=other, starting_after=cursor).status_code == 500


@pytest.mark.parametrize("cursor", [None, "nonsense"])
def test_it_refuses_a_wrong_cursor(api: Api, cursor: Any) -> None:
    """§3.2, §10.5"""
    assert refusal(api.search(BOB, starting_after=cursor))[:2] == (400, "client_error")


def test_it_ignores_a_page_number(api: Api) -> None:
    """§3.3"""
    assert api.search(where(*MARK), page=2).json()["pages"]["page"] == 1


def test_it_repeats_a_contact_whose_sort_value_moved_on(api: Api, people: list[str]) -> None:
    """§3.4"""
    sort = {"field": "updated_at", "order": "ascending"}
    first = api.search(where(*MARK), sort=sort, per_page=2).json()
    moved = first["data"][0]["id"]
    api.control.patch_contact(moved, updated_at=1_700_000_000)
    cursor = first["pages"]["next"]["starting_after"]
    second = api.search(where(*MARK), sort=sort, per_page=2, starting_after=cursor).json()
    third = second["pages"]["next"]["starting_after"]
    rest = api.search(where(*MARK), sort=sort, per_page=2, starting_after=third).json()["data"]
    assert [c["id"] for c in rest] == [moved]


def test_it_skips_nobody_when_a_contact_leaves_the_result(api: Api, people: list[str]) -> None:
    """§3.4: the cursor is a value, not an offset."""
    first = api.search(where(*MARK), sort=OLDEST_FIRST, per_page=2).json()
    api.control.archive_contact(first["data"][0]["id"])
    cursor = first["pages"]["next"]["starting_after"]
    page = api.search(where(*MARK), sort=OLDEST_FIRST, starting_after=cursor).json()
    assert (len(page["data"]), page["total_count"]) == (2, 3)


@pytest.mark.parametrize("gone", ["archive", "delete"])
def test_it_does_not_find_who_is_gone(api: Api, gone: str, people: list[str]) -> None:
    """§3.2"""
    getattr(api.control, f"{gone}_contact")(people[1])
    assert api.found(MARK) == ["alice", "charlie", "dan"]


def test_it_does_not_find_the_blocked_or_merged(api: Api, people: list[str]) -> None:
    """§3.2"""
    alice, bob, _, dan = people
    api.post(f"/contacts/{dan}/block")
    api.control.merge_contact(bob, alice)
    assert api.found(MARK) == ["alice", "charlie"]


def test_it_sees_writes_only_after_the_lag(api: Api, people: list[str]) -> None:
    """§3.4"""
    api.control.settings(lag=180)
    api.put(f"/contacts/{people[0]}", {"name": "alicia"})
    assert api.get(f"/contacts/{people[0]}").json()["name"] == "alicia"
    assert api.found(MARK) == ["alice", "bob", "charlie", "dan"]
    api.control.advance(181)
    assert api.found(MARK) == ["alicia", "bob", "charlie", "dan"]


def test_it_shows_a_cleared_email_as_null_in_searches_and_as_empty_by_id(api: Api, people: list[str]) -> None:
    """§3.1"""
    found = api.search(_group([where(*MARK), where("name", "=", "charlie")])).json()["data"][0]
    assert found["email"] is None
    assert api.get(f"/contacts/{found['id']}").json()["email"] == ""


def test_it_finds_by_tag(api: Api, people: list[str]) -> None:
    """§3.3"""
    tag = api.post("/tags", {"name": "searched"}).json()["id"]
    api.post(f"/contacts/{people[3]}/tags", {"id": tag})
    assert api.found(MARK, ("tag_id", "=", tag)) == ["dan"]
    assert api.found(MARK, ("tag_id", "!=", tag)) == ["alice", "bob", "charlie"]
