"""The jobs the engine runs for us. They only find a run and conduct it: its state is in our tables."""

import asyncio
from datetime import timedelta
from uuid import UUID

from django.db import close_old_connections, transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Status

from passalong.core.clock import now
from passalong.sync.models import ACTIVE, Run, RunKind

QUEUE = "runs"


def enqueue(run_id: UUID) -> None:
    """Have a worker pick this run up. Inside a transaction, the job appears with its commit."""
    try:
        with transaction.atomic():
            execute_run.configure(queueing_lock=f"run:{run_id}").defer(run_id=str(run_id))
    except AlreadyEnqueued:
        return


@app.task(queue=QUEUE, name="sync.execute_run")
async def execute_run(run_id: str) -> None:
    """Conduct one run until it ends, pauses, or this worker is told to stop."""
    from passalong.sync.run import conduct

    await conduct(UUID(run_id))


@app.periodic(cron="* * * * * */5")
@app.task(queue="housekeeping", name="sync.rescue_runs", queueing_lock="rescue_runs")
def rescue_runs(timestamp: int) -> int:  # noqa: ARG001 - the engine passes it by name
    """Give runs whose worker died to a living one; returns how many."""
    from passalong.sync.lease import abandoned_runs

    abandoned = abandoned_runs()
    for run_id in abandoned:
        enqueue(run_id)
    return len(abandoned)


@app.periodic(cron="* * * * * */15")
@app.task(queue="housekeeping", name="sync.start_due", queueing_lock="start_due")
def start_due(timestamp: int) -> int:  # noqa: ARG001 - the engine passes it by name
    """Start the ongoing syncs whose time has come; returns how many."""
    from passalong.sync import schedule

    return schedule.start_due()


@app.periodic(cron="*/10 * * * *")
@app.task(queue="housekeeping", name="sync.tidy", queueing_lock="tidy")
async def tidy(timestamp: int) -> None:  # noqa: ARG001 - the engine passes it by name
    """Drop jobs whose worker died (their runs have gone on with another) and previews a day old."""
    for job in await app.job_manager.get_stalled_jobs():
        await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
    await asyncio.to_thread(_drop_old_previews)


def _drop_old_previews() -> None:
    try:
        old = Run.everywhere.filter(kind=RunKind.PREVIEW, created_at__lt=now() - timedelta(days=1))
        old.exclude(status__in=ACTIVE).delete()
    finally:
        close_old_connections()
