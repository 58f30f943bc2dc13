"""The jobs the engine runs for us. They only find a run and conduct it: its state is in our tables."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from django.db import close_old_connections
from procrastinate.contrib.django import app
from procrastinate.jobs import Status

from passalong.core.jobs import defer_once
from passalong.sync.newcomers import tasks as newcomers  # noqa: F401 - the engine looks for jobs here

QUEUE = "runs"
HINTS_GATHER_SECONDS = 0.5


def enqueue(run_id: UUID) -> None:
    """Have a worker pick this run up. Inside a transaction, the job appears with its commit."""
    defer_once(execute_run, f"run:{run_id}", run_id=str(run_id))


@app.task(queue=QUEUE, name="sync.execute_run")
async def execute_run(run_id: str) -> None:
    """Conduct one run until it ends, pauses, or this worker is told to stop."""
    from passalong.sync.run import conduct

    await conduct(UUID(run_id))


def enqueue_look_up(connection_id: UUID) -> None:
    """Have a worker read what a CRM has; one that is waiting already will do."""
    defer_once(look_up, f"look-up:{connection_id}", connection_id=str(connection_id))


@app.task(queue=QUEUE, name="sync.look_up")
def look_up(connection_id: str) -> None:
    """Read a CRM's fields and segments into our caches."""
    from passalong.sync import connections

    _and_close(lambda: connections.look_up(UUID(connection_id)))


def enqueue_samples(draft_id: UUID) -> None:
    """Have a worker find the contacts whose values a mapping shows."""
    defer_once(find_samples, f"samples:{draft_id}", draft_id=str(draft_id))


@app.task(queue=QUEUE, name="sync.find_samples")
def find_samples(draft_id: str) -> None:
    """Find contacts to show in a mapping."""
    from passalong.sync.setup import samples

    _and_close(lambda: samples.find(UUID(draft_id)))


def enqueue_hints(connection_id: UUID) -> None:
    """Have a worker follow what a CRM told of."""
    defer_once(follow_hints, f"hints:{connection_id}", connection_id=str(connection_id))


@app.task(queue=QUEUE, name="sync.follow_hints")
async def follow_hints(connection_id: str) -> None:
    """Start the runs that what a CRM told of asks for, after waiting a moment for more of the same."""
    from passalong.sync import hints

    await asyncio.sleep(HINTS_GATHER_SECONDS)
    await asyncio.to_thread(_and_close, lambda: hints.follow(UUID(connection_id)))
    await hints.confirm_deleted(UUID(connection_id))


def enqueue_alert(connection_id: UUID) -> None:
    """Have a worker tell the team that a connection stopped working."""
    defer_once(send_alert, f"alert:{connection_id}", connection_id=str(connection_id))


@app.task(queue="mail", name="sync.send_alert")
def send_alert(connection_id: str) -> None:
    """Tell the team by email; what fails is tried again by the time in the connection's row."""
    from passalong.sync import alerts

    _and_close(lambda: alerts.tell(UUID(connection_id)))


def enqueue_changes(connection_id: UUID) -> None:
    """Have a worker send to a CRM what changed here."""
    defer_once(send_changes, f"changes:{connection_id}", connection_id=str(connection_id))


@app.task(queue=QUEUE, name="sync.send_changes")
async def send_changes(connection_id: str) -> None:
    """Send what changed outside of runs."""
    from passalong.sync import changes

    await changes.send(UUID(connection_id))


def _and_close(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        close_old_connections()


@app.periodic(cron="* * * * * */5")
@app.task(queue="housekeeping", name="sync.rescue_runs", queueing_lock="rescue_runs")
def rescue_runs(timestamp: int) -> int:  # noqa: ARG001 - the engine passes it by name
    """Give runs whose worker died to a living one; returns how many."""
    from passalong.sync.lease import abandoned_runs

    abandoned = abandoned_runs()
    for run_id in abandoned:
        enqueue(run_id)
    return len(abandoned)


@app.periodic(cron="* * * * * */5")
@app.task(queue="housekeeping", name="sync.look_for_changes", queueing_lock="look_for_changes")
def look_for_changes(timestamp: int) -> int:  # noqa: ARG001 - the engine passes it by name
    """Send changes that no job is about to send: after a crash, a pause, or a healed connection."""
    from passalong.sync import changes

    concerned = changes.waiting()
    for connection_id in concerned:
        enqueue_changes(connection_id)
    return len(concerned)


@app.periodic(cron="* * * * * */5")
@app.task(queue="housekeeping", name="sync.look_for_hints", queueing_lock="look_for_hints")
def look_for_hints(timestamp: int) -> int:  # noqa: ARG001 - the engine passes it by name
    """Follow what a CRM told of that no job is about to follow; returns for how many connections."""
    from passalong.sync import hints

    concerned = hints.waiting()
    for connection_id in concerned:
        enqueue_hints(connection_id)
    return len(concerned)


@app.periodic(cron="* * * * * */30")
@app.task(queue="housekeeping", name="sync.look_for_alerts", queueing_lock="look_for_alerts")
def look_for_alerts(timestamp: int) -> int:  # noqa: ARG001 - the engine passes it by name
    """Tell teams whose message could not be sent, or whose job is gone; returns how many."""
    from passalong.sync import alerts

    concerned = alerts.waiting()
    for connection_id in concerned:
        enqueue_alert(connection_id)
    return len(concerned)


@app.periodic(cron="* * * * * */15")
@app.task(queue="housekeeping", name="sync.start_due", queueing_lock="start_due")
def start_due(timestamp: int) -> int:  # noqa: ARG001 - the engine passes it by name
    """Start the ongoing syncs whose time has come; returns how many."""
    from passalong.sync import schedule

    return schedule.start_due()


@app.periodic(cron="* * * * *")
@app.task(queue="housekeeping", name="sync.drop_stalled", queueing_lock="drop_stalled")
async def drop_stalled(timestamp: int) -> None:  # noqa: ARG001 - the engine passes it by name
    """Drop jobs whose worker died: what they did goes on with another, which waits where they held a lock."""
    for job in await app.job_manager.get_stalled_jobs():
        await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)


@app.periodic(cron="*/10 * * * *")
@app.task(queue="housekeeping", name="sync.tidy", queueing_lock="tidy")
def tidy(timestamp: int) -> None:  # noqa: ARG001 - the engine passes it by name
    """Drop what nobody looks at."""
    from passalong.sync import retention

    _and_close(retention.tidy)
