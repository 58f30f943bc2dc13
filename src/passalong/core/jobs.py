"""Handing work to the engine, once."""

from typing import Any

from django.db import transaction
from procrastinate.exceptions import AlreadyEnqueued


def defer_once(task: Any, queueing_lock: str, *, lock: str | None = None, **arguments: str) -> None:
    """Have a worker do this; one that waits under the same `queueing_lock` will do.

    Inside a transaction the job appears with its commit. With `lock` it begins only when no other job under
    that lock is being done.
    """
    try:
        # A savepoint: being told that one waits must not spoil the caller's transaction.
        with transaction.atomic():
            task.configure(queueing_lock=queueing_lock, lock=lock).defer(**arguments)
    except AlreadyEnqueued:
        return
