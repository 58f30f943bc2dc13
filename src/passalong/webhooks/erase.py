"""The log of what was told keeps nothing of people who were erased."""

from typing import Any

from django.db.models import Q

from passalong.core.clock import now
from passalong.core.ids import public_id
from passalong.core.scrub import contains
from passalong.referrers.erasing import Person, mentioning
from passalong.webhooks.models import Delivery, DeliveryStatus

NOT_TOLD = "The person was erased before this was sent."


def on_erasing(person: Person, **_signal: Any) -> None:
    """What tells about them says only that they were erased; what was not sent yet is not."""
    ids = [public_id("referrer", one) for one in person.referrers]
    ids += [public_id("lead", one) for one in person.leads]
    about = Delivery.objects.filter(Q(payload__data__id__in=ids))
    mentioned = [
        row.pk
        for row in mentioning(Delivery.objects.all(), "payload", person.texts)
        if contains(row.payload, person.texts)
    ]
    for delivery in Delivery.objects.filter(Q(pk__in=about.values("pk")) | Q(pk__in=mentioned)).order_by(
        "pk"
    ):
        noun = delivery.payload.get("data", {}).get("id")
        delivery.payload = {**delivery.payload, "data": {"id": noun, "erased": True}}
        if delivery.status == DeliveryStatus.PENDING:
            delivery.status, delivery.next_at = DeliveryStatus.FAILED, None
            delivery.error, delivery.finished_at = NOT_TOLD, now()
        delivery.save(update_fields=["payload", "status", "next_at", "error", "finished_at"])
