"""Lives 300 random lives of a CRM and of Passalong, and compares each with the truth once both are quiet."""

import os
import sys

import pytest

LIVES, STEPS = "300", "25"


def main() -> int:
    """The test of the model with more and longer lives; a failure prints the steps that led to it."""
    os.environ["PASSALONG_TEST_LIVES"] = sys.argv[1] if len(sys.argv) > 1 else LIVES
    os.environ["PASSALONG_TEST_STEPS"] = sys.argv[2] if len(sys.argv) > 2 else STEPS
    return int(pytest.main(["-q", "--durations=1", "tests/app/sync/test_model.py"]))


if __name__ == "__main__":
    sys.exit(main())
