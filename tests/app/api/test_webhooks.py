"""Webhooks over REST."""

from typing import Any

import pytest

from passalong.webhooks.models import Delivery, Webhook
from tests.support.cast import Api, Person

URL = "https://example.com/hooks"


def make(api: Api) -> dict[str, Any]:
    made: dict[str, Any] = api.post("/webhooks", {"url": URL, "events": ["lead.created"]}).json()
    return made


def test_it_creates_one_with_a_secret(api: Api) -> None:
    answer = api.post("/webhooks", {"url": URL, "events": ["lead.qualified", "lead.created"]})
    made = answer.json()
    assert answer.status_code == 201
    assert (made["url"], made["events"], made["is_active"]) == (URL, ["lead.created", "lead.qualified"], True)
    assert made["secret"].startswith("whsec_")
    assert made["secret"] not in Webhook.everywhere.get().secret


def test_it_keeps_the_secret_from_tokens_that_only_read(api: Api, alice: Person) -> None:
    made = make(api)
    assert Api(alice.reading_token).get(f"/webhooks/{made['id']}").json()["secret"] == ""


def test_it_lists_changes_and_deletes(api: Api) -> None:
    path = f"/webhooks/{make(api)['id']}"
    changed = api.patch(path, {"events": ["run.finished"], "is_active": False}).json()
    listed = api.get("/webhooks").json()["data"]
    assert (changed["events"], changed["is_active"], listed) == (["run.finished"], False, [changed])
    assert api.get(path).json() == changed
    assert [api.delete(path).status_code, api.get(path).status_code] == [204, 404]


def test_it_renews_the_secret(api: Api) -> None:
    made = make(api)
    assert api.post(f"/webhooks/{made['id']}/rotate").json()["secret"] != made["secret"]


@pytest.mark.django_db(transaction=True)
def test_it_shows_and_resends_what_was_told(api: Api) -> None:
    made = make(api)
    test = api.post(f"/webhooks/{made['id']}/test")
    Delivery.everywhere.update(status="failed", attempts=11, next_at=None)
    again = api.post(f"/deliveries/{test.json()['id']}/resend").json()
    listed = api.get(f"/webhooks/{made['id']}/deliveries", status="pending").json()["data"]
    assert (test.status_code, test.json()["event"]) == (202, "webhook.test")
    assert (again["status"], again["attempts"], listed) == ("pending", 0, [again])


def test_it_refuses_unknown_events(api: Api) -> None:
    answer = api.post("/webhooks", {"url": URL, "events": ["lead.exploded"]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "events")


def test_it_has_an_end(api: Api) -> None:
    answers = [api.post("/webhooks", {"url": URL, "events": ["lead.created"]}) for _ in range(21)]
    assert [answer.status_code for answer in answers[-2:]] == [201, 409]
