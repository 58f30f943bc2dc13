"""Database work for async code: one thread with one connection, patient while the database restarts."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections, connections

P = ParamSpec("P")
T = TypeVar("T")
log = structlog.get_logger(__name__)


class DbThread:
    """`await db(function, …)` runs it in this thread's own connection; calls run one after the other.

    A lost connection, a dead-lock or a restarting database is retried for `patience` seconds, so functions
    must be safe to repeat: one transaction each, keyed writes.
    """

    def __init__(self, patience: float = 120.0) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="db")
        self._patience = patience

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: self._persist(function, args, kwargs))

    def _persist(self, function: Callable[..., T], args: Any, kwargs: Any) -> T:
        deadline = time.monotonic() + self._patience
        pause = 0.1
        while True:
            close_old_connections()
            try:
                return function(*args, **kwargs)
            except (OperationalError, InterfaceError) as error:
                connections.close_all()
                if time.monotonic() > deadline:
                    raise
                log.warning(
                    "database unavailable, trying again", reason=type(error).__name__, in_seconds=pause
                )
                time.sleep(pause)
                pause = min(pause * 2, 3.0)

    def beside(self) -> "DbThread":
        """Another thread with a connection of its own, for work that may happen at the same time."""
        return DbThread(self._patience)

    async def close(self) -> None:
        """Wait for what is under way and give the connection back."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._pool, connections.close_all)
        self._pool.shutdown(wait=False)
