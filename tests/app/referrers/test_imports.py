"""An uploaded file becomes referrers."""

import asyncio
import io
import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connections, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from passalong.core.problems import Problem
from passalong.referrers.imports import services
from passalong.referrers.imports.apply import CHUNK, Rows, step
from passalong.referrers.imports.lease import LeaseLostError, abandoned, claim, let_go
from passalong.referrers.imports.work import conduct
from passalong.referrers.models import Import, ImportPart, ImportRecord, Referrer
from passalong.referrers.services import find_referrers
from tests.support import cast
from tests.support.uploads import counts, outcomes, people, queue, stored_count, upload_all, work

FIVE_THOUSAND = "Email,First name\n" + "".join(f"p{n}@example.com,P{n}\n" for n in range(5_000))


def test_it_makes_referrers_of_rows(campaign: Campaign) -> None:
    text = (
        "Email,First name,Last name,Phone,Plan\n Ada@Example.com ,Ada,King,+44 20,pro\nbob@example.com,,,,\n"
    )

    done = upload_all(campaign, text)

    assert (done.status, counts(done)) == ("succeeded", {"read": 2, "created": 2})
    assert people(campaign) == {
        "ada@example.com": ("Ada", "King", "+44 20", {"plan": "pro"}),
        "bob@example.com": ("", "", "", {}),
    }
    assert stored_count(campaign) == (2, 2)
    assert set(Referrer.everywhere.values_list("source", "status")) == {("upload", "active")}
    assert len(set(Referrer.everywhere.values_list("code", flat=True))) == 2
    assert ImportPart.objects.count() == 0
    assert done.sample == []


def test_it_finds_the_new_ones_by_their_words(campaign: Campaign) -> None:
    upload_all(campaign, "Email,First name\nada@example.com,Augusta\n")
    with in_workspace(campaign.workspace_id):
        found = find_referrers(campaign, limit=5, q="aug")
    assert [row.email for row in found.items] == ["ada@example.com"]


def test_it_says_what_became_of_each_row(campaign: Campaign) -> None:
    cast.referrer_of(campaign, "old@example.com", first_name="Old")
    cast.referrer_of(campaign, "same@example.com", first_name="Same")
    text = (
        "Email,First name,Last name\n"
        "new@example.com,New,\n"
        "OLD@example.com,Other,Added\n"
        "same@example.com,Other,\n"
        "new@example.com,Again,\n"
        ",Nobody,\n"
        "\n"
        "nonsense,Nobody,\n"
        f"long@example.com,{'x' * 256},\n"
        "wide@example.com,a,b,c\n"
        "long@example.com,Short,\n"
    )

    done = upload_all(campaign, text)

    assert outcomes(done) == [
        (2, "new@example.com", "created", ""),
        (3, "old@example.com", "updated", ""),
        (4, "same@example.com", "unchanged", ""),
        (5, "new@example.com", "duplicate", "duplicate_row"),
        (6, "", "skipped", "no_email"),
        (8, "nonsense", "skipped", "invalid_email"),
        (9, "long@example.com", "failed", "value_too_long"),
        (10, "", "failed", "too_many_cells"),
        (11, "long@example.com", "created", ""),
    ]
    assert done.status == "partial"
    assert counts(done) == {
        "read": 9,
        "created": 2,
        "updated": 1,
        "unchanged": 1,
        "duplicate": 1,
        "skipped": 2,
        "failed": 2,
    }
    assert people(campaign) == {
        "old@example.com": ("Old", "Added", "", {}),
        "same@example.com": ("Same", "", "", {}),
        "new@example.com": ("New", "", "", {}),
        "long@example.com": ("Short", "", "", {}),
    }
    referrers = dict(Referrer.everywhere.values_list("email", "pk"))
    records = ImportRecord.objects.exclude(referrer=None).values_list("email", "referrer_id")
    assert all(referrers[email] == referrer for email, referrer in records)
    assert len(records) == 5
    assert stored_count(campaign) == (4, 4)


@pytest.mark.parametrize(
    ("overwrite", "after"),
    [
        (False, ("Ada", "Byron", "", {"plan": "free", "seats": 3, "city": "Turin"})),
        (True, ("Augusta", "Byron", "", {"plan": "pro", "seats": 3, "city": "Turin"})),
    ],
)
def test_it_fills_what_is_empty_or_overwrites(
    campaign: Campaign, overwrite: bool, after: tuple[object, ...]
) -> None:
    known = cast.referrer_of(
        campaign, "ada@example.com", first_name="Ada", fields={"plan": "free", "seats": 3}
    )
    text = "Email,First name,Last name,Phone,Plan,City\nada@example.com,Augusta,Byron,,pro,Turin\n"

    done = upload_all(campaign, text, overwrite=overwrite)

    assert counts(done) == {"read": 1, "updated": 1}
    assert people(campaign)["ada@example.com"] == after
    changed = Referrer.everywhere.get(pk=known.pk)
    assert (changed.code, changed.source) == (known.code, "api")
    assert stored_count(campaign) == (1, 1)


@pytest.mark.parametrize("overwrite", [True, False])
def test_it_changes_nothing_the_second_time(campaign: Campaign, overwrite: bool) -> None:
    text = "Email,Name,Plan\nada@example.com,Ada King,pro\nbob@example.com,Bob,\n"
    upload_all(campaign, text)
    before = dict(Referrer.everywhere.values_list("email", "updated_at"))

    done = upload_all(campaign, text, overwrite=overwrite)

    assert counts(done) == {"read": 2, "unchanged": 2}
    assert dict(Referrer.everywhere.values_list("email", "updated_at")) == before


def test_it_knows_a_duplicate_of_an_earlier_chunk(campaign: Campaign) -> None:
    done = upload_all(campaign, FIVE_THOUSAND + "p0@example.com,Again\nP4999@example.com,Again\n")
    assert counts(done) == {"read": 5002, "created": 5000, "duplicate": 2}
    assert people(campaign)["p0@example.com"][0] == "P0"
    assert stored_count(campaign) == (5000, 5000)
    assert ImportRecord.objects.filter(outcome="duplicate").exclude(referrer=None).count() == 2


def test_it_reads_only_the_columns_it_is_told_to(campaign: Campaign) -> None:
    text = "E-Post;Name;Secret\nada@example.com;Ada King;x\n"
    upload_all(campaign, text, columns={"E-Post": "email", "Name": "last_name", "Secret": None})
    assert people(campaign) == {"ada@example.com": ("", "Ada King", "", {})}


def test_it_keeps_formulas_and_html_as_they_are(campaign: Campaign) -> None:
    upload_all(campaign, "Email,First name,Note\nada@example.com,=1+1,<b>hi</b>\n")
    assert people(campaign) == {"ada@example.com": ("=1+1", "", "", {"note": "<b>hi</b>"})}


def test_it_goes_on_after_a_crash_between_chunks(campaign: Campaign) -> None:
    upload = queue(campaign, FIVE_THOUSAND + "p1@example.com,Again\n")
    first = claim(upload.pk)
    assert first
    rows = Rows(first.upload)
    step(first, rows)
    step(first, rows)
    assert claim(upload.pk) is None  # somebody living has it
    assert abandoned() == []
    Import.everywhere.update(lease_until=now() - timedelta(seconds=1))  # the worker was killed
    assert abandoned() == [upload.pk]

    done = work(upload)

    assert (done.status, done.epoch) == ("succeeded", 2)
    assert counts(done) == {"read": 5001, "created": 5000, "duplicate": 1}
    assert [row[0] for row in outcomes(done)] == list(range(2, 5003))
    assert stored_count(campaign) == (5000, 5000)
    with pytest.raises(LeaseLostError):
        step(first, rows)


def test_it_undoes_all_of_a_chunk_that_does_not_commit(campaign: Campaign) -> None:
    upload = queue(campaign, FIVE_THOUSAND)
    held = claim(upload.pk)
    assert held
    rows = Rows(held.upload)
    with transaction.atomic():
        step(held, rows)
        transaction.set_rollback(True)  # the power fails before the commit
    assert stored_count(campaign) == (0, 0)
    let_go(held)

    done = work(upload)

    assert counts(done) == {"read": 5000, "created": 5000}
    assert stored_count(campaign) == (5000, 5000)


def test_it_commits_nothing_once_another_worker_has_it(campaign: Campaign) -> None:
    upload = queue(campaign, FIVE_THOUSAND)
    slow = claim(upload.pk)
    assert slow
    rows = Rows(slow.upload)
    step(slow, rows)
    Import.everywhere.update(lease_until=now() - timedelta(seconds=1))
    assert claim(upload.pk)
    with pytest.raises(LeaseLostError):
        step(slow, rows)
    assert stored_count(campaign) == (CHUNK, CHUNK)


def test_it_hands_over_when_its_worker_is_told_to_stop(campaign: Campaign) -> None:
    upload = queue(campaign, FIVE_THOUSAND)

    async def begin_and_stop() -> None:
        working = asyncio.create_task(conduct(upload.pk))
        while not await asyncio.to_thread(_read, upload):
            await asyncio.sleep(0.01)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working

    asyncio.run(begin_and_stop())
    left = Import.everywhere.get()
    assert left.status == "running"
    assert left.read in range(CHUNK, 5000)
    assert abandoned() == [upload.pk]  # at once, not when the lease has run out

    assert counts(work(upload)) == {"read": 5000, "created": 5000}
    assert stored_count(campaign) == (5000, 5000)


def _read(upload: Import) -> int:
    try:
        return Import.everywhere.get(pk=upload.pk).read
    finally:
        connections.close_all()


def test_it_takes_few_rows_at_once_when_they_are_wide(campaign: Campaign) -> None:
    header = "Email," + ",".join(f"c{n}" for n in range(100))
    wide = ",".join(["x" * 9_000] * 100)
    text = header + "\n" + "".join(f"p{n}@example.com,{wide}\n" for n in range(7))
    columns: dict[str, str | None] = {"Email": "email"}
    upload = queue(campaign, text, columns=columns)
    held = claim(upload.pk)
    assert held
    step(held, Rows(held.upload))
    assert Import.everywhere.get().read == 5
    let_go(held)
    assert counts(work(upload)) == {"read": 7, "created": 7}


def test_it_stops_when_somebody_cancels(campaign: Campaign) -> None:
    upload = queue(campaign, FIVE_THOUSAND)
    held = claim(upload.pk)
    assert held
    step(held, Rows(held.upload))
    with in_workspace(campaign.workspace_id):
        services.cancel(upload)
    let_go(held)

    done = work(upload)

    assert (done.status, counts(done)) == ("cancelled", {"read": CHUNK, "created": CHUNK})
    assert done.finished_at
    assert ImportPart.objects.count() == 0
    assert work(upload).status == "cancelled"


def test_it_cancels_at_once_what_nobody_has_begun(campaign: Campaign) -> None:
    upload = queue(campaign, FIVE_THOUSAND)
    with in_workspace(campaign.workspace_id):
        assert services.cancel(upload).status == "cancelled"
    assert work(upload).read == 0


def test_it_makes_one_referrer_where_two_files_and_a_form_meet(campaign: Campaign) -> None:
    uploads = [queue(campaign, FIVE_THOUSAND) for _ in range(2)]

    def add() -> None:
        for n in range(0, 5000, 250):
            cast.referrer_of(campaign, f"p{n}@example.com", last_name="Form")
        connections.close_all()

    actions = [lambda one=one: asyncio.run(conduct(one.pk)) for one in uploads]
    threads = [threading.Thread(target=action) for action in [*actions, add]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    done = [Import.everywhere.get(pk=upload.pk) for upload in uploads]
    assert [one.status for one in done] == ["succeeded", "succeeded"]
    assert [one.read for one in done] == [5000, 5000]
    assert [one.created + one.updated + one.unchanged for one in done] == [5000, 5000]
    assert stored_count(campaign) == (5000, 5000)
    assert sum(1 for row in people(campaign).values() if row[1] == "Form") == 20
    assert all(row[0] for row in people(campaign).values())


def test_it_ends_as_failed_when_the_file_is_not_what_it_was(campaign: Campaign) -> None:
    upload = queue(campaign, FIVE_THOUSAND)
    ImportPart.objects.update(data=b'Email,Note\na@example.com,"half"way\n')

    done = work(upload)

    assert done.status == "failed"
    assert done.error["code"] == "internal_error"
    assert ImportPart.objects.count() == 0


def test_it_queues_one_job_with_the_import(campaign: Campaign) -> None:
    upload = queue(campaign, "Email\nada@example.com\n")
    with in_workspace(campaign.workspace_id):
        services.start(upload, None, overwrite=True)  # pressed twice
    jobs = ProcrastinateJob.objects.filter(args={"upload_id": str(upload.pk)})
    assert [job.task_name for job in jobs] == ["referrers.execute_import"]
    assert Import.everywhere.get().overwrite is False


@pytest.mark.parametrize(
    ("text", "columns", "code"),
    [
        ("Email,First name\n", None, "no_rows"),
        ("ada@example.com,Ada\nbob@example.com,Bob\n", None, "no_header"),
        ("Name,Phone\nAda,1\n", None, "no_email_column"),
        ("Email\na@example.com\n", {"E-mail": "email"}, "unknown_column"),
        ("Email,B\na@example.com,b\n", {"Email": "email", "B": "code"}, "invalid_mapping"),
    ],
)
def test_it_refuses_what_it_cannot_use(
    campaign: Campaign, text: str, columns: dict[str, str | None] | None, code: str
) -> None:
    with pytest.raises(Problem) as refused:
        queue(campaign, text, columns=columns)
    assert refused.value.code == code
    assert refused.value.errors


def test_it_forgets_drafts_after_a_day(campaign: Campaign) -> None:
    with in_workspace(campaign.workspace_id):
        for name in ("old.csv", "new.csv"):
            services.receive(campaign, name, io.BytesIO(b"Email\na@example.com\n"), size=20)
    Import.everywhere.filter(file_name="old.csv").update(created_at=now() - timedelta(hours=25))
    assert services.drop_old_drafts() == 1
    assert [row.file_name for row in Import.everywhere.all()] == ["new.csv"]
    assert ImportPart.objects.count() == 1
