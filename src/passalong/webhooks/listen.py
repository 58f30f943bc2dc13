"""From what happens to what is told: one delivery for each webhook that asked for the event.

A delivery is written in the transaction of what it tells about. How a noun looks outside is the API's to say;
it leaves its words here (`show`), as this module may not ask it.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db import transaction

from passalong.core.clock import now
from passalong.leads.models import Lead
from passalong.leads.signals import lead_created, lead_qualified, lead_unqualified
from passalong.referrers.models import Referrer
from passalong.referrers.signals import referrers_created
from passalong.sync.models import Connection, Run
from passalong.sync.signals import connection_lost, run_finished
from passalong.webhooks.models import Delivery

# Held until the commit: a webhook that were deleted meanwhile would take what it is told of with it.
WANTED = """
SELECT id FROM webhooks_webhook WHERE workspace_id = %s AND is_active AND events @> %s::jsonb
ORDER BY id FOR KEY SHARE
"""

show: dict[str, Callable[[Any], Mapping[str, Any]]] = {}


def connect() -> None:
    """Listen to the signals of every noun."""
    lead_created.connect(_on_lead_created)
    lead_qualified.connect(_on_lead_qualified)
    lead_unqualified.connect(_on_lead_unqualified)
    referrers_created.connect(_on_referrers_created)
    run_finished.connect(_on_run_finished)
    connection_lost.connect(_on_connection_lost)


def _on_lead_created(leads: Sequence[Lead], **_signal: Any) -> None:
    tell(leads[0].workspace_id, "lead.created", lambda: map(show["lead"], leads))


def _on_lead_qualified(leads: Sequence[Lead], **_signal: Any) -> None:
    tell(leads[0].workspace_id, "lead.qualified", lambda: map(show["lead"], leads))


def _on_lead_unqualified(lead: Lead, **_signal: Any) -> None:
    tell(lead.workspace_id, "lead.unqualified", lambda: [show["lead"](lead)])


def _on_referrers_created(workspace_id: UUID, ids: list[Any], **_signal: Any) -> None:
    def made() -> Iterable[Mapping[str, Any]]:
        rows = Referrer.everywhere.filter(pk__in=ids).prefetch_related("links").order_by("pk")
        return [show["referrer"](row) for row in rows]

    if ids:
        tell(workspace_id, "referrer.created", made)


def _on_run_finished(run_id: UUID, **_signal: Any) -> None:
    run = Run.everywhere.get(pk=run_id)
    tell(run.workspace_id, "run.finished", lambda: [show["run"](run)])


def _on_connection_lost(connection_id: UUID, **_signal: Any) -> None:
    found = Connection.everywhere.get(pk=connection_id)
    tell(found.workspace_id, "connection.needs_attention", lambda: [show["connection"](found)])


def tell(workspace_id: UUID, event: str, nouns: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
    """Write a delivery of each noun for each webhook that wants this event."""
    with database.cursor() as cursor:
        cursor.execute(WANTED, (workspace_id, json.dumps([event])))
        wanted = [hook for (hook,) in cursor.fetchall()]
    if wanted:
        rows = [(noun, hook) for noun in nouns() for hook in wanted]
        queue(workspace_id, event, rows)


def queue(workspace_id: UUID, event: str, rows: Iterable[tuple[Mapping[str, Any], UUID]]) -> list[Delivery]:
    """Deliveries of `(noun, webhook)`, to be sent as soon as this is committed."""
    from passalong.webhooks.tasks import enqueue

    moment = now()
    deliveries = [
        Delivery(
            workspace_id=workspace_id,
            webhook_id=hook,
            event=event,
            payload={"type": event, "timestamp": moment, "data": noun},
            next_at=moment,
        )
        for noun, hook in rows
    ]
    Delivery.everywhere.bulk_create(deliveries)
    transaction.on_commit(enqueue)
    return deliveries
