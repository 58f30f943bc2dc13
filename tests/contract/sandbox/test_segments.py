"""Segments and their members (docs/reference/intercom.md §4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox.client import Api, refusal, where
from tests.support.sandbox import NOW

DAY = 86_400


def _segments(api: Api) -> dict[tuple[str, str], Any]:
    data = api.get("/segments", include_count="true").json()["segments"]
    return {(s["name"], s["person_type"]): s for s in data}


def _members(api: Api, segment_id: str) -> list[str]:
    answer = api.search(where("segment_id", "=", segment_id), per_page=150).json()
    assert answer["total_count"] == len(answer["data"])
    return sorted(c["id"] for c in answer["data"])


def test_it_has_the_presets_for_users_and_leads(api: Api) -> None:
    """§4.3.2"""
    presets = {(name, kind) for name in ("Active", "New", "Slipping Away") for kind in ("user", "contact")}
    assert set(_segments(api)) >= presets


def test_it_has_an_empty_segment_and_one_by_attribute(api: Api) -> None:
    counts = {name: s["count"] for (name, _), s in _segments(api).items()}
    assert counts["Nobody yet"] == 0
    assert counts["Pro plan"] > 0


def test_it_counts_only_when_asked(api: Api) -> None:
    """§4.2"""
    assert ["count" in s for s in api.get("/segments").json()["segments"]].count(True) == 0


@pytest.mark.parametrize("kind", ["user", "contact"])
@pytest.mark.parametrize("name", ["Active", "New", "Slipping Away"])
def test_it_finds_the_members_it_counts(api: Api, name: str, kind: str) -> None:
    """§4.1"""
    segment = _segments(api)[name, kind]
    members = _members(api, segment["id"])
    assert members == sorted(m["id"] for m in api.control.members(segment["id"]))
    assert len(members) == segment["count"]


def test_it_keeps_leads_out_of_segments_of_users(api: Api) -> None:
    """§4.2"""
    roles = {m["role"] for m in api.control.members(api.control.segment_id("Active", "contact"))}
    assert roles == {"lead"}


def test_it_combines_with_role_and_creation(api: Api) -> None:
    """§4.3.2"""
    active = api.control.segment_id("Active")
    filters = [where("segment_id", "=", active), where("role", "=", "lead")]
    assert api.search({"operator": "AND", "value": filters}).json()["total_count"] == 0


def test_it_tells_the_segments_of_a_contact(api: Api) -> None:
    """§4.2"""
    contact = api.control.add_contact(role="user", created_at=NOW - 5 * DAY, last_seen_at=NOW - DAY)
    data = api.get(f"/contacts/{contact['id']}/segments").json()["data"]
    assert sorted(s["name"] for s in data) == ["Active", "New"]


def test_it_moves_contacts_with_time_alone(api: Api) -> None:
    """§4.3.3: nobody wrote anything, `updated_at` stands still, and yet the contact is elsewhere."""
    contact = api.control.add_contact(role="user", created_at=NOW - 90 * DAY, last_seen_at=NOW - 29 * DAY)
    before = [s["name"] for s in api.get(f"/contacts/{contact['id']}/segments").json()["data"]]
    api.control.advance(2 * DAY)
    after = [s["name"] for s in api.get(f"/contacts/{contact['id']}/segments").json()["data"]]
    api.control.advance(-2 * DAY)
    assert (before, after) == (["Active"], ["Slipping Away"])


def test_it_follows_attributes(api: Api) -> None:
    """§4.3.3"""
    pro = api.control.segment_id("Pro plan")
    user = api.user(email="upgrade@example.com", custom_attributes={"plan": "free"})
    assert user not in _members(api, pro)
    api.put(f"/contacts/{user}", {"custom_attributes": {"plan": "pro"}})
    assert user in _members(api, pro)


def test_it_lets_archived_members_vanish(api: Api) -> None:
    """§4.3.5"""
    contact = api.control.add_contact(role="user", created_at=NOW, last_seen_at=NOW)["id"]
    active = api.control.segment_id("Active")
    assert contact in _members(api, active)
    api.control.archive_contact(contact)
    assert contact not in _members(api, active)


def test_it_evaluates_what_the_index_has_seen(api: Api) -> None:
    """§4.3.9"""
    active = api.control.segment_id("Active")
    api.control.settings(lag=120)
    contact = api.control.add_contact(role="user", created_at=NOW, last_seen_at=NOW)["id"]
    assert contact not in _members(api, active)
    assert contact in [m["id"] for m in api.control.members(active)]
    api.control.settings(lag=0)
    assert contact in _members(api, active)


def test_it_knows_a_deleted_segment_no_more(api: Api) -> None:
    """§4.3.7"""
    rule = {"field": "role", "operator": "=", "value": "user"}
    segment = api.control.add_segment("Short lived", [rule])
    assert api.search(where("segment_id", "=", segment)).json()["total_count"] > 0
    api.control.delete_segment(segment)
    assert refusal(api.get(f"/segments/{segment}")) == (404, "not_found", "Resource Not Found")
    assert api.search(where("segment_id", "=", segment)).json()["total_count"] == 0


def test_it_refuses_an_unknown_segment_when_told_so(api: Api) -> None:
    """§14.1: not established, hence a switch."""
    api.control.settings(unknown_segment="error")
    assert refusal(api.search(where("segment_id", "=", "gone")))[:2] == (400, "parameter_invalid")


@pytest.mark.parametrize("operator", ["!=", "IN", "NIN", "~"])
def test_it_refuses_other_operators(api: Api, operator: str) -> None:
    """§4.3.1"""
    value: Any = ["x"] if "IN" in operator else "x"
    assert refusal(api.search(where("segment_id", operator, value)))[0] == 400
