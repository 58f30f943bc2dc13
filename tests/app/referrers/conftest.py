"""Alice's campaign, in a database where each thread sees what others committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from passalong.campaigns.models import Campaign


@pytest.fixture
def campaign(transactional_db: None) -> Campaign:
    from tests.support import cast

    return cast.campaign_of(cast.alice())
