"""Who changed a sync, over REST."""

import pytest

from passalong.accounts.models import AuditEntry
from passalong.sync.models import Sync
from tests.support.cast import INSTRUCTION, Api

WRITER = "token alice@example.com writes"


def entries(api: Api, sync_id: str) -> list[tuple[str, str, list[dict[str, object]]]]:
    rows = api.get(f"/syncs/{sync_id}/timeline").json()["data"]
    return [(row["verb"], row["who"], row["changes"]) for row in rows]


def test_it_says_who_created_a_sync(api: Api, campaign_id: str, connection_id: str) -> None:
    body = {"connection_id": connection_id, **INSTRUCTION}
    sync_id = api.post(f"/campaigns/{campaign_id}/syncs", body).json()["id"]
    assert entries(api, sync_id) == [("sync.created", WRITER, [])]


def test_it_says_what_changed_from_what_to_what(api: Api, sync_id: str) -> None:
    api.patch(f"/syncs/{sync_id}", {"name": "Users", "outbound": []})
    changes = [
        {"field": "name", "before": "Everyone", "after": "Users"},
        {
            "field": "outbound",
            "before": [{"from": "referral_link", "to": "custom_attributes.Link"}],
            "after": [],
        },
    ]
    assert entries(api, sync_id) == [("sync.changed", WRITER, changes)]


def test_it_says_nothing_of_a_change_that_changes_nothing(api: Api, sync_id: str) -> None:
    api.patch(f"/syncs/{sync_id}", {"name": "Everyone", **INSTRUCTION})
    assert entries(api, sync_id) == []


def test_it_says_nothing_of_a_refused_change(api: Api, sync_id: str) -> None:
    api.patch(f"/syncs/{sync_id}", {"name": "Users", "inbound": []})
    assert entries(api, sync_id) == []


def test_it_says_who_paused_and_resumed_newest_first(api: Api, sync_id: str) -> None:
    for verb in ("pause", "pause", "resume", "resume"):
        api.post(f"/syncs/{sync_id}/{verb}")
    assert entries(api, sync_id) == [("sync.resumed", WRITER, []), ("sync.paused", WRITER, [])]


def test_it_is_paged(api: Api, sync_id: str) -> None:
    for name in ("One", "Two", "Three"):
        api.patch(f"/syncs/{sync_id}", {"name": name})
    first = api.get(f"/syncs/{sync_id}/timeline", limit=2).json()
    second = api.get(f"/syncs/{sync_id}/timeline", limit=2, cursor=first["next_cursor"]).json()
    shown = [row["changes"][0]["after"] for row in (*first["data"], *second["data"])]
    assert (shown, second["next_cursor"]) == (["Three", "Two", "One"], None)
    assert first["data"][0]["id"].startswith("entry_")


def test_it_keeps_a_note_of_a_deleted_sync(api: Api, sync: Sync, sync_id: str) -> None:
    api.delete(f"/syncs/{sync_id}")
    note = AuditEntry.everywhere.get(subject=sync.pk)
    assert (note.verb, note.who) == ("sync.deleted", WRITER)
    assert note.changes == [{"field": "name", "before": "Everyone", "after": None}]
    assert api.get(f"/syncs/{sync_id}/timeline").status_code == 404


@pytest.mark.parametrize("cursor", ["x", "\0"])
def test_it_refuses_a_strange_cursor(api: Api, sync_id: str, cursor: str) -> None:
    assert api.get(f"/syncs/{sync_id}/timeline", cursor=cursor).status_code == 422
