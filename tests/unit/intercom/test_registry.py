"""Integrations are found by name and loaded when asked for."""

import subprocess
import sys

import pytest

from passalong.integrations import registry


def test_it_finds_intercom() -> None:
    found = registry.integration("intercom")
    assert (found.provider, found.title) == ("intercom", "Intercom")


@pytest.mark.parametrize("provider", registry.providers())
def test_it_knows_every_integration_by_its_own_name(provider: str) -> None:
    assert registry.integration(provider).provider == provider


def test_it_says_which_there_are() -> None:
    with pytest.raises(KeyError) as caught:
        registry.integration("hubspot")
    assert str(caught.value) == "There is no integration “hubspot”; there are: intercom."


def test_it_loads_no_integration_before_it_is_needed() -> None:
    code = "import sys, passalong.integrations.registry as r; print('httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"False\n"
