"""Programs with tokens of alice's and charlie's workspaces, and something to ask about.

Models are imported when a fixture runs: pytest may read this file before Django is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from passalong.campaigns.models import Campaign
    from passalong.referrers.models import Referrer
    from passalong.sync.models import Connection, Sync
    from tests.support.cast import Api, Person


@pytest.fixture
def alice(db: None) -> Person:
    from tests.support import cast

    return cast.alice()


@pytest.fixture
def charlie(db: None) -> Person:
    from tests.support import cast

    return cast.charlie()


@pytest.fixture
def api(alice: Person) -> Api:
    from tests.support.cast import Api

    return Api(alice.token)


@pytest.fixture
def charlies_api(charlie: Person) -> Api:
    from tests.support.cast import Api

    return Api(charlie.token)


@pytest.fixture
def campaign(alice: Person) -> Campaign:
    from tests.support import cast

    return cast.campaign_of(alice)


@pytest.fixture
def campaign_id(campaign: Campaign) -> str:
    from passalong.core.ids import public_id

    return public_id("campaign", campaign.pk)


@pytest.fixture
def referrer(campaign: Campaign) -> Referrer:
    from tests.support import cast

    return cast.referrer_of(campaign)


@pytest.fixture
def connection(alice: Person) -> Connection:
    from tests.support import cast

    return cast.connection_of(alice)


@pytest.fixture
def connection_id(connection: Connection) -> str:
    from passalong.core.ids import public_id

    return public_id("connection", connection.pk)


@pytest.fixture
def sync(campaign: Campaign, connection: Connection) -> Sync:
    from tests.support import cast

    return cast.sync_of(campaign, connection)


@pytest.fixture
def sync_id(sync: Sync) -> str:
    from passalong.core.ids import public_id

    return public_id("sync", sync.pk)
