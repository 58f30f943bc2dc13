"""Notifications (docs/reference/intercom.md §7)."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.contract.sandbox.client import Api

SECRET = "webhook-secret"


class Endpoint:
    """A receiver that keeps what it got and answers as told."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.delay = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
                time.sleep(outer.delay)
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/intercom"

    @property
    def notes(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.received]

    @property
    def topics(self) -> list[str]:
        return [note["topic"] for note in self.notes]


@pytest.fixture
def endpoint(api: Api) -> Iterator[Endpoint]:
    receiver = Endpoint()
    api.control.aim_webhook(receiver.url, secret=SECRET)
    yield receiver
    api.control.stop_webhook()
    receiver.server.shutdown()
    receiver.server.server_close()


def test_it_echoes_our_own_write(api: Api, endpoint: Endpoint) -> None:
    user = api.user(email="echo@example.com")
    api.put(f"/contacts/{user}", {"name": "Echo"})
    api.control.drain_webhook()
    assert endpoint.topics == ["contact.user.created", "contact.user.updated"]
    assert endpoint.notes[1]["data"]["item"]["name"] == "Echo"


def test_it_wraps_the_item_in_the_envelope(api: Api, endpoint: Endpoint) -> None:
    lead = api.lead()
    api.control.drain_webhook()
    note = endpoint.notes[0]
    assert note["data"]["item"]["id"] == lead
    assert isinstance(note["created_at"], int)
    assert note["id"].startswith("notif_")
    fixed = {
        k: note[k]
        for k in ("type", "app_id", "topic", "delivery_status", "delivery_attempts", "links", "self")
    }
    assert fixed == {
        "type": "notification_event",
        "app_id": "sandbox1",
        "topic": "contact.lead.created",
        "delivery_status": "pending",
        "delivery_attempts": 1,
        "links": {},
        "self": None,
    }


def test_it_signs_with_sha1_over_the_raw_body(api: Api, endpoint: Endpoint) -> None:
    api.lead()
    api.control.drain_webhook()
    headers, body = endpoint.received[0]
    assert headers["x-hub-signature"] == "sha1=" + hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    assert headers["user-agent"] == "intercom-parrot-service-client/1.0"


def test_it_writes_times_of_items_as_iso_text(api: Api, endpoint: Endpoint) -> None:
    api.control.add_contact(created_at=1_692_125_375, last_seen_at=None)
    api.control.drain_webhook()
    item = endpoint.notes[0]["data"]["item"]
    assert (item["created_at"], item["last_seen_at"]) == ("2023-08-15T18:49:35.000+00:00", None)


def test_it_names_what_happened(api: Api, endpoint: Endpoint) -> None:
    lead = api.lead()
    api.put(f"/contacts/{lead}", {"email": "named@example.com"})
    api.put(f"/contacts/{lead}", {"role": "user"})
    api.put(f"/contacts/{lead}", {"unsubscribed_from_emails": True})
    api.post(f"/contacts/{lead}/archive")
    api.post(f"/contacts/{lead}/unarchive")
    api.delete(f"/contacts/{lead}")
    api.control.drain_webhook()
    assert endpoint.topics == [
        "contact.lead.created",
        "contact.lead.added_email",
        "contact.lead.updated",
        "contact.lead.signed_up",
        "contact.user.updated",
        "contact.unsubscribed",
        "contact.user.updated",
        "contact.archived",
        "contact.unarchive",
        "contact.deleted",
    ]


def test_it_sends_little_about_the_deleted_and_archived(api: Api, endpoint: Endpoint) -> None:
    user = api.user(external_id="little")
    api.post(f"/contacts/{user}/archive")
    api.delete(f"/contacts/{user}")
    api.control.drain_webhook()
    items = [note["data"]["item"] for note in endpoint.notes[1:]]
    assert items == [
        {"type": "contact", "id": user, "external_id": "little", "archived": True},
        {"type": "contact", "id": user, "deleted": True},
    ]


def test_it_tells_who_was_merged(api: Api, endpoint: Endpoint) -> None:
    lead, user = api.lead(email="m@merge.example.com"), api.user(email="m@merge.example.com")
    api.post("/contacts/merge", {"from": lead, "into": user})
    api.control.drain_webhook()
    item = endpoint.notes[-1]["data"]["item"]
    assert (item["id"], item["merged_from"]) == (user, {"type": "contact", "id": lead})


def test_it_tells_of_tags(api: Api, endpoint: Endpoint) -> None:
    lead, tag = api.lead(), api.post("/tags", {"name": "hooked"}).json()["id"]
    api.post(f"/contacts/{lead}/tags", {"id": tag})
    api.delete(f"/contacts/{lead}/tags/{tag}")
    api.control.drain_webhook()
    assert endpoint.topics[1:] == ["contact.lead.tag.created", "contact.lead.tag.deleted"]
    assert endpoint.notes[1]["data"]["item"]["tag"]["name"] == "hooked"


def test_it_retries_once_after_a_minute_and_then_gives_up(api: Api, endpoint: Endpoint) -> None:
    endpoint.statuses = [500, 500]
    api.lead()
    api.control.drain_webhook()
    assert len(endpoint.received) == 1
    api.control.advance(61)
    api.control.drain_webhook()
    api.control.advance(600)
    api.control.drain_webhook()
    states = [(n["delivery_status"], n["delivery_attempts"]) for n in endpoint.notes]
    assert states == [("pending", 1), ("retry", 2)]
    assert endpoint.notes[0]["id"] == endpoint.notes[1]["id"]


def test_it_waits_only_so_long_for_an_answer(api: Api, endpoint: Endpoint) -> None:
    api.control.aim_webhook(endpoint.url, timeout=0.1)
    endpoint.delay = 0.4
    api.lead()
    api.control.drain_webhook()
    assert [line["status"] for line in api.control.webhook()["log"]][-1] is None


def test_it_stops_for_good_at_410(api: Api, endpoint: Endpoint) -> None:
    endpoint.statuses = [410]
    api.lead()
    api.control.drain_webhook()
    api.lead()
    api.control.drain_webhook()
    assert len(endpoint.received) == 1
    assert api.control.webhook()["disabled"] is True


def test_it_sends_twice_when_told_so(api: Api, endpoint: Endpoint) -> None:
    api.control.aim_webhook(endpoint.url, duplicates=True)
    api.lead()
    api.control.drain_webhook()
    assert len({n["id"] for n in endpoint.notes}) == 1
    assert len(endpoint.notes) == 2


def test_it_sends_out_of_order_when_told_so(api: Api, endpoint: Endpoint) -> None:
    endpoint.delay = 0.5  # the first is on its way while the others gather
    api.control.aim_webhook(endpoint.url, reorder=True)
    api.lead()
    while not endpoint.received:
        time.sleep(0.01)
    lead = api.lead()
    api.put(f"/contacts/{lead}", {"name": "Second"})
    api.control.drain_webhook()
    assert endpoint.topics[1:] == ["contact.lead.updated", "contact.lead.created"]


def test_it_sends_only_the_topics_asked_for(api: Api, endpoint: Endpoint) -> None:
    api.control.aim_webhook(endpoint.url, topics=["contact.deleted"])
    api.delete(f"/contacts/{api.lead()}")
    api.control.drain_webhook()
    assert endpoint.topics == ["contact.deleted"]


def test_it_pings(api: Api, endpoint: Endpoint) -> None:
    api.control.ping_webhook()
    api.control.drain_webhook()
    assert endpoint.notes[0]["data"]["item"]["type"] == "ping"


def test_it_announces_what_a_teammate_does(api: Api, endpoint: Endpoint) -> None:
    api.control.patch_contact(api.lead(), name="By hand")
    api.control.drain_webhook()
    assert endpoint.topics == ["contact.lead.created", "contact.lead.updated"]


def test_it_knocks_on_no_other_machine(api: Api) -> None:
    with pytest.raises(RuntimeError, match=r"127\.0\.0\.1"):
        api.control.aim_webhook("http://example.com/hooks")


def test_it_sends_nothing_without_a_target(api: Api) -> None:
    api.control.stop_webhook()
    api.lead()
    assert api.control.webhook()["pending"] == 0
