"""Data attributes (docs/reference/intercom.md §5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox.client import Api, refusal

NAME = "Your name for this attribute must only contain alphanumeric characters, currency symbols, and hyphens"


def _create(api: Api, name: str, **fields: Any) -> Any:
    return api.post("/data_attributes", {"name": name, "model": "contact", "data_type": "string", **fields})


def _message(api: Api, name: str, **fields: Any) -> str:
    status, code, message = refusal(_create(api, name, **fields))
    assert (status, code) == (400, "parameter_invalid")
    return str(message)


def _named(api: Api, **query: Any) -> dict[str, Any]:
    return {a["full_name"]: a for a in api.get("/data_attributes", model="contact", **query).json()["data"]}


def test_it_creates_and_lists_an_attribute(api: Api) -> None:
    body = _create(api, "Referral Link").json()
    assert (body["full_name"], body["api_writable"]) == ("custom_attributes.Referral Link", True)
    assert _named(api)["custom_attributes.Referral Link"]["id"] == body["id"]


def test_it_gives_built_in_attributes_no_id(api: Api) -> None:
    built_in = _named(api)["email"]
    assert ("id" in built_in, built_in["api_writable"], built_in["custom"]) == (False, True, False)


def test_it_lets_only_some_built_in_attributes_be_written(api: Api) -> None:
    writable = {n for n, a in _named(api).items() if not a["custom"] and a["api_writable"]}
    assert writable == {
        "role",
        "name",
        "owner_id",
        "email",
        "phone",
        "external_id",
        "signed_up_at",
        "last_seen_at",
        "unsubscribed_from_emails",
        "avatar",
    }


def test_it_has_every_type_from_the_start(api: Api) -> None:
    kinds = {a["data_type"] for a in _named(api).values() if a["custom"]}
    assert kinds == {"string", "integer", "float", "boolean", "date"}


def test_it_calls_a_list_a_string_with_options(api: Api) -> None:
    _create(api, "size", data_type="options", options=[{"value": "S"}, {"value": "L"}])
    listed = _named(api)["custom_attributes.size"]
    assert (listed["data_type"], listed["options"]) == ("string", ["S", "L"])


def test_it_calls_a_datetime_a_date(api: Api) -> None:
    assert _create(api, "when", data_type="datetime").json()["data_type"] == "date"


def test_it_refuses_a_name_twice(api: Api) -> None:
    _create(api, "only once")
    text = "in your people data. To save this as new people data, use a different name."
    assert _message(api, "only once") == f"You already have 'only once' {text}"


def test_it_refuses_a_name_of_the_other_model(api: Api) -> None:
    text = "in your company data. To save this as new people data, use a different name."
    assert _message(api, "Industry") == f"You already have 'Industry' {text}"


def test_it_refuses_the_name_of_a_standard_attribute(api: Api) -> None:
    assert _message(api, "Email") == (
        "'Email' is one of our standard attributes for your people data. "
        "To save this as new people data, use a different name."
    )


@pytest.mark.parametrize("name", ["a.b", "a$b.c", "what?", "", "x" * 191])
def test_it_refuses_other_characters_and_long_names(api: Api, name: str) -> None:
    assert _message(api, name) == NAME


@pytest.mark.parametrize("name", ["under_score", "with space", "hyphen-ated", "קוד"])
def test_it_takes_letters_spaces_and_underscores(api: Api, name: str) -> None:
    assert _create(api, name).status_code == 200


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"data_type": "text"}, "Data Type isn't an option"),
        ({"model": "ship"}, "The Data Attribute model field must be either contact or company"),
        (
            {"data_type": "options", "options": [{"value": "one"}]},
            "You must have at least two options on a list type data attribute",
        ),
        ({"data_type": "options"}, "Options isn't an array"),
    ],
)
def test_it_refuses_wrong_definitions(api: Api, fields: dict[str, Any], message: str) -> None:
    assert _message(api, "wrong", **fields) == message


def test_it_archives_without_freeing_the_name(api: Api) -> None:
    attribute = _create(api, "rests").json()["id"]
    assert api.put(f"/data_attributes/{attribute}", {"archived": True}).json()["archived"] is True
    assert "custom_attributes.rests" not in _named(api)
    assert "custom_attributes.rests" in _named(api, include_archived="true")
    assert _message(api, "rests").startswith("You already have 'rests'")
    api.put(f"/data_attributes/{attribute}", {"archived": False})
    assert "custom_attributes.rests" in _named(api)


def test_it_answers_404_for_an_unknown_attribute(api: Api) -> None:
    message = "We couldn't find that data attribute to update"
    assert refusal(api.put("/data_attributes/9", {})) == (404, "field_not_found", message)


def test_it_refuses_options_that_are_no_list(api: Api) -> None:
    attribute = _create(api, "listed").json()["id"]
    assert refusal(api.put(f"/data_attributes/{attribute}", {"options": "S"}))[2] == "Options isn't an array"


def test_it_refuses_an_unsupported_model(api: Api) -> None:
    message = "unsupported model parameter [ship]"
    assert refusal(api.get("/data_attributes", model="ship")) == (400, "parameter_invalid", message)
    assert api.get("/data_attributes", model="conversation").status_code == 422


def test_it_refuses_the_251st_attribute_of_people(api: Api) -> None:
    while (answer := _create(api, f"filler {len(_named(api))}")).status_code == 200:
        pass
    assert refusal(answer)[:2] == (400, "custom_data_limit_reached")
    assert sum(a["custom"] for a in _named(api).values()) == 250
