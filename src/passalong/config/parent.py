"""Ties a child's life to its parent's, so that a killed supervisor leaves nothing running."""

import ctypes
import os
import signal
import sys

PARENT = "PASSALONG_SUPERVISOR_PID"
_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Be told to stop when `parent` ends, even by SIGKILL. Linux only; elsewhere this does nothing."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)  # it ended before we could ask


def end_with_supervisor() -> None:
    """The same for the parts of `passalong up`; a part that was started alone goes its own way."""
    supervisor = os.environ.get(PARENT)
    if supervisor:
        end_with_parent(int(supervisor))
