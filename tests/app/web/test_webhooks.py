"""The pages about webhooks."""

import pytest
from django.test import Client

from passalong.core.ids import public_id
from passalong.webhooks.models import Delivery, Webhook

pytestmark = pytest.mark.django_db(transaction=True)
URL = "https://example.com/hooks"


@pytest.fixture
def path(page: Client) -> str:
    page.post("/webhooks/new", {"url": URL, "events": ["lead.created"]})
    return f"/webhooks/{public_id('webhook', Webhook.everywhere.get().pk)}"


def test_it_says_what_webhooks_are_while_there_are_none(page: Client) -> None:
    assert "No webhooks yet" in page.get("/webhooks").content.decode()


def test_it_adds_one_and_shows_its_secret(page: Client, path: str) -> None:
    shown = page.get(path).content.decode()
    assert ("whsec_" in shown, URL in page.get("/webhooks").content.decode()) == (True, True)


def test_it_explains_what_is_wrong_and_keeps_the_ticks(page: Client) -> None:
    answer = page.post("/webhooks/new", {"url": "nowhere", "events": ["run.finished"]})
    shown = answer.content.decode()
    assert (answer.status_code, 'id="url-error"' in shown) == (422, True)
    assert 'value="run.finished" checked' in shown


def test_it_switches_one_off(page: Client, path: str) -> None:
    page.post(path, {"url": URL, "events": ["lead.created"]})
    assert "Switched off" in page.get("/webhooks").content.decode()


def test_it_tests_and_sends_again(page: Client, path: str) -> None:
    page.post(f"{path}/act", {"do": "test"})
    delivery = Delivery.everywhere.get()
    Delivery.everywhere.update(status="failed", error="No connection could be made.")
    shown = page.get(path).content.decode()
    page.post(f"/deliveries/{public_id('delivery', delivery.pk)}/resend")
    delivery.refresh_from_db()
    assert ("No connection could be made." in shown, delivery.status) == (True, "pending")


def test_it_renews_the_secret(page: Client, path: str) -> None:
    before = Webhook.everywhere.get().secret
    page.post(f"{path}/act", {"do": "rotate"})
    after = Webhook.everywhere.get()
    assert (after.previous, after.secret == before) == (before, False)


def test_it_asks_before_it_deletes(page: Client, path: str) -> None:
    asked = page.post(f"{path}/act", {"do": "delete"}).content.decode()
    left = Webhook.everywhere.count()
    page.post(f"{path}/act", {"do": "delete_now"})
    assert ("Delete this webhook?" in asked, left, Webhook.everywhere.count()) == (True, 1, 0)


def test_it_keeps_the_secret_from_viewers_and_everything_from_strangers(
    viewer: Client, stranger: Client, path: str
) -> None:
    assert "whsec_" not in viewer.get(path).content.decode()
    assert [stranger.get(path).status_code, stranger.post(f"{path}/act").status_code] == [404, 404]
    assert [viewer.post(path).status_code, viewer.post(f"{path}/act").status_code] == [403, 403]
    assert URL not in stranger.get("/webhooks").content.decode()
