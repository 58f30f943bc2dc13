"""Events and tags (docs/reference/intercom.md §8)."""

from __future__ import annotations

from typing import Any

from tests.contract.sandbox.client import Api, refusal
from tests.support.sandbox import NOW


def _event(**fields: Any) -> dict[str, Any]:
    return {"event_name": "invited-friend", "created_at": NOW, **fields}


def _events(api: Api, contact: str, **query: Any) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = api.get("/events", type="user", intercom_user_id=contact, **query).json()[
        "events"
    ]
    return events


def test_it_accepts_an_event_with_an_empty_answer(api: Api) -> None:
    answer = api.post("/events", _event(id=api.lead()))
    assert (answer.status_code, answer.content) == (202, b"")


def test_it_ignores_an_event_of_the_same_second(api: Api) -> None:
    contact = api.lead()
    answers = [api.post("/events", _event(id=contact, created_at=at)) for at in (NOW, NOW, NOW + 1)]
    assert [a.status_code for a in answers] == [202, 202, 202]
    assert len(_events(api, contact)) == 2


def test_it_knows_users_by_email_and_external_id_but_leads_only_by_id(api: Api) -> None:
    api.user(email="event@user.example.com", external_id="event-user")
    api.lead(email="event@lead.example.com")
    assert api.post("/events", _event(email="event@user.example.com")).status_code == 202
    assert api.post("/events", _event(user_id="event-user")).status_code == 202
    assert refusal(api.post("/events", _event(email="event@lead.example.com")))[0] == 404


def test_it_ignores_metadata_after_ten_keys(api: Api) -> None:
    contact = api.lead()
    api.post("/events", _event(id=contact, metadata={f"k{n}": n for n in range(12)}))
    assert len(_events(api, contact)[0]["metadata"]) == 10


def test_it_lists_events_of_ninety_days_and_sums_up_all(api: Api) -> None:
    contact = api.lead()
    for days in (1, 89, 91):
        api.post("/events", _event(id=contact, created_at=NOW - days * 86_400))
    assert len(_events(api, contact)) == 2
    assert _events(api, contact, summary="true")[0]["count"] == 3


def test_it_refuses_events_without_a_name_or_a_person(api: Api) -> None:
    assert api.post("/events", {"created_at": NOW, "id": api.lead()}).status_code == 400
    assert api.post("/events", _event()).status_code == 400


def test_it_makes_a_tag_once(api: Api) -> None:
    first, second = (api.post("/tags", {"name": "one tag"}).json()["id"] for _ in range(2))
    assert first == second


def test_it_tags_and_untags_a_contact(api: Api) -> None:
    contact, tag = api.lead(), api.post("/tags", {"name": "on and off"}).json()["id"]
    assert api.post(f"/contacts/{contact}/tags", {"id": tag}).json()["name"] == "on and off"
    assert [t["id"] for t in api.get(f"/contacts/{contact}/tags").json()["data"]] == [tag]
    api.delete(f"/contacts/{contact}/tags/{tag}")
    assert api.get(f"/contacts/{contact}/tags").json()["data"] == []


def test_it_tags_several_at_once(api: Api) -> None:
    contacts = [api.lead(), api.lead()]
    tag = api.post("/tags", {"name": "bulk", "users": [{"id": c} for c in contacts]}).json()["id"]
    assert [api.get(f"/contacts/{c}/tags").json()["data"][0]["id"] for c in contacts] == [tag, tag]


def test_it_refuses_unknown_tags_and_contacts(api: Api) -> None:
    assert refusal(api.post(f"/contacts/{api.lead()}/tags", {"id": "0"}))[2] == "Resource Not Found"
    assert refusal(api.post("/contacts/nobody/tags", {"id": "1001"}))[2] == "User Not Found"


def test_it_takes_a_deleted_tag_off_everybody(api: Api) -> None:
    contact, tag = api.lead(), api.post("/tags", {"name": "brief"}).json()["id"]
    api.post(f"/contacts/{contact}/tags", {"id": tag})
    api.delete(f"/tags/{tag}")
    assert api.get(f"/contacts/{contact}").json()["tags"]["total_count"] == 0
