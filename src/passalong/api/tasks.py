"""Forgets idempotency keys when their day is over."""

from procrastinate.contrib.django import app

from passalong.api import idempotency


@app.periodic(cron="17 * * * *")
@app.task(queue="housekeeping", name="api.forget_keys", queueing_lock="forget_keys")
def forget_keys(timestamp: int) -> int:  # noqa: ARG001 - the engine passes it by name
    """Delete keys older than 24 hours; returns how many."""
    return idempotency.forget_old_keys()
