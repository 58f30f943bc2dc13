"""Scripted misbehaviour (docs/reference/intercom.md §9, §10, §13)."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2
import pytest

from tests.contract.sandbox.client import Api, refusal, where

EVERYBODY = where("created_at", ">", 0)
OLDEST_FIRST = {"field": "created_at", "order": "ascending"}


def _page(api: Api, **pagination: Any) -> dict[str, Any]:
    page: dict[str, Any] = api.search(EVERYBODY, sort=OLDEST_FIRST, per_page=5, **pagination).json()
    return page


def test_it_fails_once_and_recovers(api: Api) -> None:
    api.control.add_fault("500")
    assert refusal(api.get("/me"))[:2] == (500, "server_error")
    assert api.get("/me").status_code == 200


def test_it_fails_as_often_as_asked(api: Api) -> None:
    api.control.add_fault("503", times=2)
    assert [api.get("/me").status_code for _ in range(3)] == [503, 503, 200]


def test_it_fails_forever(api: Api) -> None:
    api.control.add_fault("500", times=None)
    assert [api.get("/me").status_code for _ in range(5)] == [500] * 5


def test_it_matches_by_method_and_pattern(api: Api) -> None:
    api.control.add_fault("500", match={"method": "PUT", "path": "/contacts/{contact_id}"}, times=None)
    contact = api.lead()
    assert api.get(f"/contacts/{contact}").status_code == 200
    assert api.put(f"/contacts/{contact}", {}).status_code == 500


def test_it_skips_the_first_matching_calls(api: Api) -> None:
    api.control.add_fault("500", match={"path_prefix": "/me", "skip": 2})
    assert [api.get("/me").status_code for _ in range(4)] == [200, 200, 500, 200]


def test_it_takes_every_nth_call(api: Api) -> None:
    api.control.add_fault("500", match={"every": 3}, times=None)
    assert [api.get("/me").status_code for _ in range(6)] == [500, 200, 200, 500, 200, 200]


def test_it_fails_at_random_and_repeatably(api: Api) -> None:
    def statuses() -> list[int]:
        api.control.clear_faults()
        api.control.add_fault("500", match={"probability": 0.5, "seed": 7}, times=None)
        return [api.get("/me").status_code for _ in range(20)]

    first = statuses()
    assert first == statuses()
    assert set(first) == {200, 500}


def test_it_answers_html_from_a_gateway(api: Api) -> None:
    api.control.add_fault("502_html")
    answer = api.get("/me")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")
    assert answer.text.startswith("<html>")


@pytest.mark.parametrize(("kind", "reset_in"), [("429", 1), ("429_far", 3600)])
def test_it_refuses_by_rate_with_the_reset_near_or_far(api: Api, kind: str, reset_in: int) -> None:
    api.control.add_fault(kind, reset_in=reset_in)
    answer = api.get("/me")
    assert refusal(answer)[:2] == (429, "rate_limit_exceeded")
    assert abs(int(answer.headers["x-ratelimit-reset"]) - time.time() - reset_in) < 3


def test_it_answers_200_with_nothing(api: Api) -> None:
    api.control.add_fault("empty_200")
    answer = api.get("/me")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("kind", ["truncated_json", "not_json"])
def test_it_answers_200_with_what_is_not_json(api: Api, kind: str) -> None:
    api.control.add_fault(kind)
    answer = api.get("/me")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_it_drops_the_connection(api: Api) -> None:
    api.control.add_fault("drop_connection")
    with pytest.raises(httpx2.RemoteProtocolError):
        api.get("/me")
    assert api.get("/me").status_code == 200


def test_it_drops_the_connection_after_the_write(api: Api) -> None:
    contact = api.lead(name="Before")
    api.control.add_fault("drop_after_commit", match={"method": "PUT"})
    with pytest.raises(httpx2.RemoteProtocolError):
        api.put(f"/contacts/{contact}", {"name": "After"})
    assert api.get(f"/contacts/{contact}").json()["name"] == "After"


@pytest.mark.parametrize(("kind", "name"), [("timeout", "Before"), ("timeout_after_commit", "After")])
def test_it_never_answers_before_or_after_the_write(api: Api, kind: str, name: str) -> None:
    contact = api.lead(name="Before")
    api.control.add_fault(kind, match={"method": "PUT"})
    with pytest.raises(httpx2.ReadTimeout):
        api.http.put(f"/contacts/{contact}", json={"name": "After"}, timeout=0.2)
    assert api.get(f"/contacts/{contact}").json()["name"] == name


def test_it_commits_and_then_fails_when_told_so(api: Api) -> None:
    contact = api.lead(name="Before")
    api.control.add_fault("500", match={"method": "PUT"}, commit=True)
    assert api.put(f"/contacts/{contact}", {"name": "After"}).status_code == 500
    assert api.get(f"/contacts/{contact}").json()["name"] == "After"


def test_it_answers_slowly(api: Api) -> None:
    api.control.add_fault("slow", ms=150)
    started = time.monotonic()
    assert api.get("/me").status_code == 200
    assert time.monotonic() - started >= 0.15


def test_it_repeats_a_cursor(api: Api) -> None:
    cursor = _page(api)["pages"]["next"]["starting_after"]
    api.control.add_fault("repeated_cursor")
    assert _page(api)["pages"]["next"]["starting_after"] == cursor  # nothing to repeat yet
    assert _page(api, starting_after=cursor)["pages"]["next"]["starting_after"] == cursor


def test_it_loses_and_repeats_a_record(api: Api) -> None:
    whole = [c["id"] for c in _page(api)["data"]]
    api.control.add_fault("drop_record", index=1)
    assert [c["id"] for c in _page(api)["data"]] == [whole[0], *whole[2:]]
    api.control.add_fault("duplicate_record", index=1)
    assert [c["id"] for c in _page(api)["data"]] == [*whole, whole[1]]


def test_it_miscounts_segments_and_searches(api: Api) -> None:
    def count() -> int:
        return sum(s["count"] for s in api.get("/segments", include_count="true").json()["segments"][:1])

    segment, total = count(), _page(api)["total_count"]
    api.control.add_fault("count_mismatch", delta=-3, times=2)
    assert (count(), _page(api)["total_count"]) == (segment - 3, total - 3)


def test_it_breaks_the_pages_object(api: Api) -> None:
    for kind in ("next_null", "per_page_string", "pages_missing"):
        api.control.add_fault(kind)
    assert _page(api)["pages"]["next"] is None
    assert _page(api)["pages"]["per_page"] == "5"
    assert "pages" not in _page(api)


def test_it_is_down_and_comes_back(api: Api) -> None:
    api.control.down()
    with pytest.raises(httpx2.RemoteProtocolError):
        api.get("/me")
    api.control.down(False)
    assert api.get("/me").status_code == 200


def test_it_tells_how_often_a_fault_was_met(api: Api) -> None:
    api.control.add_fault("500", match={"skip": 1})
    for _ in range(3):
        api.get("/me")
    assert [(f["seen"], f["fired"]) for f in api.control.faults()] == [(2, 1)]


def test_it_refuses_a_fault_it_does_not_know(api: Api) -> None:
    with pytest.raises(RuntimeError, match="422"):
        api.control.add_fault("meteor")
