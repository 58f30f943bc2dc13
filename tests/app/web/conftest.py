"""Browsers of alice, bob and a viewer, and a real look-alike of the CRM behind alice's connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from tests.support.sandbox import TOKEN, Sandbox, start_sandbox

if TYPE_CHECKING:
    from passalong.campaigns.models import Campaign
    from passalong.sync.models import Connection, Sync
    from tests.support.cast import Person


def browser(user: Any) -> Client:
    """A browser this user is signed in with."""
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def alice(db: None) -> Person:
    from tests.support import cast

    return cast.alice()


@pytest.fixture
def page(alice: Person) -> Client:
    """Alice's browser."""
    return browser(alice.member.user)


@pytest.fixture
def viewer(alice: Person) -> Client:
    """A browser of somebody who may only look."""
    from passalong.accounts.models import Member, Role, User

    user = User.objects.create_user("vic@example.com", "vic's long password")
    Member.everywhere.create(workspace=alice.workspace, user=user, role=Role.VIEWER)
    return browser(user)


@pytest.fixture
def stranger(db: None) -> Client:
    """Charlie's browser, of another workspace."""
    from tests.support import cast

    return browser(cast.charlie().member.user)


@pytest.fixture
def campaign(alice: Person) -> Campaign:
    from tests.support import cast

    return cast.campaign_of(alice)


@pytest.fixture
def offline(alice: Person) -> Connection:
    """A connection with remembered fields and nothing behind it."""
    from tests.support import cast

    return cast.connection_of(alice)


@pytest.fixture
def sync(campaign: Campaign, offline: Connection) -> Sync:
    from tests.support import cast

    return cast.sync_of(campaign, offline)


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contacts=60) as running:
        yield running


@pytest.fixture
def sandbox(_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The look-alike, without faults, and the product pointed at it."""
    from passalong.config.settings import settings

    monkeypatch.setenv("PASSALONG_INTERCOM_API_URL", _sandbox.url)
    settings.cache_clear()
    _sandbox.control.clear_faults()
    yield _sandbox
    settings.cache_clear()


@pytest.fixture
def connected(sandbox: Sandbox, alice: Person) -> Connection:
    from passalong.accounts.scope import in_workspace
    from passalong.sync.connections import connect, look_up

    with in_workspace(alice.workspace.pk):
        made = connect("intercom", TOKEN)
    look_up(made.pk)
    return made
