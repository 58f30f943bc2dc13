"""SIGKILLs the worker of a 5,000-contact run at 20 random instants, and compares with an undisturbed run."""

import os
import sys

import pytest

KILLS = "20"


def main() -> int:
    """The test of the same name with more kills; it prints where each one struck and what came of it."""
    os.environ["PASSALONG_TEST_KILLS"] = sys.argv[1] if len(sys.argv) > 1 else KILLS
    return int(pytest.main(["-q", "-s", "-p", "no:cacheprovider", "tests/e2e/test_kill.py"]))


if __name__ == "__main__":
    sys.exit(main())
