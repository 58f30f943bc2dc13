"""The same POST sent twice is done once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, connections, transaction

from passalong.accounts.services import token_for
from passalong.api.idempotency import forget_old_keys
from passalong.api.models import IdempotencyKey
from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from tests.support.cast import Api, Person

BODY = {"name": "Spring", "destination_url": "https://shop.example.com"}


def test_it_answers_the_same_and_does_it_once(api: Api) -> None:
    first = api.post("/campaigns", BODY, key="k1")
    second = api.post("/campaigns", BODY, key="k1")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
    assert Campaign.everywhere.count() == 1


def test_it_refuses_the_key_for_another_body(api: Api) -> None:
    api.post("/campaigns", BODY, key="k1")

    answer = api.post("/campaigns", {**BODY, "name": "Summer"}, key="k1")

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert Campaign.everywhere.count() == 1


def test_it_refuses_the_key_for_another_address(api: Api, campaign_id: str) -> None:
    api.post("/campaigns", BODY, key="k1")

    answer = api.post(f"/campaigns/{campaign_id}/referrers", BODY, key="k1")

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")


def test_it_keeps_the_keys_of_two_tokens_apart(api: Api, charlies_api: Api) -> None:
    first = api.post("/campaigns", BODY, key="k1")
    second = charlies_api.post("/campaigns", BODY, key="k1")

    assert first.json()["id"] != second.json()["id"]


def test_it_keeps_refusals_too(api: Api) -> None:
    first = api.post("/campaigns", {**BODY, "name": ""}, key="k1")
    second = api.post("/campaigns", {**BODY, "name": ""}, key="k1")

    assert (first.status_code, second.status_code) == (422, 422)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Content-Type"] == "application/problem+json"


def test_it_forgets_a_failure_of_ours(api: Api, campaign_id: str) -> None:
    def rename(before: str, after: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE referrers_referrer RENAME COLUMN {before} TO {after}")

    path, body = f"/campaigns/{campaign_id}/referrers", {"email": "dana@example.com"}
    rename("phone", "telephone")
    assert api.post(path, body, key="k1").status_code == 500
    rename("telephone", "phone")

    assert api.post(path, body, key="k1").status_code == 201


def test_it_does_not_keep_a_refused_token(api: Api, alice: Person) -> None:
    reading = Api(alice.reading_token)

    assert reading.post("/campaigns", BODY, key="k1").status_code == 403
    assert IdempotencyKey.everywhere.count() == 0


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_it_refuses_a_key_of_the_wrong_length(api: Api, key: str) -> None:
    answer = api.post("/campaigns", BODY, key=key)

    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "Idempotency-Key", "message": "Use 1 to 255 characters."}]


def test_it_forgets_a_key_after_a_day(api: Api) -> None:
    first = api.post("/campaigns", BODY, key="k1")

    with time_machine.travel(now() + timedelta(hours=24, minutes=1)):
        assert api.post("/campaigns", BODY, key="k1").json()["id"] != first.json()["id"]


def test_it_deletes_old_keys(api: Api) -> None:
    api.post("/campaigns", BODY, key="k1")

    assert forget_old_keys() == 0
    with time_machine.travel(now() + timedelta(hours=24, minutes=1)):
        assert forget_old_keys() == 1
    assert IdempotencyKey.everywhere.count() == 0


@pytest.mark.django_db(transaction=True)
def test_it_does_one_thing_when_asked_many_times_at_once(api: Api) -> None:
    answers: list[Any] = []
    start = threading.Barrier(6)

    def ask() -> None:
        start.wait()
        answers.append(Api(api.token).post("/campaigns", BODY, key="k1"))
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.content for answer in answers}) == 1
    assert Campaign.everywhere.count() == 1


@pytest.mark.django_db(transaction=True)
def test_it_is_not_locked_by_a_request_that_died(api: Api, alice: Person) -> None:
    token = token_for(alice.token)
    assert token is not None

    with transaction.atomic():
        columns = {"workspace": alice.workspace, "token": token, "key": "k1", "created_at": now()}
        IdempotencyKey.everywhere.create(**columns)
        transaction.set_rollback(True)

    assert api.post("/campaigns", BODY, key="k1").status_code == 201
