"""How a CRM tells of changes by itself, over REST."""

from typing import Any

from passalong.core.clock import now
from passalong.integrations.registry import integration
from passalong.sync.models import Connection, Notification
from tests.support.cast import Api, Person

SECRET = "4e1f9d0c-2b7a-4c0e"


def test_it_says_what_to_enter_and_what_came(api: Api, connection: Connection, connection_id: str) -> None:
    path = f"/connections/{connection_id}/webhooks"
    shown: dict[str, Any] = api.get(path).json()
    assert shown == {
        "address": "http://127.0.0.1:8000/hooks/intercom",
        "topics": list(integration("intercom").topics),
        "secret_set": False,
        "last_received_at": None,
        "recent": [],
    }
    for number in range(21):
        Notification.everywhere.create(
            workspace_id=connection.workspace_id,
            connection=connection,
            uid=str(number),
            topic="contact.deleted",
            contact_ids=[f"c{number}"],
        )
    Connection.everywhere.update(noticed_at=now())
    shown = api.get(path).json()
    assert shown["last_received_at"] is not None
    assert len(shown["recent"]) == 20
    newest = {key: value for key, value in shown["recent"][0].items() if key != "received_at"}
    assert newest == {"topic": "contact.deleted", "contact_ids": ["c20"], "handled_at": None}


def test_it_takes_the_secret_and_never_gives_it_away(api: Api, connection_id: str) -> None:
    path = f"/connections/{connection_id}/webhooks"
    answers = [api.put(path, {"client_secret": SECRET}), api.get(path)]
    assert [one.status_code for one in answers] == [200, 200]
    assert [one.json()["secret_set"] for one in answers] == [True, True]
    assert SECRET not in "".join(one.content.decode() for one in answers)
    assert api.put(path, {"client_secret": ""}).json()["secret_set"] is False


def test_it_says_what_is_no_secret(api: Api, connection_id: str) -> None:
    answer = api.put(f"/connections/{connection_id}/webhooks", {"client_secret": "a b"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "client_secret")


def test_it_takes_none_from_a_token_that_may_only_read(alice: Person, connection_id: str) -> None:
    path = f"/connections/{connection_id}/webhooks"
    assert Api(alice.reading_token).put(path, {"client_secret": SECRET}).status_code == 403
