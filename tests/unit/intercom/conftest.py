"""Async tests run on asyncio only, as the product does."""

import pytest

from passalong.integrations.intercom import pace
from tests.unit.intercom.fakes import FakeTime


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture(autouse=True)
def _fresh_budgets() -> None:
    pace._budgets.clear()
