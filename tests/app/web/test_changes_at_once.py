"""The page that helps a team to have Intercom tell of changes by itself."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from passalong.accounts.scope import in_workspace
from passalong.core.clock import now
from passalong.core.ids import public_id
from passalong.integrations.registry import integration
from passalong.sync import hints
from passalong.sync.models import Connection, Notification, Sync
from passalong.web import words

pytestmark = pytest.mark.django_db

SECRET = "4e1f9d0c-2b7a-4c0e"
WAITING = "Waiting for the first notification"


def at(connection: Connection, rest: str = "") -> str:
    return f"/connections/{public_id('connection', connection.pk)}/changes{rest}"


def seen(page: Client, connection: Connection, rest: str = "") -> str:
    answer = page.get(at(connection, rest))
    assert answer.status_code == 200
    return answer.content.decode()


def told(connection: Connection, topic: str, *ids: str, handled: bool = True, ago: int = 0) -> Notification:
    note = Notification.everywhere.create(
        workspace_id=connection.workspace_id,
        connection=connection,
        uid=f"{topic} {Notification.everywhere.count()}",
        topic=topic,
        contact_ids=list(ids),
        handled_at=now() if handled else None,
    )
    moment = now() - timedelta(seconds=ago)
    Notification.everywhere.filter(pk=note.pk).update(received_at=moment)
    Connection.everywhere.filter(pk=connection.pk).update(noticed_at=moment)
    return note


def has_secret(connection: Connection) -> bool:
    return bool(Connection.everywhere.get(pk=connection.pk).hook_secret)


def test_it_says_what_to_enter_where(page: Client, offline: Connection) -> None:
    text = seen(page, offline)
    assert 'data-copy="http://127.0.0.1:8000/hooks/intercom"' in text
    assert all(f"<code>{topic}</code>" in text for topic in integration("intercom").topics)
    assert "changes arrive with the schedule" in text


def test_it_has_words_for_every_topic() -> None:
    assert set(integration("intercom").topics) <= set(words.TOPIC)


def test_it_warns_when_intercom_cannot_come_here(page: Client, offline: Connection) -> None:
    assert "Intercom cannot reach http://127.0.0.1:8000/hooks/intercom" in seen(page, offline)


def test_it_does_not_warn_of_a_public_address(page: Client, offline: Connection, settings: Any) -> None:
    settings.BASE_URL = "https://refer.acme.com"
    text = seen(page, offline)
    assert "cannot reach" not in text
    assert "https://refer.acme.com/hooks/intercom" in text


def test_it_waits_and_then_shows_what_came(page: Client, offline: Connection) -> None:
    assert WAITING in seen(page, offline)
    told(offline, "ping", handled=False, ago=500)
    told(offline, "contact.user.updated", "6643703f", ago=121)
    text = seen(page, offline)
    assert WAITING not in text
    assert "2\xa0minutes ago</time>: contact.user.updated" in text
    assert 'href="https://app.eu.intercom.com/a/apps/acct_1/users/6643703f"' in text
    assert (text.count("Handled</span>"), text.count("Waiting</span>")) == (1, 1)


def test_it_names_a_few_of_many_contacts(page: Client, offline: Connection) -> None:
    told(offline, "contact.merged", *(f"c{n}" for n in range(5)))
    text = seen(page, offline)
    assert "and 2 more" in text
    assert (">c2</code>" in text, ">c3</code>" in text) == (True, False)


def test_it_says_when_the_last_one_came_though_it_is_no_longer_kept(
    page: Client, offline: Connection
) -> None:
    told(offline, "ping", ago=60 * 60 * 24 * 15)
    Notification.everywhere.all().delete()
    assert "Last received <time" in seen(page, offline)


def test_it_looks_again_by_itself_and_says_nothing_when_nothing_changed(
    page: Client, offline: Connection
) -> None:
    fragment = seen(page, offline, "/live")
    assert (WAITING in fragment, "<html" in fragment) == (True, False)
    assert page.get(at(offline, "/live?seen=none")).status_code == 204
    told(offline, "ping")
    assert "ping" in seen(page, offline, "/live?seen=none")


def test_it_can_be_looked_at_again_without_scripts(page: Client, offline: Connection) -> None:
    assert '<noscript><p><a href="">Look again</a></p></noscript>' in seen(page, offline)


def test_it_keeps_the_secret_and_never_shows_it(page: Client, offline: Connection) -> None:
    assert "No secret yet" in seen(page, offline)
    answer = page.post(at(offline), {"client_secret": f" {SECRET} "}, follow=True)
    text = answer.content.decode()
    assert "A secret is set" in text
    assert SECRET not in text
    assert has_secret(offline)


def test_it_says_what_is_no_secret_at_the_field(page: Client, offline: Connection) -> None:
    answer = page.post(at(offline), {"client_secret": "a b"})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="client_secret-error"' in text
    assert 'value="a b"' not in text


def test_it_does_not_forget_the_secret_by_an_empty_field(page: Client, offline: Connection) -> None:
    with in_workspace(offline.workspace_id):
        hints.set_secret(offline, SECRET)
    assert page.post(at(offline), {"client_secret": ""}).status_code == 422
    assert has_secret(offline)
    page.post(at(offline), {"client_secret": "", "do": "forget"})
    assert not has_secret(offline)


def test_it_says_that_the_installation_has_one(
    page: Client, offline: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from passalong.config.settings import settings

    monkeypatch.setenv("PASSALONG_INTERCOM_CLIENT_SECRET", "installations-own")
    settings.cache_clear()
    try:
        text = seen(page, offline)
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert "This installation has a secret" in text
    assert "installations-own" not in text


def test_it_lets_viewers_look_only(viewer: Client, offline: Connection) -> None:
    assert 'name="client_secret"' not in seen(viewer, offline)
    assert viewer.post(at(offline), {"client_secret": SECRET}).status_code == 403
    assert not has_secret(offline)


@pytest.mark.parametrize("rest", ["", "/live"])
def test_it_is_nobody_elses(stranger: Client, offline: Connection, rest: str) -> None:
    assert stranger.get(at(offline, rest)).status_code == 404


def test_a_connection_leads_there(page: Client, offline: Connection) -> None:
    assert at(offline) in page.get(at(offline).removesuffix("/changes")).content.decode()


def test_an_ongoing_sync_hints_at_it_until_something_comes(page: Client, sync: Sync) -> None:
    home = f"/syncs/{public_id('sync', sync.pk)}"
    assert "Get them at once" not in page.get(home).content.decode()
    Sync.everywhere.update(type="ongoing")
    assert "Get them at once" in page.get(home).content.decode()
    told(sync.connection, "ping")
    assert "Get them at once" not in page.get(home).content.decode()
