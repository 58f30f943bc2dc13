"""What monitoring is told."""

import pytest
from django.db import connection
from django.test import Client

pytestmark = pytest.mark.django_db


def heartbeat(seconds_ago: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => %s))",
            [seconds_ago],
        )


def test_it_is_healthy_without_asking_the_database(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok")


def test_it_is_ready_with_a_live_worker(client: Client) -> None:
    heartbeat(3)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "migrations": "ok", "worker": "ok"}


def test_it_is_not_ready_when_the_worker_is_silent(client: Client) -> None:
    heartbeat(60)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["worker"] == "no live worker"


def test_it_measures_workers_jobs_and_requests(client: Client) -> None:
    for _loop in range(2):
        heartbeat(3)
    lines = client.get("/metrics").content.decode().splitlines()
    assert "passalong_workers 1" in lines
    assert any(line.startswith("django_http_requests_before_middlewares_total") for line in lines)
