"""The jobs that send deliveries. What is due stands in our tables."""

from datetime import timedelta

from procrastinate.contrib.django import app

from passalong.core.clock import now
from passalong.core.jobs import defer_once
from passalong.webhooks.models import Delivery, DeliveryStatus

KEPT_FOR = timedelta(days=30)


def enqueue() -> None:
    """Have a worker send what is due; one that is waiting already will do, and one at a time sends."""
    defer_once(send_due, "webhooks", lock="webhooks")


@app.task(queue="webhooks", name="webhooks.send_due")
async def send_due() -> None:
    """Send everything that is due."""
    from passalong.webhooks import send

    await send.send_due()


@app.periodic(cron="* * * * * */5")
@app.task(queue="housekeeping", name="webhooks.look_for_due", queueing_lock="look_for_due")
def look_for_due(timestamp: int) -> None:  # noqa: ARG001 - the engine passes it by name
    """Send what has become due again, or was left by a worker that died."""
    if Delivery.everywhere.filter(status=DeliveryStatus.PENDING, next_at__lte=now()).exists():
        enqueue()


@app.periodic(cron="17 * * * *")
@app.task(queue="housekeeping", name="webhooks.tidy", queueing_lock="tidy_webhooks")
def tidy(timestamp: int) -> None:  # noqa: ARG001 - the engine passes it by name
    """Forget deliveries a month old."""
    old = Delivery.everywhere.filter(created_at__lt=now() - KEPT_FOR)
    old.exclude(status=DeliveryStatus.PENDING).delete()
