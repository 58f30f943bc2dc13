"""The jobs that make newcomers known. Who waits stands in our tables."""

from collections.abc import Sequence
from uuid import UUID

from procrastinate.contrib.django import app

from passalong.core.jobs import defer_once


def enqueue(connection_id: UUID) -> None:
    """Have a worker send to a CRM who joined; one that is waiting already will do."""
    defer_once(send_newcomers, f"newcomers:{connection_id}", connection_id=str(connection_id))


@app.task(queue="runs", name="sync.send_newcomers")
async def send_newcomers(connection_id: str) -> None:
    """Make known in a CRM who joined."""
    from passalong.sync.newcomers import send

    await send.send(UUID(connection_id))


def enqueue_watch(connection_id: UUID, contact_ids: Sequence[str]) -> None:
    """Have a worker look whether leads qualify by what these contacts say now; inside a transaction, with its
    commit. One look at a time, so that those of one CRM that is away take one place. Does nothing where no
    campaign qualifies leads by a field of this CRM."""
    from passalong.sync.newcomers.models import PeopleRule

    rules = PeopleRule.everywhere.filter(connection_id=connection_id)
    if contact_ids and any(rule.qualifying.is_on for rule in rules):
        job = watch_contacts.configure(lock=f"watching:{connection_id}")
        job.defer(connection_id=str(connection_id), contact_ids=list(contact_ids))


@app.task(queue="runs", name="sync.watch_contacts")
async def watch_contacts(connection_id: str, contact_ids: list[str]) -> None:
    """Look whether leads qualify by what these contacts say."""
    from passalong.sync.newcomers import watch

    await watch.look_at(UUID(connection_id), contact_ids)


def enqueue_reconcile(connection_id: UUID) -> None:
    """Have a worker look for everybody who qualifies; one that is waiting already will do, and none begins
    beside one that waits for a CRM to come back."""
    lock = f"qualifying:{connection_id}"
    defer_once(reconcile_contacts, lock, lock=lock, connection_id=str(connection_id))


@app.task(queue="runs", name="sync.reconcile_contacts")
async def reconcile_contacts(connection_id: str) -> None:
    """Look for everybody who qualifies by a field of the CRM."""
    from passalong.sync.newcomers import watch

    await watch.reconcile(UUID(connection_id))


@app.periodic(cron="*/3 * * * *")
@app.task(queue="housekeeping", name="sync.look_for_qualified", queueing_lock="look_for_qualified")
def look_for_qualified(timestamp: int) -> int:  # noqa: ARG001 - the engine passes it by name
    """What no webhook told: look through every CRM by whose fields leads qualify."""
    from passalong.sync.newcomers import watch

    concerned = watch.watching()
    for connection_id in concerned:
        enqueue_reconcile(connection_id)
    return len(concerned)


@app.periodic(cron="* * * * * */5")
@app.task(queue="housekeeping", name="sync.look_for_newcomers", queueing_lock="look_for_newcomers")
def look_for_newcomers(timestamp: int) -> int:  # noqa: ARG001 - the engine passes it by name
    """Send whom no job is about to send: after a crash, a wait, or a healed connection."""
    from passalong.sync.newcomers import send

    concerned = send.waiting()
    for connection_id in concerned:
        enqueue(connection_id)
    return len(concerned)
