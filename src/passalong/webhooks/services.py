"""Verbs for webhooks and their deliveries."""

import base64
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction

from passalong.core.clock import now
from passalong.core.crypto import UndecryptableError, decrypt, encrypt
from passalong.core.problems import FieldProblem, Problem, invalid
from passalong.webhooks import listen
from passalong.webhooks.models import EVENTS, Delivery, DeliveryStatus, Webhook

OVERLAP = timedelta(hours=24)
MOST = 20
_is_url = URLValidator(schemes=["http", "https"])


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
    for key, value in fields.items():
        setattr(webhook, key, value)
    if fields:
        webhook.save(update_fields=list(fields))
    return webhook


def rotate(webhook: Webhook) -> Webhook:
    """A new secret. For a day, deliveries are signed with the old one as well."""
    webhook.previous, webhook.previous_until = webhook.secret, now() + OVERLAP
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
    try:
        return decrypt(webhook.secret)
    except UndecryptableError:
        return ""


def _new_secret() -> str:
    return encrypt("whsec_" + base64.b64encode(secrets.token_bytes(24)).decode())


def _valid(**fields: Any) -> dict[str, Any]:
    clean, errors = dict(fields), []
    if "url" in clean:
        clean["url"] = clean["url"].strip()
        if not _acceptable(clean["url"]):
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


def _acceptable(url: str) -> bool:
    """Shape only: where it leads is looked at each time something is sent."""
    try:
        parts = urlsplit(url)
        if parts.hostname == "localhost":
            return parts.scheme in ("http", "https") and url.isprintable()
        _is_url(url)
    except (ValidationError, ValueError):
        return False
    return not parts.username and len(url) <= 2000
