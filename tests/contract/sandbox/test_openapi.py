"""Answers against the vendor's description 2.16; what differs is listed in `deviations.py`."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from passalong.sandbox.intercom.app import OPERATIONS
from tests.contract.sandbox.client import Api, where
from tests.contract.sandbox.deviations import ABSENT, PROPERTIES
from tests.contract.sandbox.openapi import check, description, properties

EVERYBODY = where("created_at", ">", 0)


def _made(api: Api) -> dict[str, Any]:
    """Something of everything, and an answer of every call to it."""
    user = api.user(email="spec@example.com", external_id="spec", name="Spec")
    lead = api.lead(email="spec@example.com")
    tag = api.post("/tags", {"name": "Spec"}).json()["id"]
    attribute = api.post("/data_attributes", {"name": "spec", "model": "contact", "data_type": "string"})
    event = {"event_name": "invited-friend", "created_at": 1_790_000_000, "id": user}
    c, segment = f"/contacts/{user}", api.control.segment_id("Active")
    by_id = "/contacts/{contact_id}"
    return {
        "GET /me": api.get("/me"),
        "GET /contacts": api.get("/contacts", per_page=150),
        "POST /contacts": api.post("/contacts", {"role": "lead"}),
        "POST /contacts/search": api.search(EVERYBODY, per_page=150),
        f"GET {by_id}": api.get(c),
        f"PUT {by_id}": api.put(c, {"custom_attributes": {"spec": "x"}}),
        "GET /contacts/find_by_external_id/{external_id}": api.get("/contacts/find_by_external_id/spec"),
        f"GET {by_id}/segments": api.get(f"{c}/segments"),
        "GET /segments": api.get("/segments", include_count="true"),
        "GET /segments/{segment_id}": api.get(f"/segments/{segment}"),
        "GET /data_attributes": api.get("/data_attributes", include_archived="true"),
        "POST /data_attributes": attribute,
        "PUT /data_attributes/{data_attribute_id}": api.put(
            f"/data_attributes/{attribute.json()['id']}", {"archived": True}
        ),
        f"POST {by_id}/tags": api.post(f"{c}/tags", {"id": tag}),
        f"GET {by_id}/tags": api.get(f"{c}/tags"),
        "GET /tags": api.get("/tags"),
        "POST /tags": api.post("/tags", {"name": "Spec"}),
        "GET /tags/{tag_id}": api.get(f"/tags/{tag}"),
        f"DELETE {by_id}/tags/{{tag_id}}": api.delete(f"{c}/tags/{tag}"),
        "DELETE /tags/{tag_id}": api.delete(f"/tags/{tag}"),
        "POST /events": api.post("/events", event),
        "GET /events": api.get("/events", type="user", intercom_user_id=user),
        "POST /contacts/merge": api.post("/contacts/merge", {"from": lead, "into": user}),
        "GET /contacts/{id}/merge_history": api.get(f"{c}/merge_history"),
        f"POST {by_id}/archive": api.post(f"{c}/archive"),
        f"POST {by_id}/unarchive": api.post(f"{c}/unarchive"),
        f"POST {by_id}/block": api.post(f"{c}/block"),
        f"DELETE {by_id}": api.delete(f"/contacts/{api.user(email='gone@spec.example.com')}"),
    }


def test_it_answers_every_call_as_described(api: Api) -> None:
    answers = _made(api)
    for call, answer in answers.items():
        assert answer.status_code in (200, 202), (call, answer.text)
        method, path = call.split(" ")
        check(method, path, answer)
    assert set(answers) == {f"{o.method} {o.path}" for o in OPERATIONS}


def test_it_serves_only_described_paths() -> None:
    paths = description()["paths"]
    assert [o for o in OPERATIONS if o.method.lower() not in paths.get(o.path, {})] == []


def test_it_sends_every_described_field_of_a_contact(api: Api) -> None:
    sent = set(api.get("/contacts").json()["data"][0])
    assert properties("contact") - sent == {name for schema, name in ABSENT if schema == "contact"}


def test_it_lists_no_deviation_that_the_description_allows() -> None:
    schemas = description()["components"]["schemas"]
    for schema, name, allowed, _ in PROPERTIES:
        described = schemas[schema]["properties"][name]
        kinds = {described["type"], *(["null"] if described.get("nullable") else [])}
        assert set(allowed["type"]) - kinds, name


ERRORS: list[tuple[str, str, str, Any]] = [
    ("GET", "/contacts/{contact_id}", "/contacts/nobody", None),
    ("PUT", "/contacts/{contact_id}", "/contacts/nobody", {}),
    ("GET", "/contacts", "/contacts?per_page=151", None),
    ("GET", "/contacts", "/contacts?starting_after=x", None),
    ("POST", "/contacts", "/contacts", {}),
    ("POST", "/contacts/search", "/contacts/search", {"query": where("nothing", "=", 1)}),
    ("POST", "/contacts/search", "/contacts/search", {"query": where("name", "AND", "x")}),
    ("GET", "/contacts/find_by_external_id/{external_id}", "/contacts/find_by_external_id/nobody", None),
    ("GET", "/segments/{segment_id}", "/segments/none", None),
    ("GET", "/contacts/{contact_id}/segments", "/contacts/nobody/segments", None),
    ("GET", "/contacts/{contact_id}/tags", "/contacts/nobody/tags", None),
    ("GET", "/data_attributes", "/data_attributes?model=ship", None),
    ("GET", "/data_attributes", "/data_attributes?model=conversation", None),
    ("POST", "/data_attributes", "/data_attributes", {"name": "x", "model": "ship", "data_type": "string"}),
    ("PUT", "/data_attributes/{data_attribute_id}", "/data_attributes/1", {}),
    ("POST", "/contacts/merge", "/contacts/merge", {}),
    ("POST", "/events", "/events", {"event_name": "x", "created_at": 1, "id": "nobody"}),
    ("GET", "/tags/{tag_id}", "/tags/0", None),
]


@pytest.mark.parametrize(("method", "path", "address", "body"), ERRORS)
def test_it_refuses_as_described(api: Api, method: str, path: str, address: str, body: Any) -> None:
    answer: httpx2.Response = api.call(method, address, body)
    assert answer.status_code >= 400
    check(method, path, answer)
