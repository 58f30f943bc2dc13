"""Every refusal has one shape, whatever went wrong."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.support.cast import Api

KEYS = {"type", "title", "status", "detail", "code", "next_step", "errors"}
GOOD = {"name": "A", "destination_url": "https://a.example"}


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem.keys() == KEYS
    assert problem["detail"]
    assert problem["next_step"]
    return problem


@pytest.mark.parametrize("path", ["/nothing", "/", "/campaigns/", "/campaigns/x/rewards", "/runs/x/nothing"])
def test_it_answers_404_where_there_is_no_call(api: Api, path: str) -> None:
    refused(api.get(path), 404, "not_found")
    refused(api.post(path, {}), 404, "not_found")


@pytest.mark.parametrize("id_", ["x", "camp_", "camp_" + "0" * 32, "ref_" + "0" * 32, "%00", "..."])
def test_it_answers_404_to_ids_it_does_not_know(api: Api, id_: str) -> None:
    refused(api.get(f"/campaigns/{id_}"), 404, "not_found")


def test_it_names_the_methods_there_are(api: Api) -> None:
    answer = api.delete("/campaigns")

    refused(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize("body", ["{", "nope", '{"name": NaN}', '"\\ud800"', "[" * 5000, b"\xff\xfe"])
def test_it_refuses_what_is_not_json(api: Api, body: str | bytes) -> None:
    refused(api.post("/campaigns", body), 400, "malformed_json")


@pytest.mark.parametrize("body", ["[]", "1", '"text"', "null", ""])
def test_it_refuses_what_is_not_an_object(api: Api, body: str) -> None:
    problem = refused(api.post("/campaigns", body), 422, "invalid_input")

    assert problem["errors"][0]["field"] == "body"


def test_it_refuses_another_content_type(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}

    answer = api.client.post("/api/v1/campaigns", GOOD, headers=headers)

    refused(answer, 415, "unsupported_media_type")


def test_it_refuses_a_body_that_is_too_large(api: Api) -> None:
    refused(api.post("/campaigns", {**GOOD, "name": "x" * 2_700_000}), 413, "body_too_large")
    refused(api.post("/campaigns", {**GOOD, "name": "x" * 2_700_000}, key="k"), 413, "body_too_large")


def test_it_names_unknown_fields(api: Api) -> None:
    problem = refused(api.post("/campaigns", {**GOOD, "colour": "red"}), 422, "invalid_input")

    assert problem["detail"] == "colour: There is no field of this name here."
    assert problem["errors"] == [{"field": "colour", "message": "There is no field of this name here."}]


def test_it_does_not_turn_one_type_into_another(api: Api) -> None:
    problem = refused(api.post("/campaigns", {**GOOD, "name": 7}), 422, "invalid_input")

    assert problem["errors"] == [{"field": "name", "message": "Input should be a valid string."}]


def test_it_writes_paths_as_the_services_do(api: Api, campaign_id: str) -> None:
    rows = [{"from": "email", "to": "email"}, {"from": 3, "default": []}]
    body = {"connection_id": "conn_x", "audience": {"kind": "all"}, "inbound": rows}

    problem = refused(api.post(f"/campaigns/{campaign_id}/syncs", body), 422, "invalid_input")

    assert [error["field"] for error in problem["errors"]] == [
        "inbound[1].from",
        "inbound[1].to",
        "inbound[1].default",
    ]


def test_it_takes_no_nul_anywhere(api: Api, campaign_id: str) -> None:
    inside = {"email": "a@example.com", "fields": {"plan": "a\0"}}

    problem = refused(api.post(f"/campaigns/{campaign_id}/referrers", inside), 422, "invalid_input")
    assert problem["errors"][0]["field"] == "fields.plan"
    problem = refused(api.get(f"/campaigns/{campaign_id}/referrers", q="a\0"), 422, "invalid_input")
    assert problem["errors"][0]["field"] == "q"


@pytest.mark.parametrize("limit", ["0", "201", "-1", "ten", "1e2", ""])
def test_it_refuses_a_limit_out_of_range(api: Api, limit: str) -> None:
    problem = refused(api.get("/campaigns", limit=limit), 422, "invalid_input")

    assert problem["errors"][0]["field"] == "limit"


@pytest.mark.parametrize("cursor", ["x", "!", "AAAA", "é"])
def test_it_refuses_a_cursor_it_did_not_give(api: Api, cursor: str) -> None:
    refused(api.get("/campaigns", cursor=cursor), 422, "invalid_cursor")


def test_it_ignores_query_parameters_it_does_not_know(api: Api) -> None:
    assert api.get("/campaigns", colour="red").status_code == 200


def test_it_asks_for_no_csrf_token(api: Api) -> None:
    strict = Api(api.token, Client(enforce_csrf_checks=True))

    assert strict.post("/campaigns", GOOD).status_code == 201


def test_it_says_so_when_something_breaks(api: Api, campaign_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE referrers_referrer RENAME COLUMN phone TO telephone")

    problem = refused(api.get(f"/campaigns/{campaign_id}/referrers"), 500, "internal_error")

    assert "telephone" not in str(problem)
    assert "SELECT" not in str(problem)
