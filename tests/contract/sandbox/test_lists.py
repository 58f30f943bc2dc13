"""`GET /contacts` and one contact by id (docs/reference/intercom.md §3.1, §3.2)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.contract.sandbox.client import Api, refusal

BAD_CURSOR = (
    "Invalid starting_after param. Please try again using a starting_after value from a paginated response"
)


def _walk(api: Api, per_page: int) -> list[dict[str, Any]]:
    walked: list[dict[str, Any]] = []
    query: dict[str, Any] = {"per_page": per_page}
    while True:
        page = api.get("/contacts", **query).json()
        walked += page["data"]
        following = page["pages"].get("next")
        if following is None:
            return walked
        query = {"per_page": per_page, "starting_after": following["starting_after"]}


def test_it_shows_ten_by_default(api: Api) -> None:
    """§3.2"""
    page = api.get("/contacts").json()
    assert (len(page["data"]), page["pages"]["per_page"]) == (10, 10)


def test_it_refuses_more_than_150_a_page(api: Api) -> None:
    """§3.2"""
    answer = api.get("/contacts", per_page=151)
    assert refusal(answer) == (400, "parameter_invalid", "Per Page is too big")


def test_it_lists_the_last_seen_first_and_the_never_seen_last(api: Api) -> None:
    """§3.2"""
    seen = [c["last_seen_at"] for c in _walk(api, 7)]
    assert seen == sorted(seen, key=lambda at: -(at or 0))
    assert seen[-1] is None


def test_it_walks_everybody_once(api: Api) -> None:
    """§3.2"""
    ids = [c["id"] for c in _walk(api, 7)]
    listed = [c["id"] for c in api.control.dump() if c["sandbox"]["status"] == "active"]
    assert sorted(ids) == sorted(listed)


def test_it_makes_cursors_of_milliseconds_id_and_next_page(api: Api) -> None:
    """§3.2"""
    page = api.get("/contacts", per_page=3).json()
    last, following = page["data"][-1], page["pages"]["next"]
    cursor = json.loads(base64.b64decode(following["starting_after"]))
    assert cursor == [last["last_seen_at"] * 1000, last["id"], 2]
    assert following["page"] == 2


def test_it_puts_minus_one_into_the_cursor_of_a_contact_never_seen(api: Api) -> None:
    """§3.2"""
    never = sum(1 for c in _walk(api, 150) if c["last_seen_at"] is None)
    size = len(_walk(api, 150)) - never + 1
    cursor = api.get("/contacts", per_page=size).json()["pages"]["next"]["starting_after"]
    assert json.loads(base64.b64decode(cursor))[0] == -1


def test_it_leaves_next_out_on_the_last_page(api: Api) -> None:
    """§3.2"""
    assert "next" not in api.get("/contacts", per_page=150).json()["pages"]


@pytest.mark.parametrize("cursor", ["nonsense", "6643703ffae7834d1792fd30", "W10="])
def test_it_refuses_a_wrong_cursor(api: Api, cursor: str) -> None:
    """§3.2"""
    assert refusal(api.get("/contacts", starting_after=cursor)) == (400, "client_error", BAD_CURSOR)


def test_it_fails_on_an_empty_cursor(api: Api) -> None:
    """§3.2"""
    assert refusal(api.get("/contacts?starting_after="))[:2] == (500, "server_error")


def test_it_misses_a_contact_that_was_seen_in_between(api: Api) -> None:
    """§3.2: the order is by last activity, so contacts move while they are read."""
    first = api.get("/contacts", per_page=2).json()
    _, _, third = api.get("/contacts", per_page=3).json()["data"]
    api.control.patch_contact(third["id"], last_seen_at=first["data"][0]["last_seen_at"] + 5)
    cursor = first["pages"]["next"]["starting_after"]
    rest = api.get("/contacts", per_page=150, starting_after=cursor).json()["data"]
    assert third["id"] not in [c["id"] for c in rest]  # it moved to a page read before: missed


def test_it_gives_ids_that_start_with_the_second_of_creation(api: Api) -> None:
    """§3.1"""
    assert all(int(c["id"][:8], 16) == c["created_at"] for c in _walk(api, 150))


def test_it_shows_at_most_ten_tags_of_a_contact(api: Api) -> None:
    """§3.1"""
    many = next(c for c in _walk(api, 150) if c["tags"]["total_count"] > 10)
    assert (len(many["tags"]["data"]), many["tags"]["has_more"]) == (10, True)
    assert len(api.get(many["tags"]["url"]).json()["data"]) == many["tags"]["total_count"]


def test_it_has_no_segments_on_a_contact(api: Api) -> None:
    """§3.1"""
    assert "segments" not in api.get("/contacts").json()["data"][0]


def test_it_adds_the_merge_history_of_users_when_asked(api: Api) -> None:
    """§3.2"""
    user = api.user(email="both@merge.example.com")
    lead = api.lead(email="both@merge.example.com")
    api.post("/contacts/merge", {"from": lead, "into": user})
    contact = api.get(f"/contacts/{user}", include_merge_history="true").json()
    assert [m["source_contact_id"] for m in contact["merge_history"]] == [lead]
    assert "merge_history" not in api.get(f"/contacts/{user}").json()
