"""Syncs over REST."""

from typing import Any

import pytest

from passalong.sync.models import Run, RunStatus, Sync
from tests.support.cast import INSTRUCTION, Api


def body(connection_id: str, **changes: Any) -> dict[str, Any]:
    return {"connection_id": connection_id, **INSTRUCTION, **changes}


def test_it_creates_a_sync_with_every_default_filled_in(
    api: Api, campaign_id: str, connection_id: str
) -> None:
    short = {
        "connection_id": connection_id,
        "audience": {"kind": "leads"},
        "inbound": [{"from": "name", "to": "first_name"}, {"from": "email", "to": "email"}],
    }

    answer = api.post(f"/campaigns/{campaign_id}/syncs", short)

    shown = answer.json()
    assert answer.status_code == 201
    assert shown.pop("id").startswith("sync_")
    assert shown.pop("created_at") <= shown.pop("updated_at")
    plain = {"mode": "overwrite", "name_format": None, "default": None}
    assert shown == {
        "campaign_id": campaign_id,
        "connection_id": connection_id,
        "name": "Acme Intercom, only leads",
        "audience": {"kind": "leads", "segment_ids": [], "exclude_segment_ids": []},
        "inbound": [
            {"from": "name", "to": "first_name", **plain},
            {"from": "email", "to": "email", **plain},
        ],
        "outbound": [],
        "conflicts": [],
        "type": "one_time",
        "interval_minutes": 60,
        "on_leave": "keep",
        "contact_policy": {"unsubscribed": "include", "bounced": "include", "spam": "skip"},
        "paused": False,
        "next_run_at": None,
        "last_run": None,
    }


def test_it_names_the_row_of_a_bad_map(api: Api, campaign_id: str, connection_id: str) -> None:
    inbound = [*INSTRUCTION["inbound"], {"from": "nothing", "to": "shoe_size", "mode": "sometimes"}]
    outbound = [{"from": "referral_link", "to": "email"}]

    answer = api.post(
        f"/campaigns/{campaign_id}/syncs", body(connection_id, inbound=inbound, outbound=outbound)
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_sync")
    assert [error["field"] for error in answer.json()["errors"]] == [
        "inbound[2].to",
        "inbound[2].from",
        "inbound[2].mode",
        "outbound[0].to",
    ]


def test_it_does_not_know_another_connection(api: Api, campaign_id: str) -> None:
    answer = api.post(f"/campaigns/{campaign_id}/syncs", body("conn_" + "0" * 32))

    assert answer.status_code == 404
    assert answer.json()["errors"] == [{"field": "connection_id", "message": "There is no such connection."}]


def test_it_refuses_what_is_not_built(api: Api, campaign_id: str, connection_id: str) -> None:
    answer = api.post(f"/campaigns/{campaign_id}/syncs", body(connection_id, type="weekly"))

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "type")


@pytest.mark.parametrize("name", ["", "x" * 151])
def test_it_refuses_a_name_of_the_wrong_length(api: Api, sync_id: str, name: str) -> None:
    answer = api.patch(f"/syncs/{sync_id}", {"name": name})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "name")


def test_it_lists_a_campaigns_syncs_with_their_last_runs(
    api: Api, campaign_id: str, sync: Sync, sync_id: str
) -> None:
    Run.everywhere.create(workspace=sync.workspace, sync=sync, status=RunStatus.FAILED)
    latest = Run.everywhere.create(workspace=sync.workspace, sync=sync, status=RunStatus.SUCCEEDED)
    Run.everywhere.create(workspace=sync.workspace, sync=sync, kind="preview")

    (shown,) = api.get(f"/campaigns/{campaign_id}/syncs").json()["data"]

    assert shown["id"] == sync_id
    assert shown["last_run"]["id"] == f"run_{latest.pk.hex}"
    assert api.get(f"/syncs/{sync_id}").json() == shown


def test_it_changes_only_what_is_given(api: Api, sync_id: str) -> None:
    answer = api.patch(f"/syncs/{sync_id}", {"name": "Users", "audience": {"kind": "users"}})

    shown = answer.json()
    assert answer.status_code == 200
    assert (shown["name"], shown["audience"]["kind"], shown["outbound"]) == (
        "Users",
        "users",
        INSTRUCTION["outbound"],
    )


def test_it_keeps_the_connection_of_a_sync(api: Api, sync_id: str, connection_id: str) -> None:
    answer = api.patch(f"/syncs/{sync_id}", {"connection_id": connection_id})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "connection_id")


def test_it_pauses_and_resumes(api: Api, sync_id: str) -> None:
    assert api.post(f"/syncs/{sync_id}/pause").json()["paused"] is True
    assert api.post(f"/syncs/{sync_id}/runs").json()["code"] == "sync_paused"
    assert api.post(f"/syncs/{sync_id}/resume").json()["paused"] is False


def test_it_deletes_a_sync_that_is_not_running(api: Api, sync: Sync, sync_id: str) -> None:
    run = Run.everywhere.create(workspace=sync.workspace, sync=sync)
    assert api.delete(f"/syncs/{sync_id}").json()["code"] == "run_in_progress"

    Run.everywhere.filter(pk=run.pk).update(status=RunStatus.CANCELLED)

    assert api.delete(f"/syncs/{sync_id}").status_code == 204
    assert api.get(f"/syncs/{sync_id}").status_code == 404
