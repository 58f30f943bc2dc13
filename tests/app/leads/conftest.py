"""Dana refers in alice's campaign, in a database where each thread sees what others committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from passalong.campaigns.models import Campaign
    from passalong.referrers.models import Referrer


@pytest.fixture
def spring(transactional_db: None) -> Campaign:
    from tests.support import cast

    return cast.campaign_of(cast.alice())


@pytest.fixture
def rita(spring: Campaign) -> Referrer:
    from tests.support import cast

    return cast.referrer_of(spring, "rita@gmail.com")
