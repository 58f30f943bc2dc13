"""Deliveries go out signed (Standard Webhooks), again and again for a day until the receiver takes them."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
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
from passalong.core.dbthread import DbThread
from passalong.core.ids import public_id
from passalong.webhooks.models import Delivery, DeliveryStatus, Webhook
from passalong.webhooks.services import opened, switch_off

# Together a little over 24 hours.
_WAITS = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800)
AGAIN_AFTER = tuple(timedelta(seconds=wait) for wait in _WAITS)
AT_ONCE = 20
EACH = 4
MOST_SECONDS = 15.0
# While something is slow, what has just become due is looked for this often.
LOOK_SECONDS = 1.0
TAKEN_FOR = timedelta(seconds=60)
GONE = 410

log = structlog.get_logger(__name__)


class Letter(NamedTuple):
    """A delivery in this job's hands."""

    id: UUID
    webhook: UUID
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
    """Send everything that is due until nothing is; for one job at a time, see tasks.py."""
    db, under_way = DbThread(), dict[asyncio.Task[Answer], Letter]()
    try:
        async with http.client("", {"User-Agent": "Passalong-Webhooks"}, keep=False) as client:
            while True:
                for letter in await db(take, [letter.webhook for letter in under_way.values()]):
                    under_way[asyncio.create_task(post(client, letter))] = letter
                if not under_way:
                    break
                ended, _ = await asyncio.wait(
                    under_way, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                for task in ended:
                    await db(settle, under_way.pop(task), _answer_of(task))
    finally:
        for task in under_way:
            task.cancel()
        await db.close()


def _answer_of(task: asyncio.Task[Answer]) -> Answer:
    """Whatever goes wrong with one delivery is that delivery's alone."""
    error = task.exception()
    if error is None:
        return task.result()
    log.error("webhook not sent", exc_info=error)
    return Answer(None, "It could not be sent.")


@transaction.atomic
def take(under_way: Sequence[UUID] = ()) -> list[Letter]:
    """The next deliveries that are due; nobody else gets them for a minute.

    `under_way` names the webhook of each that is being sent. One that answers slowly has few at once, so
    that it keeps nobody waiting.
    """
    moment, busy = now(), Counter(under_way)
    due = Delivery.everywhere.select_for_update(of=("self",), skip_locked=True).select_related("webhook")
    due = due.filter(status=DeliveryStatus.PENDING, next_at__lte=moment).order_by("next_at")
    taken: list[Delivery] = []
    while (free := AT_ONCE - len(under_way) - len(taken)) > 0:
        full = [webhook for webhook, number in busy.items() if number >= EACH]
        rows = due.exclude(webhook__in=full).exclude(pk__in=[row.pk for row in taken])[:free]
        if not rows:
            break
        for row in rows:
            if busy[row.webhook_id] < EACH:
                busy[row.webhook_id] += 1
                taken.append(row)
    Delivery.everywhere.filter(pk__in=[row.pk for row in taken]).update(next_at=moment + TAKEN_FOR)
    return [_letter(row) for row in taken]


def _letter(row: Delivery) -> Letter:
    body = json.dumps(row.payload, cls=DjangoJSONEncoder, separators=(",", ":"), ensure_ascii=False)
    return Letter(row.pk, row.webhook_id, row.webhook.url, body, _secrets(row.webhook), row.attempts)


def _secrets(webhook: Webhook) -> list[str]:
    """What a delivery is signed with; nothing when the secret of today cannot be read."""
    current = opened(webhook.secret)
    lasts = webhook.previous_until is not None and webhook.previous_until > now()
    before = opened(webhook.previous) if lasts else ""
    return [current, *filter(None, [before])] if current else []


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
        headers = {**headers_of(letter), **extra}
        request = client.build_request(
            "POST", url, content=letter.body.encode(), headers=headers, extensions=options
        )
        return Answer(await http.status(client, request, MOST_SECONDS))
    except http.ForbiddenAddressError as error:
        return Answer(None, str(error))
    except http.UnreachableError as error:
        return Answer(None, f"{str(error).capitalize()}.")


async def _pinned(url: str) -> tuple[str, Mapping[str, str], dict[str, Any]]:
    if urlsplit(url).netloc in settings().private_webhook_hosts:
        return url, {}, {}
    [address, *_others] = await http.public_addresses(url)
    named = httpx2.URL(url)
    there = str(named.copy_with(host=address))
    return there, {"Host": named.netloc.decode("ascii")}, {"sni_hostname": http.ascii_host(named)}


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
    rows = Delivery.everywhere.filter(pk=letter.id)
    if not answer.is_fine:
        # What was given up meanwhile, as the webhook was switched off, stays so.
        rows = rows.filter(status=DeliveryStatus.PENDING)
    if rows.update(**columns) and answer.status == GONE:
        switch_off(letter.webhook, "The receiver said that it wants no more.")
    if not answer.is_fine:
        log.info("webhook not taken", delivery=str(letter.id), status=answer.status, attempts=attempts)
