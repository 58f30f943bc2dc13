"""Connections as pages."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from passalong.core.ids import public_id
from passalong.sync import connections as services
from passalong.sync.models import Connection, Sync
from tests.support import cast
from tests.support.cast import Person
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


# Trouble


LOST = "no longer lets Passalong into"


def lose(connection: Connection) -> None:
    services.needs_attention(connection.pk)


@pytest.mark.parametrize("path", ["/", "/connections", "/webhooks", "/connections/new"])
def test_every_page_says_that_a_connection_needs_somebody(
    page: Client, offline: Connection, path: str
) -> None:
    assert LOST not in page.get(path).content.decode()
    lose(offline)
    text = page.get(path).content.decode()
    assert f"{LOST} Acme Intercom." in text
    assert f'href="{at(offline)}#token"' in text


def test_it_says_how_much_waits(page: Client, sync: Sync) -> None:
    lose(sync.connection)
    assert "1 sync waits, and so does what should be written back." in page.get("/").content.decode()


def test_the_page_of_the_connection_says_it_once(page: Client, offline: Connection) -> None:
    lose(offline)
    assert LOST in page.get(at(offline, "/changes")).content.decode()
    text = page.get(at(offline)).content.decode()
    assert LOST not in text
    assert "Intercom no longer takes the access token" in text
    assert 'id="token"' in text


def test_viewers_are_told_who_can_mend_it(viewer: Client, offline: Connection) -> None:
    lose(offline)
    text = viewer.get("/").content.decode()
    assert "An owner, admin or editor can mend it." in text
    assert "#token" not in text


def test_others_and_people_who_are_not_signed_in_are_told_nothing(
    stranger: Client, client: Client, offline: Connection
) -> None:
    lose(offline)
    assert LOST not in stranger.get("/").content.decode()
    with CaptureQueriesContext(database) as asked:
        assert LOST not in client.get("/accounts/login/").content.decode()
    assert not any("sync_connection" in query["sql"] for query in asked)


def test_a_working_token_has_its_ongoing_syncs_catch_up_and_says_so(
    page: Client, campaign: Campaign, connected: Connection
) -> None:
    sync = cast.sync_of(campaign, connected)
    later = now() + timedelta(hours=5)
    Sync.everywhere.update(type="ongoing", next_run_at=later, reconciled_at=now())
    lose(connected)
    text = page.post(at(connected, "/token"), {"access_token": TOKEN}, follow=True).content.decode()
    assert "Its syncs are catching up." in text
    assert f'href="/syncs/{public_id("sync", sync.pk)}"' in text
    healed, sync = Connection.everywhere.get(), Sync.everywhere.get()
    assert (healed.status, healed.lost_at, healed.alert_due_at) == ("connected", None, None)
    assert sync.next_run_at is not None
    assert (sync.next_run_at <= now(), sync.reconciled_at) == (True, None)


def test_it_claims_nothing_of_syncs_that_wait_for_their_turn(page: Client, sync: Sync) -> None:
    Sync.everywhere.update(type="ongoing", next_run_at=now() + timedelta(hours=5))
    text = page.get(at(sync.connection, "?mended")).content.decode()
    assert "catching up" not in text


def test_checking_again_tells_the_team_when_it_fails(
    page: Client, connected: Connection, sandbox: Sandbox
) -> None:
    sandbox.control.add_token(TOKEN, missing=["read_contacts"])
    try:
        page.post(at(connected, "/check"))
        lost = Connection.everywhere.get()
        assert (lost.status, lost.alert_due_at is not None) == ("needs_attention", True)
        assert [check["ok"] for check in lost.checks].count(False) > 0
    finally:
        sandbox.control.add_token(TOKEN)
    page.post(at(connected, "/check"))
    assert Connection.everywhere.get().status == "connected"


def test_a_forgotten_password_goes_by_the_same_mail(client: Client, alice: Person) -> None:
    client.post("/accounts/password/reset/", {"email": "alice@example.com"})
    [sent] = mail.outbox
    assert (sent.to, sent.from_email) == (["alice@example.com"], "Passalong <no-reply@127.0.0.1>")
