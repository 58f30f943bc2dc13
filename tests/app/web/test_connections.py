"""Connections as pages."""

import pytest
from django.test import Client

from passalong.core.ids import public_id
from passalong.sync.models import Connection
from tests.support.sandbox import TOKEN, Sandbox

pytestmark = pytest.mark.django_db


def at(connection: Connection, rest: str = "") -> str:
    return f"/connections/{public_id('connection', connection.pk)}{rest}"


def test_it_says_what_to_do_when_nothing_is_connected(page: Client) -> None:
    assert "Nothing is connected yet" in page.get("/connections").content.decode()


def test_it_connects_and_shows_the_checks(page: Client, sandbox: Sandbox) -> None:
    answer = page.post("/connections/new", {"access_token": TOKEN, "region": "us"}, follow=True)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert text.count("check-ok") == len(Connection.everywhere.get().checks)
    assert TOKEN not in text


def test_it_says_why_a_token_is_refused(page: Client, sandbox: Sandbox) -> None:
    answer = page.post("/connections/new", {"access_token": "wrong", "region": "us"})
    assert answer.status_code == 422
    assert "connection_rejected" in answer.content.decode()
    assert not Connection.everywhere.exists()


def test_it_refuses_spaces_at_the_field(page: Client) -> None:
    text = page.post("/connections/new", {"access_token": "a b", "region": "us"}).content.decode()
    assert "Paste the access token: letters and digits, no spaces." in text
    assert 'aria-invalid="true" aria-describedby="access_token-error"' in text


def test_it_replaces_the_token(page: Client, connected: Connection) -> None:
    Connection.everywhere.update(status="needs_attention")
    assert page.post(at(connected, "/token"), {"access_token": TOKEN}).status_code == 302
    assert Connection.everywhere.get().status == "connected"


def test_it_keeps_the_old_token_when_the_new_one_is_refused(page: Client, connected: Connection) -> None:
    before = Connection.everywhere.get().secret
    assert page.post(at(connected, "/token"), {"access_token": "wrong"}).status_code == 422
    assert Connection.everywhere.get().secret == before


def test_it_checks_again(page: Client, connected: Connection) -> None:
    assert page.post(at(connected, "/check"))["Location"] == at(connected)


def test_it_disconnects_after_asking(page: Client, connected: Connection) -> None:
    asked = page.get(at(connected, "/disconnect")).content.decode()
    assert "All referrers, links and counts stay." in asked
    assert Connection.everywhere.get().status == "connected"
    page.post(at(connected, "/disconnect"))
    gone = Connection.everywhere.get()
    assert (gone.status, gone.secret) == ("disconnected", "")
    assert "This connection is switched off" in page.get(at(connected)).content.decode()
