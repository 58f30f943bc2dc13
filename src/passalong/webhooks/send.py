"""Deliveries go out signed (Standard Webhooks), again and again for a day until the receiver takes them."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from standardwebhooks import Webhook as Signer

from passalong.config.settings import settings
from passalong.core import http
from passalong.core.clock import now
from passalong.core.crypto import UndecryptableError, decrypt
from passalong.core.dbthread import DbThread
from passalong.core.ids import public_id
from passalong.webhooks.models import Delivery, DeliveryStatus, Webhook

# Together a little over 24 hours.
_WAITS = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800)
AGAIN_AFTER = tuple(timedelta(seconds=wait) for wait in _WAITS)
AT_ONCE = 20
READ_SECONDS = 10.0
TAKEN_FOR = timedelta(seconds=60)
GONE = 410

log = structlog.get_logger(__name__)


class Letter(NamedTuple):
    """A delivery in this job's hands."""

    id: UUID
    url: str
    body: str
    secrets: list[str]
    attempts: int


class Answer(NamedTuple):
    """What came of trying: a status, or why there is none."""

    status: int | None
    error: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


async def send_due() -> None:
    """Send everything that is due, a handful at a time, until nothing is."""
    db = DbThread()
    try:
        async with http.client("", {"User-Agent": "Passalong-Webhooks"}, read_seconds=READ_SECONDS) as client:
            while letters := await db(take):
                async with asyncio.TaskGroup() as group:
                    tried = [(letter, group.create_task(post(client, letter))) for letter in letters]
                for letter, task in tried:
                    await db(settle, letter, task.result())
    finally:
        await db.close()


@transaction.atomic
def take() -> list[Letter]:
    """The next deliveries that are due; nobody else gets them for a minute."""
    moment = now()
    due = Delivery.everywhere.select_for_update(of=("self",), skip_locked=True).select_related("webhook")
    rows = due.filter(status=DeliveryStatus.PENDING, next_at__lte=moment).order_by("next_at")[:AT_ONCE]
    letters = [_letter(row) for row in rows]
    Delivery.everywhere.filter(pk__in=[letter.id for letter in letters]).update(next_at=moment + TAKEN_FOR)
    return letters


def _letter(row: Delivery) -> Letter:
    body = json.dumps(row.payload, cls=DjangoJSONEncoder, separators=(",", ":"), ensure_ascii=False)
    return Letter(row.pk, row.webhook.url, body, _secrets(row.webhook), row.attempts)


def _secrets(webhook: Webhook) -> list[str]:
    sealed = [webhook.secret]
    if webhook.previous and webhook.previous_until and webhook.previous_until > now():
        sealed.append(webhook.previous)
    try:
        return [decrypt(one) for one in sealed]
    except UndecryptableError:
        return []


def headers_of(letter: Letter) -> dict[str, str]:
    """Id, time and one signature for each secret."""
    moment, name = now(), public_id("delivery", letter.id)
    signatures = [Signer(secret).sign(name, moment, letter.body) for secret in letter.secrets]
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


async def post(client: httpx2.AsyncClient, letter: Letter) -> Answer:
    """Try once. The connection goes to the address that was looked at, whatever the name says by then."""
    if not letter.secrets:
        return Answer(None, "The signing secret cannot be read with this installation's key; renew it.")
    try:
        url, extra, options = await _pinned(letter.url)
        request = client.build_request(
            "POST",
            url,
            content=letter.body.encode(),
            headers={**headers_of(letter), **extra},
            extensions=options,
        )
        answer = await http.send(client, request)
    except http.ForbiddenAddressError as error:
        return Answer(None, str(error))
    except http.UnreachableError as error:
        return Answer(None, f"{str(error).capitalize()}.")
    return Answer(answer.status_code)


async def _pinned(url: str) -> tuple[str, Mapping[str, str], dict[str, Any]]:
    parts = urlsplit(url)
    if parts.netloc in settings().private_webhook_hosts:
        return url, {}, {}
    [address, *_others] = await http.public_addresses(url)
    host = parts.hostname or ""
    there = f"[{address}]" if ":" in address else address
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{there}{port}").geturl(), {"Host": parts.netloc}, {"sni_hostname": host}


@transaction.atomic
def settle(letter: Letter, answer: Answer) -> None:
    """Store what came of it, and when it is tried again."""
    attempts = letter.attempts + 1
    columns: dict[str, Any] = {
        "attempts": attempts,
        "response_status": answer.status,
        "error": answer.error[:200],
    }
    if answer.is_fine:
        columns |= {"status": DeliveryStatus.DELIVERED, "next_at": None, "finished_at": now()}
    elif answer.status == GONE or attempts > len(AGAIN_AFTER):
        columns |= {"status": DeliveryStatus.FAILED, "next_at": None, "finished_at": now()}
    else:
        columns["next_at"] = now() + AGAIN_AFTER[attempts - 1]
    rows = Delivery.everywhere.filter(pk=letter.id, status=DeliveryStatus.PENDING)
    if rows.update(**columns) and answer.status == GONE:
        # The receiver says that it wants no more.
        Webhook.everywhere.filter(pk__in=Delivery.everywhere.filter(pk=letter.id).values("webhook")).update(
            is_active=False
        )
    if not answer.is_fine:
        log.info("webhook not taken", delivery=str(letter.id), status=answer.status, attempts=attempts)
