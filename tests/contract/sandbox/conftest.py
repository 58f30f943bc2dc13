"""One sandbox per file, cleaned of switches and faults between tests; tests make their own people."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from passalong.sandbox.intercom.settings import Settings
from tests.contract.sandbox.client import Api
from tests.support.sandbox import Sandbox, start_sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contacts=60) as running:
        yield running


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    sandbox.control.clear_faults()
    sandbox.control.settings(**{**msgspec.to_builtins(Settings()), "rate_limit": 1_000_000})
    sandbox.control.reset()
    client = Api(sandbox)
    yield client
    client.http.close()
