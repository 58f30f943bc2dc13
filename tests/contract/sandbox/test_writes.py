"""Creating, changing, archiving, deleting, merging contacts (docs/reference/intercom.md §3.5, §3.6)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract.sandbox.client import Api, refusal

NOT_FOUND = (404, "not_found", "User Not Found")


def _attributes(api: Api, contact: str) -> dict[str, Any]:
    attributes: dict[str, Any] = api.get(f"/contacts/{contact}").json()["custom_attributes"]
    return attributes


# who may be whom


def test_it_refuses_a_contact_of_nothing(api: Api) -> None:
    assert refusal(api.post("/contacts", {"name": "Nobody"}))[:2] == (400, "parameter_not_found")


def test_it_refuses_a_second_user_with_one_external_id(api: Api) -> None:
    """§3.5.1"""
    user = api.user(external_id="once")
    message = f"A contact matching those details already exists with id={user}"
    assert refusal(api.post("/contacts", {"external_id": "once"})) == (409, "conflict", message)


def test_it_refuses_a_second_user_with_one_email_in_any_case(api: Api) -> None:
    """§3.5.1"""
    user = api.user(email="twice@example.com")
    answer = refusal(api.post("/contacts", {"email": "Twice@Example.com"}))
    assert answer == (409, "conflict", f"A contact matching those details already exists with id={user}")


def test_it_allows_a_second_user_with_one_email_when_told_so(api: Api) -> None:
    """§14.11: not established, hence a switch."""
    api.control.settings(same_email_create="allow")
    assert api.user(email="pair@example.com") != api.user(email="pair@example.com")


def test_it_names_an_archived_contact_that_holds_the_identifiers(api: Api) -> None:
    """§3.5"""
    user = api.user(email="old@example.com", external_id="old")
    api.post(f"/contacts/{user}/archive")
    message = f"An archived contact matching those details already exists with id={user}"
    for body in ({"email": "old@example.com"}, {"external_id": "old"}):
        assert refusal(api.post("/contacts", body)) == (409, "conflict", message)


def test_it_lets_leads_share_an_email_with_anybody(api: Api) -> None:
    """§3.5.2"""
    ids = {api.user(email="s@example.com"), *(api.lead(email="s@example.com") for _ in range(2))}
    assert len(ids) == 3


def test_it_lets_an_update_share_an_email_between_users(api: Api) -> None:
    """§3.5.1"""
    api.user(email="first@example.com")
    second = api.user(email="second@example.com")
    assert api.put(f"/contacts/{second}", {"email": "first@example.com"}).status_code == 200


def test_it_refuses_an_update_to_anothers_external_id(api: Api) -> None:
    """§3.5"""
    holder, other = api.user(external_id="held"), api.user(email="wants@example.com")
    answer = api.put(f"/contacts/{other}", {"external_id": "held"})
    assert refusal(answer)[2] == f"A contact matching those details already exists with id={holder}"


def test_it_gives_leads_a_uuid_for_whatever_they_bring(api: Api) -> None:
    """§3.5.2"""
    lead = api.lead(external_id="mine")
    external = api.get(f"/contacts/{lead}").json()["external_id"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}", external)


def test_it_turns_a_lead_into_a_user(api: Api) -> None:
    """§3.5.2"""
    lead = api.lead(email="grows@example.com")
    body = api.put(f"/contacts/{lead}", {"role": "user", "external_id": "grown"}).json()
    assert (body["role"], body["external_id"]) == ("user", "grown")


def test_it_never_turns_a_user_into_a_lead(api: Api) -> None:
    """§3.5.2"""
    answer = api.put(f"/contacts/{api.user(external_id='stays')}", {"role": "lead"})
    message = "Contact with user role can't be converted to a lead"
    assert refusal(answer) == (400, "client_error", message)


def test_it_finds_by_external_id(api: Api) -> None:
    """§3.5"""
    user = api.user(external_id="a/b c")
    assert api.get("/contacts/find_by_external_id/a%2Fb%20c").json()["id"] == user
    assert refusal(api.get("/contacts/find_by_external_id/nobody")) == NOT_FOUND


# fields


def test_it_changes_only_what_is_given(api: Api) -> None:
    """§3.5"""
    user = api.user(email="part@example.com", name="Part", phone="+1 2")
    body = api.put(f"/contacts/{user}", {"name": "Whole"}).json()
    assert (body["name"], body["phone"], body["email"]) == ("Whole", "+1 2", "part@example.com")


def test_it_clears_names_to_null_and_emails_to_empty(api: Api) -> None:
    """§3.5"""
    user = api.user(email="clear@example.com", name="Clear")
    body = api.put(f"/contacts/{user}", {"name": None, "email": None}).json()
    assert (body["name"], body["email"]) == (None, "")


def test_it_ignores_a_null_external_id(api: Api) -> None:
    """§3.5"""
    user = api.user(external_id="kept")
    assert api.put(f"/contacts/{user}", {"external_id": None}).json()["external_id"] == "kept"


def test_it_refuses_an_owner_from_elsewhere(api: Api) -> None:
    """§3.5"""
    message = "The owner specified is not a member of the workspace"
    assert refusal(api.put(f"/contacts/{api.lead()}", {"owner_id": "5"})) == (
        400,
        "parameter_invalid",
        message,
    )


def test_it_takes_email_verified_only_with_an_email(api: Api) -> None:
    """§3.5, from 2.16 on"""
    lead = api.lead()
    assert api.put(f"/contacts/{lead}", {"email_verified": True}).status_code == 400
    assert api.put(f"/contacts/{lead}", {"email_verified": True}, "2.15").status_code == 200


# custom attributes


def test_it_merges_custom_attributes_and_keeps_cleared_keys_as_null(api: Api) -> None:
    """§3.5"""
    user = api.user(external_id="cda", custom_attributes={"plan": "pro", "team_size": 3})
    api.put(f"/contacts/{user}", {"custom_attributes": {"plan": None, "lifetime_value": 1.5}})
    assert _attributes(api, user) == {"plan": None, "team_size": 3, "lifetime_value": 1.5}


@pytest.mark.parametrize("name", ["unknown", "old_score"])
def test_it_refuses_the_whole_write_for_an_unknown_or_archived_attribute(api: Api, name: str) -> None:
    """§3.6"""
    lead = api.lead(name="Before")
    answer = api.put(f"/contacts/{lead}", {"name": "After", "custom_attributes": {"plan": "pro", name: 1}})
    assert refusal(answer) == (400, "parameter_invalid", f"Custom attribute '{name}' does not exist")
    assert api.get(f"/contacts/{lead}").json()["name"] == "Before"
    assert _attributes(api, lead) == {}


@pytest.mark.parametrize(
    "values",
    [
        {"plan": 5},
        {"plan": ["a"]},
        {"plan": {"a": 1}},
        {"plan": "x" * 256},
        {"team_size": "5"},
        {"team_size": 1.5},
        {"team_size": True},
        {"lifetime_value": "1"},
        {"newsletter": "yes"},
        {"renewal_date": "2026-01-01"},
        {"favourite_colour": "mauve"},
    ],
)
def test_it_refuses_values_that_do_not_fit(api: Api, values: dict[str, Any]) -> None:
    """§3.6"""
    assert api.put(f"/contacts/{api.lead()}", {"custom_attributes": values}).status_code == 400


def test_it_takes_values_that_fit(api: Api) -> None:
    """§3.6"""
    values = {
        "plan": "x" * 255,
        "team_size": 0,
        "lifetime_value": 2,
        "newsletter": False,
        "renewal_date": 1_597_870_204,
        "favourite_colour": "red",
    }
    lead = api.lead(custom_attributes=values)
    assert _attributes(api, lead) == values


def test_it_truncates_long_texts_when_told_so(api: Api) -> None:
    """§14.4: not established, hence a switch."""
    api.control.settings(long_string="truncate")
    assert _attributes(api, api.lead(custom_attributes={"plan": "x" * 300})) == {"plan": "x" * 255}


def test_it_refuses_null_on_leads_when_told_so(api: Api) -> None:
    """§3.6"""
    api.control.settings(lead_null_attribute="error")
    assert api.put(f"/contacts/{api.lead()}", {"custom_attributes": {"plan": None}}).status_code == 400


def test_it_takes_any_option_when_told_so(api: Api) -> None:
    """§14.4"""
    api.control.settings(list_option="accept")
    values = {"favourite_colour": "mauve"}
    assert _attributes(api, api.lead(custom_attributes=values)) == values


# coming and going


def test_it_hides_the_archived_and_brings_them_back(api: Api) -> None:
    """§3.5"""
    user = api.user(external_id="rests")
    reference = {"id": user, "external_id": "rests", "type": "contact"}
    assert api.post(f"/contacts/{user}/archive").json() == {**reference, "archived": True}
    assert refusal(api.get(f"/contacts/{user}")) == NOT_FOUND
    assert refusal(api.put(f"/contacts/{user}", {})) == NOT_FOUND
    assert api.post(f"/contacts/{user}/unarchive").json() == {**reference, "archived": False}
    assert api.get(f"/contacts/{user}").status_code == 200


def test_it_deletes_for_good_but_keeps_the_identifiers(api: Api) -> None:
    """§3.5"""
    user = api.user(external_id="erased")
    assert api.delete(f"/contacts/{user}").json() == {
        "id": user,
        "external_id": "erased",
        "type": "contact",
        "deleted": True,
    }
    assert refusal(api.get(f"/contacts/{user}")) == NOT_FOUND
    message = "User has been marked for permanent deletion and is not restorable."
    assert refusal(api.post(f"/contacts/{user}/unarchive")) == (400, "bad_request", message)
    message = f"An archived contact matching those details already exists with id={user}"
    assert refusal(api.post("/contacts", {"external_id": "erased"})) == (409, "conflict", message)


def test_it_never_restores_the_blocked(api: Api) -> None:
    """§3.5"""
    user = api.user(external_id="blocked")
    assert api.post(f"/contacts/{user}/block").json()["blocked"] is True
    assert refusal(api.post(f"/contacts/{user}/unarchive"))[:2] == (400, "not_restorable")


# merging


def _pair(api: Api, name: str) -> tuple[str, str]:
    email = f"{name}@pair.example.com"
    return api.lead(email=email.upper(), phone="+1 9"), api.user(email=email, external_id=name)


def test_it_merges_a_lead_into_a_user(api: Api) -> None:
    """§3.5"""
    lead, user = _pair(api, "merge")
    body = api.post("/contacts/merge", {"from": lead, "into": user}).json()
    assert (body["id"], body["phone"], body["email"]) == (user, "+1 9", "merge@pair.example.com")


def test_it_points_from_the_merged_to_the_survivor_from_2_16_on(api: Api) -> None:
    """§3.5"""
    lead, user = _pair(api, "gone")
    api.post("/contacts/merge", {"from": lead, "into": user})
    answer = api.get(f"/contacts/{lead}")
    assert refusal(answer)[:2] == (410, "contact_merged")
    assert answer.headers["link"] == f'</contacts/{user}>; rel="canonical"'
    assert refusal(api.get(f"/contacts/{lead}", "2.15")) == NOT_FOUND


def test_it_follows_merges_over_several_hops(api: Api) -> None:
    """§3.5"""
    ids = [api.lead() for _ in range(3)]
    api.control.merge_contact(ids[0], ids[1])
    api.control.merge_contact(ids[1], ids[2])
    assert api.get(f"/contacts/{ids[0]}").headers["link"] == f'</contacts/{ids[2]}>; rel="canonical"'


def test_it_refuses_to_merge_strangers_unless_told(api: Api) -> None:
    """§3.5"""
    lead, user = api.lead(email="x@stranger.example.com"), api.user(email="y@stranger.example.com")
    body = {"from": lead, "into": user}
    assert refusal(api.post("/contacts/merge", body))[:2] == (400, "invalid_merge")
    assert api.post("/contacts/merge", {**body, "skip_duplicate_validation": True}).status_code == 200


def test_it_merges_only_leads_into_users(api: Api) -> None:
    """§3.5"""
    lead, user = _pair(api, "wrong-way")
    assert refusal(api.post("/contacts/merge", {"from": user, "into": lead}))[:2] == (400, "invalid_merge")


def test_it_pages_the_merge_history_of_users(api: Api) -> None:
    """§3.5"""
    user = api.user(email="many@pair.example.com")
    leads = [api.lead(email="many@pair.example.com") for _ in range(3)]
    for lead in leads:
        api.post("/contacts/merge", {"from": lead, "into": user})
    path = f"/contacts/{user}/merge_history"
    first = api.get(path, per_page=2, order="asc").json()
    assert [m["source_contact_id"] for m in first["data"]] == leads[:2]
    rest = api.get(path, per_page=2, order="asc", cursor=first["next_cursor"]).json()
    assert ([m["source_contact_id"] for m in rest["data"]], rest["has_more"]) == (leads[2:], False)
    assert api.get(path, order="ascending").status_code == 400
    assert api.get(f"/contacts/{api.lead()}/merge_history").status_code == 404
