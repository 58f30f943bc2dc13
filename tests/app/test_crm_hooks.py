"""The door at which CRMs tell of changes: who is let in, what is kept, and how it answers."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

import passalong.integrations.intercom as package
from passalong.accounts.scope import in_workspace
from passalong.config.settings import settings
from passalong.sync import hints
from passalong.sync.hooks import MOST_BYTES
from passalong.sync.models import Connection, Notification
from tests.support import cast

pytestmark = pytest.mark.django_db

FIXTURES = Path(package.__path__[0]) / "fixtures" / "notifications"
SECRET, ITS_OWN = "the-apps-client-secret", "the-secret-of-this-connection"


@pytest.fixture(autouse=True)
def _installation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An app for the whole installation, and a CRM that nobody can reach: the door must not need it."""
    monkeypatch.setenv("PASSALONG_INTERCOM_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("PASSALONG_INTERCOM_API_URL", "http://127.0.0.1:1")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def connection() -> Connection:
    """The account that the fixtures are about."""
    return cast.connection_of(cast.alice(), "ecahpwf5")


def fixture(topic: str) -> bytes:
    return (FIXTURES / f"{topic}.json").read_bytes()


def tell(body: bytes, secret: str | None = SECRET, provider: str = "intercom") -> Any:
    signature = "sha1=" + hmac.new((secret or "").encode(), body, hashlib.sha1).hexdigest()
    headers = {} if secret is None else {"X-Hub-Signature": signature}
    client = Client(enforce_csrf_checks=True)
    return client.post(f"/hooks/{provider}", body, content_type="application/json", headers=headers)


def kept() -> list[tuple[str, list[str]]]:
    return list(Notification.everywhere.order_by("id").values_list("topic", "contact_ids"))


def test_it_is_there_when_the_crm_looks(client: Client) -> None:
    assert client.head("/hooks/intercom").status_code == 200


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_it_takes_no_other_method(client: Client, method: str) -> None:
    answer = getattr(client, method)("/hooks/intercom")
    assert (answer.status_code, answer["Allow"]) == (405, "HEAD, POST")


@pytest.mark.parametrize("method", ["head", "post"])
def test_it_knows_no_crm_that_there_is_not(client: Client, method: str) -> None:
    assert getattr(client, method)("/hooks/carrier-pigeon").status_code == 404


def test_it_says_so_in_words(client: Client) -> None:
    answer = tell(b"{}", provider="carrier-pigeon")
    assert (answer.json()["code"], answer["Content-Type"]) == ("not_found", "application/problem+json")


@pytest.mark.parametrize("secret", [None, "somebody-elses"])
def test_it_keeps_nothing_unsigned(connection: Connection, secret: str | None) -> None:
    answer = tell(fixture("contact.user.updated"), secret)
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer.json()["code"] == "signature_rejected"
    assert SECRET not in answer.content.decode()
    assert kept() == []
    assert Connection.everywhere.get().noticed_at is None


def test_it_keeps_what_is_signed(connection: Connection) -> None:
    assert tell(fixture("contact.user.updated")).status_code == 200
    assert kept() == [("contact.user.updated", ["6643703ffae7834d1792fd30"])]
    assert Connection.everywhere.get().noticed_at is not None


def test_it_takes_the_secret_of_the_connection(connection: Connection) -> None:
    with in_workspace(connection.workspace_id):
        hints.set_secret(connection, ITS_OWN)
    assert tell(fixture("contact.merged"), ITS_OWN).status_code == 200
    assert len(kept()) == 1


def test_it_does_not_take_the_secret_of_another_account(connection: Connection) -> None:
    other = cast.connection_of(cast.charlie(), "another")
    with in_workspace(other.workspace_id):
        hints.set_secret(other, ITS_OWN)
    assert tell(fixture("contact.merged"), ITS_OWN).status_code == 401
    assert kept() == []


@pytest.mark.parametrize("body", [b"", b"no json", b"{}", b"\xff", b"[" * 50_000])
def test_it_refuses_signed_nonsense(connection: Connection, body: bytes) -> None:
    answer = tell(body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_notification")
    assert kept() == []


def test_it_refuses_what_is_too_large(connection: Connection) -> None:
    answer = tell(b" " * (MOST_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_it_notes_the_ping_that_is_sent_at_setting_up(connection: Connection) -> None:
    assert tell(fixture("ping")).status_code == 200
    assert kept() == [("ping", [])]
    assert Connection.everywhere.get().noticed_at is not None


def test_it_keeps_a_repeated_delivery_once(connection: Connection) -> None:
    retry = json.loads(fixture("contact.user.updated")) | {"delivery_status": "retry", "delivery_attempts": 2}
    bodies = [fixture("contact.user.updated"), json.dumps(retry).encode()]
    assert [tell(body).status_code for body in bodies] == [200, 200]
    assert len(kept()) == 1


def test_it_takes_what_is_about_an_account_nobody_connected(db: None) -> None:
    assert tell(fixture("contact.user.updated")).status_code == 200
    assert kept() == []


def test_it_drops_what_is_about_a_disconnected_account(connection: Connection) -> None:
    Connection.everywhere.update(status="disconnected")
    assert tell(fixture("contact.user.updated")).status_code == 200
    assert kept() == []


def test_it_answers_with_a_handful_of_queries(connection: Connection) -> None:
    from django.db import connection as database

    with CaptureQueriesContext(database) as asked:
        tell(fixture("contact.user.updated"))
    assert len(asked) <= 10


def test_it_serves_every_workspace_that_connected_the_account(connection: Connection) -> None:
    cast.connection_of(cast.charlie(), "ecahpwf5")
    tell(fixture("contact.user.updated"))
    assert Notification.everywhere.values("workspace").distinct().count() == 2
