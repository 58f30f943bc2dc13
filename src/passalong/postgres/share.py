"""Who uses the server: locks that the kernel drops when their process ends, however it ends."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from passalong.core.problems import Problem

LOCK_SECONDS = 120.0


@contextlib.contextmanager
def lock(home: Path) -> Iterator[None]:
    """Only one process at a time starts or stops the server."""
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + LOCK_SECONDS
    try:
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise Problem(
                    503,
                    "database_locked",
                    "The database is being started elsewhere",
                    f"Another process has been starting or stopping the database in {home} for two minutes.",
                    "Look at server.log there, end that process, and try again.",
                )
            time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_last(share: int) -> bool:
    """Whether nobody else has a share."""
    # Turning the shared lock into an exclusive one works only when nobody else has a share.
    return _try_lock(share)


def lease(home: Path) -> int:
    """A share in the server, held until the descriptor is closed."""
    descriptor = os.open(home / "users", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor
