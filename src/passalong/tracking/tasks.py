"""The job that brings the days' numbers up to date."""

from procrastinate.contrib.django import app


@app.periodic(cron="* * * * * */15")
@app.task(queue="housekeeping", name="tracking.fold", queueing_lock="fold")
def fold(timestamp: int) -> int:  # noqa: ARG001 - the engine passes it by name
    """Add what was noted to the days."""
    from passalong.tracking import tally

    return tally.fold()
