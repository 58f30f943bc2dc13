"""Whatever happens to a CRM and to us, in any order: when both are quiet, they agree with the truth."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from passalong.integrations import registry
from tests.support.model import Life

# Shrinking takes minutes: worth it where somebody looks into a failure.
PHASES = [one for one in Phase if one != Phase.shrink or "PASSALONG_TEST_SHRINK" in os.environ]


@pytest.mark.django_db(transaction=True)
def test_it_ends_as_the_truth_whatever_happened_in_between() -> None:
    try:
        run_state_machine_as_test(
            Life,
            settings=settings(
                max_examples=int(os.environ.get("PASSALONG_TEST_LIVES", "40")),
                stateful_step_count=int(os.environ.get("PASSALONG_TEST_STEPS", "15")),
                deadline=None,
                phases=PHASES,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )
    finally:
        registry.forget("intercom")
