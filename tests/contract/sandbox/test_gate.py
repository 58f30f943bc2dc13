"""Tokens, versions, headers and the rate limit (docs/reference/intercom.md §1, §2, §6, §9)."""

from __future__ import annotations

import re
import time

import httpx2
import pytest

from tests.contract.sandbox.client import Api, refusal, where
from tests.support.sandbox import Sandbox


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic sandbox-token", "sandbox-token"])
def test_it_refuses_a_missing_or_unknown_token(sandbox: Sandbox, header: str) -> None:
    """§2.1"""
    answer = httpx2.get(f"{sandbox.url}/me", headers={"authorization": header})
    assert refusal(answer) == (401, "unauthorized", "Access Token Invalid")


def test_it_sends_no_rate_limit_headers_without_a_valid_token(sandbox: Sandbox) -> None:
    """§6"""
    answer = httpx2.get(f"{sandbox.url}/me")
    assert [name for name in answer.headers if name.startswith("x-ratelimit")] == []


def test_it_refuses_a_revoked_token(sandbox: Sandbox, api: Api) -> None:
    """§2.1"""
    api.control.add_token("brief")
    brief = Api(sandbox, "brief")
    assert brief.get("/me").status_code == 200
    api.control.revoke_token("brief")
    assert refusal(brief.get("/me"))[:2] == (401, "unauthorized")


def test_it_answers_403_on_me_and_401_elsewhere_for_a_missing_permission(sandbox: Sandbox, api: Api) -> None:
    """§2.2"""
    api.control.add_token("poor", missing=["read_admins", "write_contacts"])
    poor = Api(sandbox, "poor")
    assert refusal(poor.get("/me"))[:2] == (403, "forbidden")
    assert refusal(poor.post("/contacts", {"role": "lead"}))[:2] == (401, "token_unauthorized")
    assert poor.get("/contacts").status_code == 200


def test_it_answers_a_missing_permission_with_403_when_told_so(sandbox: Sandbox, api: Api) -> None:
    """§2.2"""
    api.control.settings(missing_scope="403")
    api.control.add_token("reader", missing=["write_data_attributes"])
    assert refusal(Api(sandbox, "reader").post("/data_attributes", {}))[:2] == (403, "forbidden")


def test_it_lets_reading_contacts_include_reading_one(sandbox: Sandbox, api: Api) -> None:
    """§2.2"""
    api.control.add_token("lists", scopes=["read_contacts"])
    assert Api(sandbox, "lists").get(f"/contacts/{api.lead()}").status_code == 200


def test_it_lets_reading_one_contact_not_include_lists(sandbox: Sandbox, api: Api) -> None:
    """§2.2"""
    api.control.add_token("one", scopes=["read_one_contact"])
    assert Api(sandbox, "one").get("/contacts").status_code == 401


def test_it_names_the_workspace(api: Api) -> None:
    """§2.4"""
    app = api.get("/me").json()["app"]
    assert (app["id_code"], app["region"], app["timezone"]) == ("sandbox1", "US", "America/Los_Angeles")


@pytest.mark.parametrize("version", ["2.7", "2.15", "2.16", "2.17"])
def test_it_echoes_the_version(api: Api, version: str) -> None:
    """§1"""
    assert api.get("/me", version).headers["intercom-version"] == version


@pytest.mark.parametrize("version", ["2.18", "1.4", "2", "newest"])
def test_it_refuses_other_versions(api: Api, version: str) -> None:
    """§1"""
    assert refusal(api.get("/me", version))[:2] == (400, "intercom_version_invalid")


def test_it_takes_the_apps_version_without_a_header(api: Api) -> None:
    """§1"""
    api.control.settings(app_version="2.11")
    assert api.get("/me").headers["intercom-version"] == "2.11"


def test_it_gives_owner_ids_as_numbers_until_2_15(api: Api) -> None:
    """§1"""
    contact = api.user(email="owned@example.com", owner_id="991267459")
    assert api.get(f"/contacts/{contact}", "2.15").json()["owner_id"] == 991267459
    assert api.get(f"/contacts/{contact}", "2.16").json()["owner_id"] == "991267459"


def test_it_refuses_another_media_type_without_a_request_id(api: Api) -> None:
    """§1, §9"""
    answer = api.http.get("/me", headers={"accept": "text/html"})
    assert refusal(answer)[:2] == (406, "media_type_not_acceptable")
    assert "request_id" not in answer.json()


def test_it_gives_every_answer_a_request_id_which_errors_repeat(api: Api) -> None:
    """§9"""
    answer = api.get("/contacts/nobody")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert re.fullmatch("[0-9a-v]{20}", answer.headers["x-request-id"])


def test_it_answers_malformed_json_with_a_shape_of_its_own(api: Api) -> None:
    """§9"""
    body = api.http.post(
        "/contacts/search", content=b"{", headers={"content-type": "application/json"}
    ).json()
    assert body["status"] == 400
    assert body["error"].startswith("There was a problem in the JSON you submitted [")


def test_it_answers_unknown_paths_and_methods(api: Api) -> None:
    """§9"""
    assert refusal(api.get("/segments/x/contacts"))[:2] == (404, "not_found")
    assert api.put("/contacts", {}).status_code == 405


def _start_of_window() -> None:
    left = 10 - time.time() % 10
    if left < 3:  # too little of this window to make the calls of one test in
        time.sleep(left + 0.05)


def test_it_counts_down_from_the_limit_within_a_window(api: Api) -> None:
    """§6: the first answer still shows the whole limit, and errors count."""
    _start_of_window()
    api.control.settings(rate_limit=167)
    before = int(api.get("/me").headers["x-ratelimit-remaining"])
    answers = [api.get("/contacts/nobody"), api.get("/me")]
    assert [int(a.headers["x-ratelimit-remaining"]) for a in answers] == [before - 1, before - 2]
    assert answers[0].headers["x-ratelimit-limit"] == "167"


def test_it_resets_two_seconds_after_a_window_aligned_to_ten(api: Api) -> None:
    """§6"""
    _start_of_window()
    now = int(time.time())
    assert int(api.get("/me").headers["x-ratelimit-reset"]) == (now // 10 + 1) * 10 + 2


def test_it_refuses_calls_over_the_limit_without_retry_after(api: Api) -> None:
    """§6"""
    _start_of_window()
    api.control.settings(rate_limit=2)
    answers = [api.get("/me") for _ in range(4)]
    last = answers[-1]
    assert refusal(last) == (429, "rate_limit_exceeded", "Exceeded rate limit of 2 in 10_seconds")
    assert last.headers["x-ratelimit-remaining"] == "0"
    assert "retry-after" not in last.headers
    assert api.control.state()["rate_limited"] >= 2


def test_it_does_not_limit_or_count_control_calls(api: Api) -> None:
    api.control.settings(rate_limit=1)
    for _ in range(5):
        api.control.state()
    assert api.control.state()["calls_total"] == 0


def test_it_counts_calls_by_pattern(api: Api) -> None:
    contact = api.lead()
    api.put(f"/contacts/{contact}", {"name": "Counted"})
    api.search(where("role", "=", "lead"))
    assert api.control.counts() == {
        "POST /contacts": 1,
        "PUT /contacts/{contact_id}": 1,
        "POST /contacts/search": 1,
    }


def test_it_delays_answers_by_the_latency(api: Api) -> None:
    api.control.latency(120)
    started = time.monotonic()
    api.get("/me")
    assert time.monotonic() - started >= 0.12
