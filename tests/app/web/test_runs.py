"""Syncs and runs as pages show them; the rows are made by hand, the engine has tests of its own."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from passalong.core.clock import now
from passalong.core.ids import public_id
from passalong.sync.models import Run, RunRecord, Sync

pytestmark = pytest.mark.django_db


def run_of(sync: Sync, **columns: Any) -> Run:
    run = Run(workspace=sync.workspace, sync=sync, instruction={"outbound": sync.outbound})
    for name, value in columns.items():
        setattr(run, name, value)
    run.save(force_insert=True)
    return run


def at(run: Run, rest: str = "") -> str:
    return f"/runs/{public_id('run', run.pk)}{rest}"


def done(sync: Sync) -> Run:
    counts = {
        "read": 12,
        "created": 5,
        "updated": 2,
        "unchanged": 1,
        "duplicate": 1,
        "skipped": 2,
        "failed": 1,
    }
    run = run_of(sync, status="partial", phase="done", total=12, api_calls=7, **counts)
    people = [
        ("c1", "ada@example.com", "created", "", ""),
        ("c2", "", "skipped", "no_email", "This contact has no email address."),
        ("c3", "<b>x</b>", "skipped", "invalid_email", "This is not an email address we can use."),
    ]
    for external_id, email, outcome, reason, message in people:
        RunRecord.objects.create(
            run=run, external_id=external_id, mark=1, email=email, role="user",
            outcome=outcome, reason=reason, message=message,
        )  # fmt: skip
    return run


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("queued", "Starting"),
        ("running", "Running"),
        ("waiting", "Waiting for Intercom"),
        ("paused", "Paused"),
        ("succeeded", "Done"),
        ("partial", "Done with problems"),
        ("failed", "Failed"),
        ("cancelled", "Cancelled"),
    ],
)
def test_it_says_the_status_in_words(page: Client, sync: Sync, status: str, words: str) -> None:
    text = page.get(at(run_of(sync, status=status))).content.decode()
    assert f">{words}</span>" in text


def test_it_shows_how_far_a_run_is_and_asks_again(page: Client, sync: Sync) -> None:
    started = now() - timedelta(hours=2)
    run = run_of(
        sync,
        status="running",
        phase="read",
        total=12408,
        read=8150,
        created=8150,
        started_at=started,
        rate=50,
    )
    text = page.get(at(run)).content.decode()
    assert "8,150 of 12,408" in text
    assert '<progress value="8150" max="12408"' in text
    assert "50 contacts per second" in text
    assert "about 1 min 25 s left</span>" in text
    assert f'data-poll hx-get="{at(run, "/progress")}"' in text


def test_it_refreshes_by_itself_only_without_scripts(page: Client, sync: Sync) -> None:
    run = run_of(sync)
    refresh = '<meta http-equiv="refresh" content="3">'
    assert f"<noscript>{refresh}" not in page.get(at(run)).content.decode()
    assert refresh in page.get(at(run)).content.decode()
    page.cookies["scripts"] = "1"
    assert f"<noscript>{refresh}</noscript>" in page.get(at(run)).content.decode()


def test_it_stops_asking_when_the_run_is_over(page: Client, sync: Sync) -> None:
    run = done(sync)
    answer = page.get(at(run, "/progress"), headers={"HX-Request": "true"})
    assert answer["HX-Refresh"] == "true"
    assert "data-poll" not in answer.content.decode()
    assert "http-equiv" not in page.get(at(run)).content.decode()


def test_it_sends_a_browser_without_scripts_to_the_page(page: Client, sync: Sync) -> None:
    run = run_of(sync)
    assert page.get(at(run, "/progress"))["Location"] == at(run)


def test_it_shows_counts_that_add_up(page: Client, sync: Sync) -> None:
    context = page.get(at(done(sync))).context
    assert [count["value"] for count in context["counts"]] == [5, 2, 1, 1, 2, 1]
    assert sum(count["value"] for count in context["counts"]) == context["run"].read


def test_it_filters_records_by_outcome_and_reason(page: Client, sync: Sync) -> None:
    run = done(sync)
    by_outcome = page.get(at(run), {"outcome": "skipped"}).content.decode()
    assert ("ada@example.com" in by_outcome, "no email address" in by_outcome) == (False, True)
    by_reason = page.get(at(run), {"outcome": "skipped", "reason": "invalid_email"}).content.decode()
    assert "This contact has no email address." not in by_reason
    assert "&lt;b&gt;x&lt;/b&gt;" in by_reason
    assert "<b>x</b>" not in by_reason


def test_it_shows_what_went_wrong_with_the_next_step(page: Client, sync: Sync) -> None:
    error = {"code": "token_revoked", "message": "The token was revoked.", "next_step": "Make a new one."}
    text = page.get(at(run_of(sync, status="failed", error=error))).content.decode()
    assert "The token was revoked." in text
    assert "Make a new one." in text
    assert "<code>token_revoked</code>" in text


def test_it_cancels(page: Client, sync: Sync) -> None:
    run = run_of(sync)
    assert page.post(at(run, "/cancel"))["Location"] == at(run)
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_it_does_not_show_previews_as_runs(page: Client, sync: Sync) -> None:
    assert page.get(at(run_of(sync, kind="preview"))).status_code == 404


def test_it_runs_again_pauses_resumes_and_deletes(page: Client, sync: Sync) -> None:
    home = f"/syncs/{public_id('sync', sync.pk)}"
    page.post(f"{home}/run")
    page.post(f"{home}/pause")
    assert Run.everywhere.get().status == "paused"
    page.post(f"{home}/resume")
    assert Run.everywhere.get().status == "queued"
    refused = page.post(f"{home}/delete")
    assert refused.status_code == 409
    assert "Cancel the run first; what it has done stays." in refused.content.decode()
    page.post(at(Run.everywhere.get(), "/cancel"))
    assert page.post(f"{home}/delete").status_code == 302
    assert not Sync.everywhere.exists()


def test_it_says_that_a_run_is_under_way(page: Client, sync: Sync) -> None:
    run_of(sync, status="running")
    answer = page.post(f"/syncs/{public_id('sync', sync.pk)}/run")
    assert answer.status_code == 409
    assert "This sync is running already" in answer.content.decode()


def test_it_says_what_a_sync_does(page: Client, sync: Sync) -> None:
    text = page.get(f"/syncs/{public_id('sync', sync.pk)}").content.decode()
    for words in ("Acme Intercom", "All contacts", "First word", "Referral link", "One-time sync"):
        assert words in text


def test_it_lists_syncs_with_their_newest_run(page: Client, sync: Sync) -> None:
    run_of(sync, status="failed")
    run_of(sync, status="succeeded", read=12408)
    text = page.get(f"/campaigns/{public_id('campaign', sync.campaign_id)}/syncs").content.decode()
    assert "12,408" in text
    assert ">Failed</span>" not in text


def test_it_shows_people_by_name_where_the_map_in_knows_it(page: Client, sync: Sync) -> None:
    run = done(sync)
    RunRecord.objects.create(
        run=run, external_id="c9", mark=1, role="lead", outcome="skipped", reason="no_email",
        mapped={"first_name": "Grace", "last_name": "Hopper"},
    )  # fmt: skip
    assert "Grace Hopper" in page.get(at(run)).content.decode()


def failed_run(sync: Sync) -> Run:
    run = run_of(
        sync,
        status="partial",
        phase="done",
        read=3,
        created=1,
        failed=2,
        write_backs_due=1,
        write_backs_failed=1,
    )
    rows = [("c1", "created", "failed"), ("c2", "failed", "none"), ("c3", "failed", "none")]
    for external_id, outcome, write_back in rows:
        RunRecord.objects.create(
            run=run, external_id=external_id, mark=1, email=f"{external_id}@example.com", role="user",
            outcome=outcome, reason="value_too_long", write_back=write_back,
        )  # fmt: skip
    return run


def test_it_retries_all_that_failed(page: Client, sync: Sync) -> None:
    run = failed_run(sync)
    assert "Retry 3 failed" in page.get(at(run)).content.decode()

    answer = page.post(at(run, "/retry"))

    again = Run.everywhere.get(retry_of=run)
    assert (answer.status_code, answer.headers["Location"]) == (302, at(again))
    assert (again.trigger, again.only, again.started_by) == ("retry", [], "alice@example.com")


def test_it_retries_one_contact(page: Client, sync: Sync) -> None:
    run = failed_run(sync)
    page.post(at(run, "/retry"), {"contact": "c2"})
    assert Run.everywhere.get(retry_of=run).only == ["c2"]


def test_it_says_why_nothing_can_be_retried(page: Client, sync: Sync) -> None:
    answer = page.post(at(run_of(sync, status="succeeded"), "/retry"))
    assert answer.status_code == 409
    assert "No contact failed in this run." in answer.content.decode()


def test_it_offers_no_retry_when_nothing_failed(page: Client, sync: Sync) -> None:
    run = run_of(sync, status="succeeded", phase="done", read=1, created=1)
    assert "Retry" not in page.get(at(run)).content.decode()


def test_it_shows_who_was_not_written_back(page: Client, sync: Sync) -> None:
    text = page.get(at(failed_run(sync), "?write_back=failed")).content.decode()
    assert "c1@example.com" in text
    assert "c2@example.com" not in text


def test_it_pauses_and_resumes_from_the_page_of_the_run(page: Client, sync: Sync) -> None:
    run = run_of(sync, status="queued")
    page.post(at(run, "/pause"))
    assert Run.everywhere.get(pk=run.pk).status == "paused"
    assert "Resume" in page.get(at(run)).content.decode()
    page.post(at(run, "/resume"))
    assert Run.everywhere.get(pk=run.pk).status == "queued"


def test_it_gives_the_contacts_as_a_file_that_no_spreadsheet_runs(page: Client, sync: Sync) -> None:
    run = run_of(sync, status="partial", phase="done", read=2, skipped=1, created=1)
    RunRecord.objects.create(
        run=run, external_id="-c1", mark=1, email='=HYPERLINK("x")', role="user", outcome="skipped",
        reason="invalid_email", message="@message", mapped={"first_name": "+Ada", "last_name": "L"},
    )  # fmt: skip
    RunRecord.objects.create(run=run, external_id="c2", mark=1, role="lead", outcome="created")

    answer = page.get(at(run, "/contacts.csv?outcome=skipped"))

    lines = b"".join(answer).decode("utf-8-sig").splitlines()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="contacts-of-this-run.csv"'
    assert lines == [
        "Contact,Email,Name,User or lead,Outcome,Reason,What happened and what to do,Written back,Referrer",
        '\'-c1,"\'=HYPERLINK(""x"")",\'+Ada L,User,Skipped,Email address not usable,\'@message,,',
    ]
