"""Outgoing webhooks: told once for each event, signed, tried again, never into a private network."""

import asyncio
import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections, transaction
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from passalong.accounts.scope import in_workspace
from passalong.api.leads import lead_out
from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.core.problems import Problem
from passalong.leads.models import Lead
from passalong.leads.services import qualify, unqualify
from passalong.sync.connections import needs_attention
from passalong.webhooks import send, services
from passalong.webhooks.models import EVENTS, Delivery, DeliveryStatus, Webhook
from tests.app.webhooks.conftest import Receiver
from tests.support import cast
from tests.support.crm import Crm
from tests.support.crm import Person as Contact
from tests.support.syncing import World

pytestmark = pytest.mark.django_db(transaction=True)


def hook(campaign: Campaign, url: str, *events: str) -> Webhook:
    with in_workspace(campaign.workspace_id):
        return services.add_webhook(url, events or EVENTS)


def told(campaign: Campaign) -> list[str]:
    """The events, in order."""
    rows = Delivery.everywhere.filter(workspace=campaign.workspace_id).order_by("pk")
    return list(rows.values_list("event", flat=True))


def deliver() -> None:
    asyncio.run(send.send_due())


def come_due() -> None:
    Delivery.everywhere.filter(status=DeliveryStatus.PENDING).update(
        next_at=datetime.now(UTC) - timedelta(seconds=1)
    )


def lead(campaign: Campaign) -> Lead:
    return cast.lead_of(cast.referrer_of(campaign))


def test_it_sends_what_the_api_would_show(campaign: Campaign, receiver: Receiver) -> None:
    made = hook(campaign, receiver.url, "lead.created")
    friend = lead(campaign)

    deliver()

    [(headers, body)] = receiver.got
    delivery = Delivery.everywhere.get()
    said = json.loads(body)
    assert (said["type"], said["data"]["email"], said["data"]["id"]) == (
        "lead.created",
        "frida@example.com",
        lead_out(friend)["id"],
    )
    assert headers["webhook-id"] == public_id("delivery", delivery.pk)
    assert Verifier(services.secret_of(made)).verify(body, headers) == said
    assert (delivery.status, delivery.response_status, delivery.attempts) == ("delivered", 204, 1)


def test_it_is_signed_so_that_a_changed_body_is_noticed(campaign: Campaign, receiver: Receiver) -> None:
    made = hook(campaign, receiver.url)
    lead(campaign)
    deliver()
    headers, body = receiver.got[0]
    with pytest.raises(WebhookVerificationError):
        Verifier(services.secret_of(made)).verify(body.replace("a", "b"), headers)


def test_it_tells_of_everything_that_happens_to_a_lead_once(campaign: Campaign) -> None:
    hook(campaign, "https://example.com/hook")
    friend = lead(campaign)
    with in_workspace(campaign.workspace_id):
        for verb in (qualify, qualify, unqualify, unqualify):
            verb(friend)
    assert told(campaign) == ["referrer.created", "lead.created", "lead.qualified", "lead.unqualified"]


def test_it_tells_of_runs_and_of_referrers_that_a_sync_makes() -> None:
    world = World(Crm(Contact("c1", "p1@example.com", "P"), Contact("c2", "p2@example.com", "P")))
    hook(world.campaign, "https://example.com/hook")
    world.preview()
    world.run()
    world.run()
    made = ["referrer.created", "referrer.created", "run.finished", "run.finished"]
    people = [row.payload["data"] for row in Delivery.everywhere.filter(event="referrer.created")]
    assert told(world.campaign) == made
    assert {person["contacts"][0]["external_id"] for person in people} == {"c1", "c2"}


def test_it_tells_once_that_a_connection_needs_attention() -> None:
    world = World(Crm())
    hook(world.campaign, "https://example.com/hook")
    for _ in range(2):
        needs_attention(world.connection.pk)
    assert told(world.campaign) == ["connection.needs_attention"]


def test_it_tells_only_what_was_asked_for_and_only_the_own_workspace(campaign: Campaign) -> None:
    hook(campaign, "https://example.com/hook", "lead.qualified")
    theirs = cast.campaign_of(cast.charlie(), "Theirs")
    hook(theirs, "https://example.com/hook")
    lead(campaign)
    assert (told(campaign), told(theirs)) == ([], [])


def test_it_tells_nothing_while_it_is_switched_off(campaign: Campaign) -> None:
    made = hook(campaign, "https://example.com/hook")
    services.change_webhook(made, is_active=False)
    lead(campaign)
    assert told(campaign) == []


def test_it_tries_again_with_the_same_id_until_it_is_taken(campaign: Campaign, receiver: Receiver) -> None:
    receiver.statuses = [500, 302]
    hook(campaign, receiver.url, "lead.created")
    lead(campaign)
    seen = []
    for _ in range(3):
        deliver()
        seen.append(Delivery.everywhere.get().status)
        come_due()
    assert seen == ["pending", "pending", "delivered"]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len(receiver.got) == 3


def test_it_waits_longer_each_time_and_gives_up_after_a_day(campaign: Campaign, receiver: Receiver) -> None:
    receiver.statuses = [503] * 20
    hook(campaign, receiver.url, "lead.created")
    with time_machine.travel(datetime(2026, 11, 24, tzinfo=UTC), tick=False) as clock:
        lead(campaign)
        waits = []
        while (delivery := Delivery.everywhere.get()).next_at:
            waits.append(int((delivery.next_at - datetime.now(UTC)).total_seconds()))
            clock.move_to(delivery.next_at)
            deliver()
    assert waits == [0, 5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800]
    assert (delivery.status, delivery.attempts, delivery.response_status) == ("failed", 11, 503)


def test_it_stops_when_the_receiver_says_that_it_is_gone(campaign: Campaign, receiver: Receiver) -> None:
    receiver.statuses = [410]
    made = hook(campaign, receiver.url)
    lead(campaign)
    deliver()
    made.refresh_from_db()
    assert (made.is_active, Delivery.everywhere.filter(status="failed").count()) == (False, 1)


def wait_for_it(campaign: Campaign, made: Webhook, number: int = 3) -> None:
    """So many test events are waiting."""
    with in_workspace(campaign.workspace_id):
        for _ in range(number):
            services.ping(made)


def test_it_sends_nothing_that_waits_once_the_receiver_is_gone(
    campaign: Campaign, receiver: Receiver
) -> None:
    receiver.statuses = [410]
    made = hook(campaign, receiver.url)
    wait_for_it(campaign, made)
    Delivery.everywhere.exclude(pk=Delivery.everywhere.earliest("pk").pk).update(
        next_at=datetime.now(UTC) + timedelta(minutes=1)
    )
    deliver()
    come_due()
    deliver()
    assert [row.status for row in Delivery.everywhere.all()] == ["failed"] * 3
    assert len(receiver.got) == 1


def test_it_sends_nothing_that_waits_once_it_is_switched_off(campaign: Campaign, receiver: Receiver) -> None:
    made = hook(campaign, receiver.url)
    wait_for_it(campaign, made)
    services.change_webhook(made, is_active=False)
    deliver()
    said = {(row.status, row.error) for row in Delivery.everywhere.all()}
    assert (receiver.got, said) == ([], {("failed", "The webhook was switched off.")})


def test_it_still_sends_a_test_event_where_it_is_switched_off(campaign: Campaign, receiver: Receiver) -> None:
    made = services.change_webhook(hook(campaign, receiver.url), is_active=False)
    wait_for_it(campaign, made, 1)
    deliver()
    assert len(receiver.got) == 1


def test_it_keeps_the_trouble_with_one_address_from_the_others(
    campaign: Campaign, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = hook(campaign, "https://example.com/hook")
    good = hook(campaign, receiver.url)
    pinned = send._pinned

    async def broken(url: str) -> Any:
        if url == bad.url:
            raise RuntimeError
        return await pinned(url)

    monkeypatch.setattr(send, "_pinned", broken)
    for made in (bad, good):
        wait_for_it(campaign, made, 1)
    deliver()
    said = [(row.status, row.attempts, row.error) for row in Delivery.everywhere.order_by("pk")]
    assert said == [("pending", 1, "It could not be sent."), ("delivered", 1, "")]


def test_it_says_that_a_port_does_not_exist(campaign: Campaign) -> None:
    made = hook(campaign, "https://example.com/hook")
    Webhook.everywhere.filter(pk=made.pk).update(url="https://example.com:70000/hook")
    wait_for_it(campaign, made, 1)
    deliver()
    assert Delivery.everywhere.get().error == "The port of this address does not exist."


def test_it_waits_for_no_answer_that_never_ends(campaign: Campaign, receiver: Receiver) -> None:
    receiver.statuses = [1]
    wait_for_it(campaign, hook(campaign, receiver.url), 1)
    deliver()
    assert Delivery.everywhere.get().response_status == 200


def test_it_waits_for_no_answer_that_never_begins(
    campaign: Campaign, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "MOST_SECONDS", 0.3)
    receiver.statuses = [0]
    wait_for_it(campaign, hook(campaign, receiver.url), 1)
    deliver()
    delivery = Delivery.everywhere.get()
    assert (delivery.status, delivery.error) == ("pending", "No answer came in time.")


def test_it_has_few_deliveries_of_one_receiver_under_way_at_once(campaign: Campaign) -> None:
    slow, other = hook(campaign, "https://slow.example.com/"), hook(campaign, "https://example.com/")
    wait_for_it(campaign, slow, 30)
    wait_for_it(campaign, other, 2)
    first = [letter.webhook for letter in send.take()]
    assert (first.count(slow.pk), first.count(other.pk)) == (4, 2)
    assert send.take(first) == []


def test_it_has_a_connection_for_each_request(campaign: Campaign, receiver: Receiver) -> None:
    made = hook(campaign, receiver.url)
    for _ in range(2):
        wait_for_it(campaign, made, 1)
        deliver()
    assert len(set(receiver.connections)) == 2


def test_it_names_international_hosts_as_the_protocol_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", ("93.184.216.34", 443))] if host == "xn--bcher-kva.de" else []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert asyncio.run(send._pinned("https://bücher.de:8443/hook?a=1")) == (
        "https://93.184.216.34:8443/hook?a=1",
        {"Host": "xn--bcher-kva.de:8443"},
        {"sni_hostname": "xn--bcher-kva.de"},
    )


def test_it_signs_again_once_an_unreadable_secret_is_renewed(campaign: Campaign, receiver: Receiver) -> None:
    made = hook(campaign, receiver.url)
    Webhook.everywhere.update(secret="v1.spoilt")
    made.refresh_from_db()
    with in_workspace(campaign.workspace_id):
        services.rotate(made)
    wait_for_it(campaign, made, 1)
    deliver()
    headers, body = receiver.got[0]
    assert Verifier(services.secret_of(made)).verify(body, headers)


def test_it_keeps_the_secret_that_receivers_have_when_renewed_twice(
    campaign: Campaign, receiver: Receiver
) -> None:
    made = hook(campaign, receiver.url)
    known = services.secret_of(made)
    with in_workspace(campaign.workspace_id):
        services.rotate(services.rotate(made))
    wait_for_it(campaign, made, 1)
    deliver()
    headers, body = receiver.got[0]
    for secret in (known, services.secret_of(made)):
        assert Verifier(secret).verify(body, headers)


def test_it_makes_a_lead_although_its_webhook_is_deleted_meanwhile(campaign: Campaign) -> None:
    made = hook(campaign, "https://example.com/hook")

    def delete() -> None:
        with in_workspace(campaign.workspace_id):
            services.delete_webhook(made)
        connections.close_all()

    with transaction.atomic():
        lead(campaign)
        beside = threading.Thread(target=delete)
        beside.start()
        beside.join(0.5)
    beside.join()

    assert Lead.everywhere.filter(email="frida@example.com").exists()
    assert (Webhook.everywhere.count(), Delivery.everywhere.count()) == (0, 0)


def test_it_follows_no_redirect(campaign: Campaign, receiver: Receiver) -> None:
    receiver.statuses = [307]
    hook(campaign, receiver.url, "lead.created")
    lead(campaign)
    deliver()
    assert Delivery.everywhere.get().response_status == 307


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/hook",
        "http://localhost:9/hook",
        "http://10.0.0.1/hook",
        "http://169.254.169.254/latest",
        "http://[::1]/hook",
        "http://[::ffff:127.0.0.1]/hook",
    ],
)
def test_it_sends_nothing_into_private_networks(campaign: Campaign, url: str) -> None:
    hook(campaign, url, "lead.created")
    lead(campaign)
    deliver()
    delivery = Delivery.everywhere.get()
    assert (delivery.status, delivery.response_status) == ("pending", None)
    assert delivery.error.endswith("is not on the public internet.")


def test_it_signs_with_both_secrets_for_a_day(campaign: Campaign, receiver: Receiver) -> None:
    made = hook(campaign, receiver.url, "lead.created")
    before = services.secret_of(made)
    services.rotate(made)
    lead(campaign)
    deliver()
    headers, body = receiver.got[0]
    for secret in (before, services.secret_of(made)):
        Verifier(secret).verify(body, headers)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=25)):
        services.ping(made)
        deliver()
        headers, body = receiver.got[1]
        Verifier(services.secret_of(made)).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Verifier(before).verify(body, headers)


def test_it_sends_once_more_when_asked(campaign: Campaign, receiver: Receiver) -> None:
    hook(campaign, receiver.url, "lead.created")
    lead(campaign)
    deliver()
    with in_workspace(campaign.workspace_id):
        services.resend(Delivery.objects.get())
    deliver()
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [receiver.got[0][0]["webhook-id"]] * 2


def test_it_is_sent_once_by_two_workers_at_once(campaign: Campaign, receiver: Receiver) -> None:
    hook(campaign, receiver.url, "lead.created")
    for number in range(30):
        cast.lead_of(cast.referrer_of(campaign), f"f{number}@example.com")

    async def both() -> None:
        await asyncio.gather(send.send_due(), send.send_due())

    asyncio.run(both())
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == len(receiver.got) == 30


def test_it_is_taken_over_from_a_worker_that_died(campaign: Campaign, receiver: Receiver) -> None:
    hook(campaign, receiver.url, "lead.created")
    lead(campaign)
    send.take()
    deliver()
    at_once = len(receiver.got)
    come_due()
    deliver()
    assert (at_once, len(receiver.got)) == (0, 1)


@pytest.mark.parametrize(
    ("url", "events", "field"),
    [
        ("ftp://example.com", ["lead.created"], "url"),
        ("example.com", ["lead.created"], "url"),
        ("https://user:pass@example.com", ["lead.created"], "url"),
        ("http://user@localhost/", ["lead.created"], "url"),
        ("http://localhost/" + "a" * 2000, ["lead.created"], "url"),
        ("https://example.com:70000/hook", ["lead.created"], "url"),
        ("https://example.com", [], "events"),
        ("https://example.com", ["lead.exploded"], "events"),
    ],
)
def test_it_refuses_what_cannot_work(campaign: Campaign, url: str, events: list[str], field: Any) -> None:
    with in_workspace(campaign.workspace_id), pytest.raises(Problem) as refused:
        services.add_webhook(url, events)
    assert [error.field for error in refused.value.errors] == [field]
