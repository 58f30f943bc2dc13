"""The jobs of uploads. They only find an import and work on it: its state is in our tables."""

from uuid import UUID

from procrastinate.contrib.django import app

from passalong.core.jobs import defer_once

QUEUE = "runs"


def enqueue(upload_id: UUID) -> None:
    """Have a worker pick this import up. Inside a transaction, the job appears with its commit."""
    defer_once(execute_import, f"import:{upload_id}", upload_id=str(upload_id))


@app.task(queue=QUEUE, name="referrers.execute_import")
async def execute_import(upload_id: str) -> None:
    """Work on one import until it ends or this worker is told to stop."""
    from passalong.referrers.imports.work import conduct

    await conduct(UUID(upload_id))


@app.periodic(cron="* * * * * */5")
@app.task(queue="housekeeping", name="referrers.rescue_imports", queueing_lock="rescue_imports")
def rescue_imports(timestamp: int) -> int:  # noqa: ARG001 - the engine passes it by name
    """Give imports whose worker died to a living one; returns how many."""
    from passalong.referrers.imports.lease import abandoned

    found = abandoned()
    for upload_id in found:
        enqueue(upload_id)
    return len(found)


@app.periodic(cron="23 * * * *")
@app.task(queue="housekeeping", name="referrers.drop_old_drafts", queueing_lock="drop_old_drafts")
def drop_old_drafts(timestamp: int) -> int:  # noqa: ARG001 - the engine passes it by name
    """Forget uploads that nobody went on with for a day; returns how many."""
    from passalong.referrers.imports import services

    return services.drop_old_drafts()
