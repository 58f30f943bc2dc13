"""A connection that stopped working reaches the team by email: once for each loss, until it is sent."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection as database
from django.db import transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from passalong.accounts.models import Member, Role, User
from passalong.accounts.scope import in_workspace
from passalong.core.ids import public_id
from passalong.sync import alerts, connections
from passalong.sync.models import Connection, Run
from tests.support import cast
from tests.support.cast import Person
from tests.support.crm import Crm, revoked
from tests.support.crm import Person as Contact
from tests.support.syncing import World

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime.fromisoformat("2026-11-25T12:00:00+00:00")
DOWN = "tests.app.sync.mail.Down"


@pytest.fixture
def alice() -> Person:
    person = cast.alice()
    cast.bob(person.workspace)
    for name, role, active in (
        ("ada", Role.ADMIN, True),
        ("vic", Role.VIEWER, True),
        ("gone", "editor", False),
    ):
        user = User.objects.create_user(f"{name}@example.com", None, is_active=active)
        Member.everywhere.create(workspace=person.workspace, user=user, role=role)
    cast.charlie()
    return person


@pytest.fixture
def connection(alice: Person) -> Connection:
    made = cast.connection_of(alice)
    cast.sync_of(cast.campaign_of(alice), made)
    return made


def lose(connection: Connection) -> None:
    connections.needs_attention(connection.pk)


def jobs(connection: Connection) -> int:
    named = {"connection_id": str(connection.pk)}
    return ProcrastinateJob.objects.filter(task_name="sync.send_alert", args=named).count()


def mend(connection: Connection) -> None:
    Connection.everywhere.filter(pk=connection.pk).update(status="connected", lost_at=None, alert_due_at=None)


def test_it_tells_everybody_who_can_mend_it_and_where(connection: Connection) -> None:
    lose(connection)
    assert alerts.tell(connection.pk) is True
    [sent] = mail.outbox
    assert sent.to == ["alice@example.com", "bob@example.com", "ada@example.com"]
    assert sent.subject == "Intercom needs you: Acme Intercom no longer lets Passalong in"
    assert sent.from_email == "Passalong <no-reply@127.0.0.1>"
    link = f"http://127.0.0.1:8000/connections/{public_id('connection', connection.pk)}#token"
    assert sent.body == (
        "Intercom no longer accepts the access token of Acme Intercom (workspace Acme).\n\n"
        "1 sync waits. Nobody is lost: it catches up by itself once the token works again.\n\n"
        f"Give the connection a new token here:\n{link}\n\n"
        "You get this message once, because you can change things in this workspace.\n"
    )


def test_it_is_sent_once_for_a_loss(connection: Connection) -> None:
    for _ in range(3):
        lose(connection)
        alerts.tell(connection.pk)
    assert (len(mail.outbox), jobs(connection), alerts.waiting()) == (1, 1, [])


def test_it_is_sent_again_for_another_loss(connection: Connection) -> None:
    for _ in range(2):
        lose(connection)
        alerts.tell(connection.pk)
        mend(connection)
    assert len(mail.outbox) == 2


def test_it_has_a_job_from_the_commit_on_and_none_without_it(connection: Connection) -> None:
    with transaction.atomic():
        lose(connection)
        assert jobs(connection) == 1
        transaction.set_rollback(True)
    assert (jobs(connection), alerts.waiting()) == (0, [])
    lose(connection)
    assert (jobs(connection), alerts.waiting()) == (1, [connection.pk])


def test_it_is_not_sent_when_somebody_was_faster(connection: Connection) -> None:
    lose(connection)
    mend(connection)
    assert alerts.tell(connection.pk) is False
    assert mail.outbox == []


def test_it_is_tried_again_ever_less_often_until_it_is_sent(connection: Connection, settings: Any) -> None:
    backend, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, DOWN
    with time_machine.travel(NOW, tick=False) as clock:
        lose(connection)
        waits = []
        for _ in range(5):
            assert alerts.tell(connection.pk) is False
            due = Connection.everywhere.get().alert_due_at
            assert due is not None
            waits.append(due - datetime.now(due.tzinfo))
            assert alerts.waiting() == []
            clock.move_to(due)
            assert alerts.waiting() == [connection.pk]
        assert waits == [timedelta(minutes=n) for n in (1, 1, 2, 4, 8)]
        settings.EMAIL_BACKEND = backend
        assert alerts.tell(connection.pk) is True
    assert (len(mail.outbox), alerts.waiting()) == (1, [])


def test_two_workers_send_one(connection: Connection, settings: Any) -> None:
    lose(connection)
    settings.EMAIL_BACKEND = DOWN
    alerts.tell(connection.pk)  # the first has taken it and not said that it is done
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert alerts.tell(connection.pk) is False
    assert mail.outbox == []


def test_a_name_from_outside_ends_no_header(connection: Connection) -> None:
    Connection.everywhere.update(account_name="Acme\nBcc: eve@example.com")
    lose(connection)
    alerts.tell(connection.pk)
    assert mail.outbox[0].subject.startswith("Intercom needs you: Acme Bcc: eve@example.com no longer")
    assert "eve@example.com" not in mail.outbox[0].recipients()


def test_a_team_without_anybody_to_write_to_is_done_with(connection: Connection) -> None:
    User.objects.update(is_active=False)
    lose(connection)
    assert alerts.tell(connection.pk) is False
    assert alerts.waiting() == []


def test_a_run_whose_token_was_revoked_tells_the_team() -> None:
    world = World(Crm(Contact("c1", "p1@example.com", "P1")))
    user = User.objects.create_user("olga@example.com", None)
    Member.everywhere.create(workspace_id=world.workspace_id, user=user, role=Role.OWNER)
    world.crm.at("plan", 1, revoked())
    assert world.run().status == "failed"
    assert alerts.waiting() == [world.connection.pk]
    alerts.tell(world.connection.pk)
    assert mail.outbox[0].to == ["olga@example.com"]


def test_what_a_disconnected_account_had_to_say_is_dropped(connection: Connection) -> None:
    lose(connection)
    with in_workspace(connection.workspace_id):
        connections.disconnect(Connection.objects.get())
    assert alerts.waiting() == []


def test_the_banner_costs_one_query(alice: Person, connection: Connection) -> None:
    from django.test.utils import CaptureQueriesContext

    with in_workspace(alice.workspace.pk), CaptureQueriesContext(database) as asked:
        assert connections.in_trouble() == []
    assert len(asked) == 1
    lose(connection)
    with in_workspace(alice.workspace.pk):
        [found] = connections.in_trouble()
    assert found.syncs == 1  # type: ignore[attr-defined]
    assert Run.everywhere.count() == 0
