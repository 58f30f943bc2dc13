"""Verbs for webhooks and their deliveries."""

import base64
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from passalong.core.addresses import is_web_address
from passalong.core.clock import now
from passalong.core.crypto import UndecryptableError, decrypt, encrypt
from passalong.core.problems import FieldProblem, Problem, invalid
from passalong.webhooks import listen
from passalong.webhooks.models import EVENTS, Delivery, DeliveryStatus, Webhook

OVERLAP = timedelta(hours=24)
TWICE = timedelta(minutes=1)
MOST = 20


def add_webhook(url: str, events: Sequence[str]) -> Webhook:
    """Tell this address of these events from now on. Problem 422 naming what is wrong."""
    fields = _valid(url=url, events=events)
    if Webhook.objects.count() >= MOST:
        detail = f"This workspace has {MOST} webhooks, which is as many as there can be."
        raise Problem(409, "too_many", "Too many", detail, "Delete one that is no longer needed.")
    return Webhook.objects.create(url=fields["url"], events=fields["events"], secret=_new_secret())


def change_webhook(webhook: Webhook, **changes: Any) -> Webhook:
    """Set url, events or is_active."""
    fields = _valid(**changes)
    is_told_no_more = webhook.is_active and fields.get("is_active") is False
    for key, value in fields.items():
        setattr(webhook, key, value)
    with transaction.atomic():
        if fields:
            webhook.save(update_fields=list(fields))
        if is_told_no_more:
            switch_off(webhook.pk, "The webhook was switched off.")
    return webhook


def switch_off(webhook_id: UUID, reason: str) -> None:
    """Tell a webhook nothing more, not even what waits for it."""
    Webhook.everywhere.filter(pk=webhook_id).update(is_active=False)
    waiting = Delivery.everywhere.filter(webhook=webhook_id, status=DeliveryStatus.PENDING)
    waiting.update(status=DeliveryStatus.FAILED, next_at=None, finished_at=now(), error=reason)


@transaction.atomic
def delete_webhook(webhook: Webhook) -> None:
    """Forget a webhook and its deliveries; those that wait are not sent."""
    # Held first: otherwise what it is told of in this moment could keep it from going.
    for row in Webhook.objects.select_for_update().filter(pk=webhook.pk):
        row.delete()


def rotate(webhook: Webhook) -> Webhook:
    """A new secret. For a day, deliveries are signed with the old one as well, if that can be read. Pressed
    twice, it is the secret nobody has seen yet that makes way."""
    again = webhook.previous_until and webhook.previous_until > now() + OVERLAP - TWICE
    if not again:
        readable = opened(webhook.secret) != ""
        webhook.previous = webhook.secret if readable else ""
        webhook.previous_until = now() + OVERLAP if readable else None
    webhook.secret = _new_secret()
    webhook.save(update_fields=["secret", "previous", "previous_until"])
    return webhook


def ping(webhook: Webhook) -> Delivery:
    """Send a test event, whatever the webhook is told of otherwise."""
    [delivery] = listen.queue(webhook.workspace_id, "webhook.test", [({"message": "It works."}, webhook.pk)])
    return delivery


@transaction.atomic
def resend(delivery: Delivery) -> Delivery:
    """Send an event once more: same id, so that receivers can tell it from a new one."""
    from passalong.webhooks.tasks import enqueue

    row = Delivery.objects.select_for_update().get(pk=delivery.pk)
    if row.status != DeliveryStatus.PENDING:
        row.status, row.attempts, row.finished_at = DeliveryStatus.PENDING, 0, None
    row.next_at = now()
    row.save(update_fields=["status", "attempts", "finished_at", "next_at"])
    transaction.on_commit(enqueue)
    return row


def secret_of(webhook: Webhook) -> str:
    """What receivers verify with; "" when it cannot be read with this installation's key."""
    return opened(webhook.secret)


def opened(sealed: str) -> str:
    """A secret as it was before it was encrypted; "" when it cannot be read with this installation's key."""
    try:
        return decrypt(sealed)
    except UndecryptableError:
        return ""


def _new_secret() -> str:
    return encrypt("whsec_" + base64.b64encode(secrets.token_bytes(24)).decode())


def _valid(**fields: Any) -> dict[str, Any]:
    clean, errors = dict(fields), []
    if "url" in clean:
        clean["url"] = clean["url"].strip()
        if not is_web_address(clean["url"]):
            errors.append(FieldProblem("url", "Give the full web address of your program, with https://."))
    if "events" in clean:
        clean["events"] = [event for event in EVENTS if event in clean["events"]]
        unknown = [event for event in fields["events"] if event not in EVENTS]
        if unknown:
            errors.append(FieldProblem("events", f"There is no event {unknown[0]!r}."))
        elif not clean["events"]:
            errors.append(FieldProblem("events", "Choose at least one event."))
    if errors:
        raise invalid(errors)
    return clean
