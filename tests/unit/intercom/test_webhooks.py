"""What Intercom tells of by itself: read topic by topic, and believed only when it is signed."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

import passalong.integrations.intercom as package
from passalong.integrations.intercom import webhooks
from passalong.integrations.intercom.manifest import Intercom
from passalong.sync.records import Notice

FOLDER = Path(package.__path__[0]) / "fixtures" / "notifications"
ALICE, LEAD = "6643703ffae7834d1792fd30", "664370aafae7834d1792fd31"
ABOUT = {
    "contact.user.created": [ALICE],
    "contact.user.updated": [ALICE],
    "contact.lead.created": [LEAD],
    "contact.lead.updated": [LEAD],
    "contact.lead.signed_up": [ALICE],
    "contact.lead.added_email": [LEAD],
    "contact.email.updated": [ALICE],
    "contact.user.tag.created": [ALICE],
    "contact.user.tag.deleted": [ALICE],
    "contact.lead.tag.created": [LEAD],
    "contact.lead.tag.deleted": [LEAD],
    "contact.merged": [ALICE, LEAD],
    "contact.archived": [ALICE],
    "contact.unarchive": [ALICE],
    "contact.deleted": [ALICE],
    "contact.subscribed": [ALICE],
    "contact.unsubscribed": [ALICE],
    "ping": [],
    "conversation.user.created": [],
}
SECRET = "the-apps-client-secret"


def fixture(topic: str) -> bytes:
    return (FOLDER / f"{topic}.json").read_bytes()


def told(topic: str, item: Any, **more: Any) -> Notice:
    envelope = {"type": "notification_event", "app_id": "ecahpwf5", "id": "notif_1", "topic": topic}
    return webhooks.notice(json.dumps({**envelope, "data": {"item": item}, **more}).encode())


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-Hub-Signature": "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()}


# Whom it is about


@pytest.mark.parametrize(("topic", "ids"), ABOUT.items())
def test_it_names_whom_each_topic_is_about(topic: str, ids: list[str]) -> None:
    notice = webhooks.notice(fixture(topic))
    assert (notice.account_id, notice.topic, notice.contact_ids) == ("ecahpwf5", topic, ids)
    assert notice.deleted == (topic == "contact.deleted")


def test_it_has_a_fixture_for_every_topic_to_tick() -> None:
    assert set(webhooks.TOPICS) <= set(ABOUT)
    assert {path.stem for path in FOLDER.iterdir()} == set(ABOUT)


def test_it_keeps_the_name_of_the_delivery() -> None:
    assert webhooks.notice(fixture("contact.user.created")) == Notice(
        account_id="ecahpwf5",
        uid="notif_00000001-0000-4000-8000-000000000000",
        topic="contact.user.created",
        contact_ids=[ALICE],
    )


def test_it_reads_numeric_ids_as_texts() -> None:
    merged = {"id": 12, "merged_from": {"type": "contact", "id": 13}}
    notice = told("contact.merged", merged, app_id=99, id=7)
    assert (notice.account_id, notice.uid, notice.contact_ids) == ("99", "7", ["12", "13"])


def test_it_names_the_survivor_of_a_merge_that_does_not_say_from_whom() -> None:
    assert told("contact.merged", {"id": "a", "merged_from": None}).contact_ids == ["a"]


def test_it_names_a_contact_once() -> None:
    assert told("contact.merged", {"id": "a", "merged_from": {"id": "a"}}).contact_ids == ["a"]


def test_it_knows_a_delivery_without_a_name_by_what_it_says() -> None:
    one, again = (told("contact.deleted", {"id": "a"}, id=None) for _ in range(2))
    other = told("contact.deleted", {"id": "b"}, id=None)
    assert one.uid == again.uid
    assert len({one.uid, other.uid}) == 2


@pytest.mark.parametrize(
    "item", [None, "a", 5, [], {}, {"id": None}, {"id": ""}, {"id": True}, {"id": {"id": "a"}}]
)
def test_it_names_nobody_where_nobody_is_named(item: Any) -> None:
    assert told("contact.user.updated", item).contact_ids == []


@pytest.mark.parametrize("contact", [None, "a", [], {}, {"id": None}])
def test_it_bears_a_tag_without_a_contact(contact: Any) -> None:
    assert told("contact.user.tag.created", {"type": "contact_tag", "contact": contact}).contact_ids == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"app_id":"a"}',
        b'{"app_id":null,"topic":"ping"}',
        b'{"app_id":"a","topic":5}',
        b'{"app_id":"a","topic":"ping","data":"x"}',
        b'{"app_id":"a","topic":"ping","id":{}}',
        b"[" * 100_000,
        b'{"app_id":"a","topic":"ping","data":{"item":' + b"[" * 100_000,
        b'{"app_id":"\\u0000","topic":"ping","data":{"item":' + b"[" * 100_000,
    ],
)
def test_it_refuses_what_is_no_notification(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the port says no more
        webhooks.notice(body)


def test_it_takes_text_that_no_database_could_keep() -> None:
    assert told("contact.user.updated\0", {"id": "a\0b"}).topic == "contact.user.updated"
    assert told("contact.user.updated", {"id": "a\0b"}).contact_ids == ["ab"]


# Whose word it is


def test_it_believes_what_is_signed_with_the_secret() -> None:
    body = fixture("contact.user.updated")
    assert webhooks.proves(signed(body), body, SECRET)


def test_it_checks_the_body_as_it_came_byte_by_byte() -> None:
    body = fixture("contact.user.updated")
    same_meaning = json.dumps(json.loads(body)).encode()
    assert not webhooks.proves(signed(body), same_meaning, SECRET)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "sha1=",
        "sha1=" + "0" * 40,
        hmac.new(SECRET.encode(), b"{}", hashlib.sha1).hexdigest(),
        "sha256=" + hmac.new(SECRET.encode(), b"{}", hashlib.sha256).hexdigest(),
        "sha1=é",
    ],
)
def test_it_believes_nothing_else(given: str) -> None:
    assert not webhooks.proves({"X-Hub-Signature": given}, b"{}", SECRET)


@pytest.mark.parametrize("secret", [None, ""])
def test_it_believes_nothing_without_a_secret(secret: str | None) -> None:
    assert not webhooks.proves(signed(b"{}", ""), b"{}", secret)
    assert not webhooks.proves({}, b"{}", SECRET)


def test_it_compares_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    compare = hmac.compare_digest

    def noted(a: bytes, b: bytes) -> bool:
        seen.append(len(a))
        return compare(a, b)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    assert webhooks.proves(signed(b"{}"), b"{}", SECRET)
    assert seen == [45]


def test_it_uses_the_secret_of_the_installation_or_the_one_given() -> None:
    crm = Intercom(lambda: None, client_secret=lambda: SECRET)
    assert crm.proves(signed(b"{}"), b"{}", None)
    assert crm.proves(signed(b"{}", "its own"), b"{}", "its own")
    assert not crm.proves(signed(b"{}"), b"{}", "its own")
