"""Runs, their records, and previews over REST."""

from datetime import UTC, datetime
from typing import Any

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from passalong.core.ids import public_id
from passalong.referrers.models import Referrer
from passalong.sync.models import Outcome, Run, RunRecord, RunStatus, Sync
from tests.support.cast import Api

NO_COUNTS = {
    "read": 0,
    "created": 0,
    "updated": 0,
    "unchanged": 0,
    "duplicate": 0,
    "skipped": 0,
    "failed": 0,
    "left": 0,
    "write_backs_due": 0,
    "written": 0,
    "write_backs_failed": 0,
}


def run_of(sync: Sync, **columns: Any) -> Run:
    return Run.everywhere.create(workspace=sync.workspace, sync=sync, **columns)


def record_of(run: Run, external_id: str, outcome: str, **columns: Any) -> RunRecord:
    return RunRecord.objects.create(
        run=run, external_id=external_id, outcome=outcome, mark=1, role="user", **columns
    )


def test_it_starts_a_run(api: Api, sync_id: str) -> None:
    answer = api.post(f"/syncs/{sync_id}/runs")

    run = Run.everywhere.get()
    assert answer.status_code == 202
    assert answer.json() == {
        "id": f"run_{run.pk.hex}",
        "sync_id": sync_id,
        "retry_of": None,
        "trigger": "manual",
        "status": "queued",
        "phase": "plan",
        "total": None,
        "counts": NO_COUNTS,
        "api_calls": 0,
        "started_at": None,
        "finished_at": None,
        "error": None,
    }
    assert run.started_by == "token alice@example.com writes"
    assert ProcrastinateJob.objects.filter(args={"run_id": str(run.pk)}).count() == 1


def test_it_reads_everything_when_asked_to(api: Api, sync_id: str) -> None:
    assert api.post(f"/syncs/{sync_id}/runs", {"full": True}).status_code == 202
    assert Run.everywhere.get().full is True


def test_it_refuses_a_full_that_is_not_a_boolean(api: Api, sync_id: str) -> None:
    answer = api.post(f"/syncs/{sync_id}/runs", {"full": "yes"})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "full")


def test_it_runs_a_sync_once_at_a_time(api: Api, sync_id: str) -> None:
    first = api.post(f"/syncs/{sync_id}/runs").json()

    second = api.post(f"/syncs/{sync_id}/runs")

    assert (second.status_code, second.json()["code"]) == (409, "run_in_progress")
    assert second.json()["errors"] == [{"field": "run_id", "message": first["id"]}]


def test_it_lists_runs_newest_first_without_previews(api: Api, sync: Sync, sync_id: str) -> None:
    runs = [run_of(sync, status=RunStatus.SUCCEEDED) for _ in range(3)]
    run_of(sync, kind="preview")

    first = api.get(f"/syncs/{sync_id}/runs", limit=2).json()
    second = api.get(f"/syncs/{sync_id}/runs", limit=2, cursor=first["next_cursor"]).json()

    found = [run["id"] for run in first["data"] + second["data"]]
    assert found == [f"run_{run.pk.hex}" for run in reversed(runs)]


def test_it_shows_a_finished_run(api: Api, sync: Sync) -> None:
    error = {"code": "segment_not_found", "message": "It is gone.", "next_step": "Choose another."}
    finished = datetime(2026, 11, 23, 14, 5, 6, 700_000, UTC)
    run = run_of(sync, status=RunStatus.FAILED, error=error, finished_at=finished, read=5, skipped=5)

    shown = api.get(f"/runs/{public_id('run', run.pk)}").json()

    assert (shown["status"], shown["finished_at"], shown["error"]) == (
        "failed",
        "2026-11-23T14:05:06.700Z",
        error,
    )
    assert shown["counts"] == {**NO_COUNTS, "read": 5, "skipped": 5}


def test_it_cancels_a_waiting_run_and_leaves_a_finished_one_alone(api: Api, sync: Sync) -> None:
    run = run_of(sync)
    path = f"/runs/{public_id('run', run.pk)}/cancel"

    assert api.post(path).json()["status"] == "cancelled"
    assert api.post(path).json()["status"] == "cancelled"


def test_it_has_no_runs_among_previews(api: Api, sync: Sync) -> None:
    run, preview = run_of(sync), run_of(sync, kind="preview")

    assert api.get(f"/previews/{public_id('preview', run.pk)}").status_code == 404
    assert api.get(f"/runs/{public_id('run', preview.pk)}").status_code == 404


def test_it_lists_records_by_outcome_and_reason(api: Api, sync: Sync, referrer: Referrer) -> None:
    run = run_of(sync)
    record_of(run, "c1", Outcome.CREATED, email="dana@example.com", referrer=referrer, write_back="written")
    record_of(run, "c2", Outcome.SKIPPED, reason="no_email", message="It has no email address.")
    record_of(run, "c3", Outcome.SKIPPED, reason="spam")
    path = f"/runs/{public_id('run', run.pk)}/records"

    def found(**query: Any) -> list[str]:
        return [row["external_id"] for row in api.get(path, **query).json()["data"]]

    assert api.get(path, limit=2).json()["data"] == [
        {
            "external_id": "c1",
            "email": "dana@example.com",
            "referrer_id": public_id("referrer", referrer.pk),
            "outcome": "created",
            "reason": None,
            "message": None,
            "write_back": "written",
        },
        {
            "external_id": "c2",
            "email": None,
            "referrer_id": None,
            "outcome": "skipped",
            "reason": "no_email",
            "message": "It has no email address.",
            "write_back": "none",
        },
    ]
    assert found(outcome="skipped") == ["c2", "c3"]
    assert found(outcome="skipped", reason="spam") == ["c3"]
    assert found(cursor=api.get(path, limit=2).json()["next_cursor"]) == ["c3"]
    assert api.get(path, outcome="lost").status_code == 422


def test_it_answers_202_while_a_preview_is_not_complete(api: Api, sync_id: str) -> None:
    answer = api.post(f"/syncs/{sync_id}/preview?wait=0")

    preview = Run.everywhere.get()
    assert answer.status_code == 202
    assert answer.json() == {
        "id": f"prev_{preview.pk.hex}",
        "complete": False,
        "read": 0,
        "total": None,
        "new": 0,
        "updated": 0,
        "unchanged": 0,
        "duplicate": 0,
        "skipped": {},
        "failed": 0,
        "write_backs": 0,
        "sample": [],
        "error": None,
    }
    assert preview.kind == "preview"


def test_it_waits_no_longer_than_half_a_minute(api: Api, sync_id: str) -> None:
    assert api.post(f"/syncs/{sync_id}/preview?wait=31").status_code == 422


def test_it_shows_what_a_preview_counted(api: Api, sync: Sync) -> None:
    run = run_of(
        sync,
        kind="preview",
        status=RunStatus.SUCCEEDED,
        total=9,
        read=9,
        created=7,
        skipped=2,
        write_backs_due=7,
    )
    for number in range(7):
        mapped = {"email": f"p{number}@example.com", "first_name": "P", "fields.plan": "pro"}
        record_of(run, f"c{number}", Outcome.CREATED, email=mapped["email"], mapped=mapped)
    record_of(run, "c8", Outcome.SKIPPED, reason="no_email")
    record_of(run, "c9", Outcome.SKIPPED, reason="spam")

    shown = api.get(f"/previews/{public_id('preview', run.pk)}").json()

    sample = shown.pop("sample")
    assert shown == {
        "id": public_id("preview", run.pk),
        "complete": True,
        "read": 9,
        "total": 9,
        "new": 7,
        "updated": 0,
        "unchanged": 0,
        "duplicate": 0,
        "skipped": {"no_email": 1, "spam": 1},
        "failed": 0,
        "write_backs": 7,
        "error": None,
    }
    assert [one["external_id"] for one in sample] == ["c0", "c1", "c2", "c3", "c4"]
    assert sample[0] == {
        "external_id": "c0",
        "email": "p0@example.com",
        "outcome": "created",
        "reason": None,
        "values": {"email": "p0@example.com", "first_name": "P", "fields.plan": "pro"},
    }


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        ("failed", {"code": "gone", "message": "It is gone.", "next_step": "Look."}, "gone"),
        ("cancelled", None, "preview_cancelled"),
    ],
)
def test_it_says_why_a_preview_could_not_be_made(
    api: Api, sync: Sync, status: str, error: dict[str, str] | None, code: str
) -> None:
    run = run_of(sync, kind="preview", status=status, error=error)

    answer = api.get(f"/previews/{public_id('preview', run.pk)}")

    shown = answer.json()
    assert (answer.status_code, shown["complete"], shown["error"]["code"]) == (200, True, code)


def test_it_gives_a_repeated_preview_the_same_answer(api: Api, sync_id: str) -> None:
    first = api.post(f"/syncs/{sync_id}/preview?wait=0", key="k1")
    second = api.post(f"/syncs/{sync_id}/preview?wait=0", key="k1")

    assert first.content == second.content
    assert Run.everywhere.count() == 1


def test_it_retries_what_failed(api: Api, sync: Sync, sync_id: str) -> None:
    run = run_of(sync, status=RunStatus.PARTIAL)
    record_of(run, "c1", Outcome.FAILED)
    record_of(run, "c2", Outcome.CREATED)

    answer = api.post(f"/runs/{public_id('run', run.pk)}/retry")

    again = Run.everywhere.get(retry_of=run)
    assert (answer.status_code, answer.json()["id"]) == (202, public_id("run", again.pk))
    assert (answer.json()["trigger"], answer.json()["retry_of"]) == ("retry", public_id("run", run.pk))
    assert (again.sync_id, again.only) == (sync.pk, [])


def test_it_retries_the_contacts_named(api: Api, sync: Sync) -> None:
    run = run_of(sync, status=RunStatus.PARTIAL)
    record_of(run, "c1", Outcome.FAILED)

    assert api.post(f"/runs/{public_id('run', run.pk)}/retry", {"external_ids": ["c1"]}).status_code == 202
    assert Run.everywhere.get(retry_of=run).only == ["c1"]


def test_it_says_when_there_is_nothing_to_retry(api: Api, sync: Sync) -> None:
    run = run_of(sync, status=RunStatus.SUCCEEDED)

    answer = api.post(f"/runs/{public_id('run', run.pk)}/retry")

    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_retry")
