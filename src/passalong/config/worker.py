"""The worker part: procrastinate, kept running across restarts of the database."""

import asyncio
import gc
import signal
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from passalong.config.boot import set_up_django
from passalong.config.parent import end_with_supervisor
from passalong.config.settings import settings
from passalong.core.problems import Problem

if TYPE_CHECKING:
    from procrastinate import App

# The queue of jobs that may wait for a CRM, and how many of all others run at once.
RUNS = "runs"
UPKEEP_CONCURRENCY = 4
HEARTBEAT_SECONDS = 5
STALLED_SECONDS = 20
STOP_SECONDS = 4
PATIENCE_SECONDS = 120
QUICK_FAILURES = 20


def work() -> None:
    """Do jobs until SIGTERM or SIGINT."""
    end_with_supervisor()
    set_up_django()
    from passalong.config.schema import wait_until_current

    wait_until_current()
    _spare_the_collector()
    asyncio.run(_work())


def _spare_the_collector() -> None:
    """What is loaded now lives as long as the process: do not look through it at every page."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _work() -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    failures = 0
    while not stopping.is_set() and failures < QUICK_FAILURES:
        began = time.monotonic()
        await _one_life(stopping)
        failures = 0 if time.monotonic() - began > STALLED_SECONDS else failures + 1
        if not stopping.is_set():
            structlog.get_logger(__name__).warning("worker stopped by itself, starting it again")
            await _until_database_answers(stopping)
    if not stopping.is_set():
        raise Problem(
            500,
            "worker_failing",
            "The worker keeps failing",
            f"It stopped by itself {failures} times in a row, although the database answers.",
            "Look at the errors above; passalong doctor may say more.",
        )


async def _one_life(stopping: asyncio.Event) -> None:
    """Run procrastinate until we are told to stop, or it gives up because it lost the database."""
    from procrastinate import PsycopgConnector
    from procrastinate.contrib.django import app
    from procrastinate.contrib.django.utils import connector_params

    connector = PsycopgConnector(kwargs=connector_params(), min_size=1, max_size=4, timeout=10)
    # A second app over the same tasks, not `replace_connector`: the tasks keep the connector of Django, so a
    # job deferred inside a task is part of that task's transaction.
    worker_app = app.with_connector(connector)
    await _forget_broken_connections()
    try:
        async with worker_app.open_async():
            told = asyncio.create_task(stopping.wait())
            loops = [asyncio.create_task(loop) for loop in _loops(worker_app)]
            await asyncio.wait({told, *loops}, return_when=asyncio.FIRST_COMPLETED)
            for task in (told, *loops):
                task.cancel()
            # They end side by side: each has STOP_SECONDS for its jobs.
            for ended in await asyncio.gather(*loops, return_exceptions=True):
                _note_failure(ended)
    except Exception as error:  # noqa: BLE001 - whatever it was, the loop decides whether to go on
        _note_failure(error)


def _note_failure(ended: BaseException | None) -> None:
    if isinstance(ended, Exception):
        error = f"{type(ended).__name__}: {ended}"
        structlog.get_logger(__name__).warning("worker failed", error=error)


def _loops(worker_app: "App") -> list[Coroutine[Any, Any, None]]:
    """One for what waits for CRMs, one for the rest: a run keeps its place through an outage, and however
    many do, rescue, schedule, mail and webhooks go on."""
    others = sorted({task.queue for task in worker_app.tasks.values()} - {RUNS})
    return [
        _run(_without_clock(worker_app), [RUNS], settings().worker_concurrency),
        _run(worker_app, others, UPKEEP_CONCURRENCY),
    ]


def _without_clock(worker_app: "App") -> "App":
    """The same jobs, with the clock left to the other loop.

    One of its entries stays, deferred by both and once in the table: the engine takes a clock that has
    nothing to do for one that ended, and then no longer watches whether the loop's heartbeat goes on.
    """
    from procrastinate.periodic import PeriodicRegistry

    quiet = worker_app.with_connector(worker_app.connector)
    one = next(iter(worker_app.periodic_registry.periodic_tasks.values()))
    quiet.periodic_registry = PeriodicRegistry()  # type: ignore[no-untyped-call]
    quiet.periodic_registry.register_task(one.task, one.cron, one.periodic_id, {**one.configure_kwargs})
    return quiet


async def _run(worker_app: "App", queues: list[str], concurrency: int) -> None:
    await worker_app.run_worker_async(
        queues=queues,
        concurrency=concurrency,
        delete_jobs="successful",
        shutdown_graceful_timeout=STOP_SECONDS,
        update_heartbeat_interval=HEARTBEAT_SECONDS,
        stalled_worker_timeout=STALLED_SECONDS,
        listen_notify=True,
        install_signal_handlers=False,
    )


async def _forget_broken_connections() -> None:
    # The periodic tasks are deferred through Django's connection of this thread.
    from asgiref.sync import sync_to_async
    from django.db import close_old_connections

    await sync_to_async(close_old_connections)()


async def _until_database_answers(stopping: asyncio.Event) -> None:
    import psycopg

    deadline, wait = time.monotonic() + PATIENCE_SECONDS, 0.25
    while not stopping.is_set():
        try:
            connection = await psycopg.AsyncConnection.connect(
                settings().database_url or "", connect_timeout=5
            )
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise Problem(
                    503,
                    "database_unreachable",
                    "The database does not answer",
                    f"No connection to the database for {PATIENCE_SECONDS} seconds: {error}",
                    "Check that it runs and that DATABASE_URL is right.",
                ) from error
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), wait)
            wait = min(wait * 2, 5)
        else:
            await connection.close()
            return
