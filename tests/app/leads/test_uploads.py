"""Uploaded lists become leads, and qualify leads, by the rules of one lead at a time."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import F

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from passalong.core.ids import public_id
from passalong.core.problems import Problem
from passalong.leads import services
from passalong.leads.models import Lead
from passalong.referrers.imports.apply import CHUNK, Rows, step
from passalong.referrers.imports.lease import LeaseLostError, claim
from passalong.referrers.models import Import, ImportRecord, Referrer
from passalong.tracking.models import Tally
from passalong.webhooks.models import Delivery, Webhook
from tests.support import cast
from tests.support.counting import counted, recounted
from tests.support.uploads import counts, outcomes, queue, upload_all, work


def leads(campaign: Campaign) -> dict[str, tuple[str, str, str]]:
    """email → (referrer, first name, status)."""
    rows = Lead.everywhere.filter(campaign=campaign).select_related("referrer")
    return {lead.email: (lead.referrer.email, lead.first_name, lead.status) for lead in rows}


def told(campaign: Campaign) -> list[str]:
    """The events that a webhook was told."""
    rows = Delivery.everywhere.filter(workspace_id=campaign.workspace_id).order_by("pk")
    return list(rows.values_list("event", flat=True))


def tallied() -> tuple[int, int]:
    """Leads and qualified ones, as analytics noted them."""
    rows = list(Tally.objects.values_list("leads", "qualified"))
    return sum(row[0] for row in rows), sum(row[1] for row in rows)


def test_it_makes_leads_of_rows(spring: Campaign, rita: Referrer) -> None:
    text = (
        "Email,First name,Referrer,Qualified\n"
        f" Frida@Example.com ,Frida,{rita.code.upper()},yes\n"
        f"gus@example.com,,{rita.referral_link},no\n"
        "hal@example.com,Hal,RITA@gmail.com,\n"
        f"ida@example.com,Ida,{public_id('referrer', rita.pk)},x\n"
    )

    done = upload_all(spring, text, kind="leads")

    assert (done.status, counts(done)) == ("succeeded", {"read": 4, "created": 4})
    assert leads(spring) == {
        "frida@example.com": ("rita@gmail.com", "Frida", "qualified"),
        "gus@example.com": ("rita@gmail.com", "", "pending"),
        "hal@example.com": ("rita@gmail.com", "Hal", "pending"),
        "ida@example.com": ("rita@gmail.com", "Ida", "qualified"),
    }
    assert counted(spring) == recounted(spring) == (4, {"rita@gmail.com": (4, 2)})
    assert set(Lead.everywhere.values_list("source", flat=True)) == {"upload"}
    rita.refresh_from_db()
    assert rita.last_referral_at == max(Lead.everywhere.values_list("created_at", flat=True))
    records = set(ImportRecord.objects.values_list("lead_id", "referrer_id"))
    assert records == {(lead.pk, rita.pk) for lead in Lead.everywhere.all()}


def test_it_says_what_became_of_each_row(spring: Campaign, rita: Referrer) -> None:
    other = cast.referrer_of(spring, "other@example.com")
    stranger = cast.referrer_of(cast.campaign_of(cast.charlie()), "eve@example.com")
    cast.lead_of(rita, "old@example.com")
    cast.lead_of(rita, "same@example.com")
    text = (
        "Email,First name,Referrer,Qualified\n"
        f"OLD@example.com,New name,{other.code},yes\n"
        f"same@example.com,,{other.code},no\n"
        "same@example.com,,nobody-knows,\n"
        f"r.i.t.a+me@googlemail.com,,{rita.code},\n"
        "new@example.com,,zzzzzzzzzz,\n"
        f"new@example.com,New,{other.email},\n"
        f"new@example.com,Again,{rita.code},yes\n"
        f",Nobody,{rita.code},\n"
        f"nonsense,Nobody,{rita.code},\n"
        "lost@example.com,,,\n"
        f"maybe@example.com,,{rita.code},maybe\n"
        f"long@example.com,{'x' * 256},{rita.code},\n"
        f"wide@example.com,a,{rita.code},,b\n"
        f"spy@example.com,,{stranger.code},\n"
        "=1+1,a,b,c\n"
    )

    done = upload_all(spring, text, kind="leads")

    assert outcomes(done) == [
        (2, "old@example.com", "updated", ""),
        (3, "same@example.com", "unchanged", ""),
        (4, "same@example.com", "duplicate", "duplicate_row"),
        (5, "r.i.t.a+me@googlemail.com", "failed", "self_referral"),
        (6, "new@example.com", "failed", "referrer_not_found"),
        (7, "new@example.com", "created", ""),
        (8, "new@example.com", "duplicate", "duplicate_row"),
        (9, "", "skipped", "no_email"),
        (10, "nonsense", "skipped", "invalid_email"),
        (11, "lost@example.com", "skipped", "no_referrer"),
        (12, "maybe@example.com", "failed", "unclear_qualified"),
        (13, "long@example.com", "failed", "value_too_long"),
        (14, "", "failed", "too_many_cells"),
        (15, "spy@example.com", "failed", "referrer_not_found"),
        (16, "=1+1", "skipped", "invalid_email"),
    ]
    assert done.status == "partial"
    assert counts(done) == {
        "read": 15,
        "created": 1,
        "updated": 1,
        "unchanged": 1,
        "duplicate": 2,
        "skipped": 4,
        "failed": 6,
    }
    assert leads(spring) == {
        "old@example.com": ("rita@gmail.com", "", "qualified"),
        "same@example.com": ("rita@gmail.com", "", "pending"),
        "new@example.com": ("other@example.com", "New", "pending"),
    }
    stays = ImportRecord.objects.filter(row__in=[2, 3]).values_list("message", flat=True)
    assert set(stays) == {"Somebody else brought this friend first, and stays the referrer."}


def test_it_takes_all_rows_as_qualified_when_told(spring: Campaign, rita: Referrer) -> None:
    cast.lead_of(rita, "old@example.com")
    text = (
        "Email,Referrer,Qualified\n"
        f"a@example.com,{rita.code},\nb@example.com,{rita.code},no\nold@example.com,{rita.code},\n"
    )

    done = upload_all(spring, text, kind="leads", qualified=True)

    assert counts(done) == {"read": 3, "created": 2, "updated": 1}
    assert {email: said[2] for email, said in leads(spring).items()} == {
        "a@example.com": "qualified",
        "b@example.com": "pending",
        "old@example.com": "qualified",
    }
    assert counted(spring) == recounted(spring) == (3, {"rita@gmail.com": (3, 2)})


def test_it_takes_nothing_back(spring: Campaign, rita: Referrer) -> None:
    lead = cast.lead_of(rita)
    with in_workspace(spring.workspace_id):
        services.qualify(lead)

    done = upload_all(spring, f"Email,Referrer,Qualified\n{lead.email},{rita.code},no\n", kind="leads")

    assert counts(done) == {"read": 1, "unchanged": 1}
    assert counted(spring) == (1, {"rita@gmail.com": (1, 1)})


def test_it_changes_nothing_the_second_time(spring: Campaign, rita: Referrer) -> None:
    text = f"Email,Referrer,Qualified\na@example.com,{rita.code},yes\nb@example.com,{rita.code},\n"
    upload_all(spring, text, kind="leads")
    before = list(Lead.everywhere.order_by("pk").values())

    done = upload_all(spring, text, kind="leads")

    assert counts(done) == {"read": 2, "unchanged": 2}
    assert list(Lead.everywhere.order_by("pk").values()) == before
    assert counted(spring) == (2, {"rita@gmail.com": (2, 1)})


def test_it_qualifies_by_email_code_link_and_id(spring: Campaign, rita: Referrer) -> None:
    lead = {name: cast.lead_of(rita, f"{name}@example.com") for name in ("a", "b", "c", "d", "e")}
    code = {name: cast.referrer_of(spring, f"{name}@example.com") for name in ("b", "c", "rest")}
    with in_workspace(spring.workspace_id):
        services.qualify(lead["e"])
    text = (
        "Email\n"
        " A@Example.com\n"
        f"{code['b'].code.upper()}\n"
        f"{code['c'].referral_link}\n"
        f"{public_id('lead', lead['d'].pk)}\n"
        "e@example.com\n"
        "b@example.com\n"
        f"{code['rest'].code}\n"
        "nobody@example.com\n"
        "=1+1\n"
    )

    done = upload_all(spring, text, kind="qualify")

    assert outcomes(done) == [
        (2, "a@example.com", "updated", ""),
        (3, "b@example.com", "updated", ""),
        (4, "c@example.com", "updated", ""),
        (5, "d@example.com", "updated", ""),
        (6, "e@example.com", "unchanged", ""),
        (7, "b@example.com", "duplicate", "duplicate_row"),
        (8, code["rest"].code, "skipped", "lead_not_found"),
        (9, "nobody@example.com", "skipped", "lead_not_found"),
        (10, "=1+1", "skipped", "lead_not_found"),
    ]
    assert done.status == "succeeded"
    assert counted(spring) == recounted(spring)
    assert counted(spring)[1]["rita@gmail.com"] == (5, 5)
    lead["a"].refresh_from_db()
    assert lead["a"].qualified_at is not None


def test_it_says_which_rows_of_a_qualify_list_name_nobody(spring: Campaign, rita: Referrer) -> None:
    cast.lead_of(rita, "a@example.com")
    done = upload_all(spring, "Lead,Note\n,first\na@example.com,,third\na@example.com,\n", kind="qualify")
    assert outcomes(done) == [
        (2, "", "skipped", "no_lead"),
        (3, "", "failed", "too_many_cells"),
        (4, "a@example.com", "updated", ""),
    ]


@pytest.mark.parametrize(("kind", "outcome"), [("leads", "failed"), ("qualify", "skipped")])
def test_it_touches_no_other_campaign_and_workspace(
    spring: Campaign, rita: Referrer, kind: str, outcome: str
) -> None:
    theirs = cast.lead_of(cast.referrer_of(cast.campaign_of(cast.charlie()), "eve@example.com"))
    text = f"Email,Referrer,Qualified\n{theirs.email},eve@example.com,yes\n"

    done = upload_all(spring, text, kind=kind)

    assert counts(done) == {"read": 1, outcome: 1}
    theirs.refresh_from_db()
    assert (theirs.status, leads(spring)) == ("pending", {})


def test_it_tells_webhooks_and_analytics(spring: Campaign, rita: Referrer) -> None:
    events = ["lead.created", "lead.qualified"]
    cast.lead_of(rita, "old@example.com")
    Webhook.everywhere.create(workspace_id=spring.workspace_id, url="https://x.example", events=events)
    text = f"Email,Referrer,Qualified\na@example.com,{rita.code},yes\nb@example.com,{rita.code},\n"

    upload_all(spring, text, kind="leads")
    upload_all(spring, "Email\nb@example.com\nold@example.com\na@example.com\n", kind="qualify")

    assert told(spring) == ["lead.created"] * 2 + ["lead.qualified"] * 3
    payloads = Delivery.everywhere.order_by("pk").values_list("payload", flat=True)
    assert [payload["data"]["status"] for payload in payloads] == ["pending"] * 2 + ["qualified"] * 3
    assert tallied() == (3, 3)
    assert not Lead.everywhere.filter(qualified_at__lt=F("created_at")).exists()


def many(rita: Referrer, number: int) -> str:
    rows = (f"f{n}@example.com,{rita.code},{'yes' if n % 2 else ''}\n" for n in range(number))
    return "Email,Referrer,Qualified\n" + "".join(rows)


def test_it_goes_on_after_a_crash_and_doubles_nothing(spring: Campaign, rita: Referrer) -> None:
    upload = queue(spring, many(rita, 3_500), kind="leads")
    first = claim(upload.pk)
    assert first
    rows = Rows(first.upload)
    step(first, rows)
    with transaction.atomic():
        step(first, rows)
        transaction.set_rollback(True)  # the power fails before the commit
    assert counted(spring) == recounted(spring) == (CHUNK, {"rita@gmail.com": (CHUNK, CHUNK // 2)})
    Import.everywhere.update(lease_until=now() - timedelta(seconds=1))  # the worker was killed

    done = work(upload)

    assert (done.status, done.epoch, counts(done)) == ("succeeded", 2, {"read": 3_500, "created": 3_500})
    assert counted(spring) == recounted(spring) == (3_500, {"rita@gmail.com": (3_500, 1_750)})
    assert tallied() == (3_500, 1_750)
    assert [row[0] for row in outcomes(done)] == list(range(2, 3_502))
    with pytest.raises(LeaseLostError):
        step(first, rows)


def test_it_goes_on_qualifying_after_a_crash(spring: Campaign, rita: Referrer) -> None:
    upload_all(spring, many(rita, 1_200), kind="leads")
    listed = "Email\n" + "".join(f"f{n}@example.com\n" for n in range(1_200)) + "F0@example.com\n"
    upload = queue(spring, listed, kind="qualify")
    first = claim(upload.pk)
    assert first
    step(first, Rows(first.upload))
    Import.everywhere.update(lease_until=now() - timedelta(seconds=1))

    done = work(upload)

    assert counts(done) == {"read": 1_201, "updated": 600, "unchanged": 600, "duplicate": 1}
    assert counted(spring) == recounted(spring) == (1_200, {"rita@gmail.com": (1_200, 1_200)})
    assert tallied() == (1_200, 1_200)


def test_it_makes_one_lead_where_lists_and_forms_meet(spring: Campaign, rita: Referrer) -> None:
    other = cast.referrer_of(spring, "other@example.com")
    uploads = [queue(spring, many(one, 2_500), kind="leads") for one in (rita, other)]
    listed = "Email\n" + "".join(f"f{n}@example.com\n" for n in range(2_500))
    uploads.append(queue(spring, listed, kind="qualify"))
    answers: list[tuple[Lead, bool]] = []

    def add() -> None:
        with in_workspace(spring.workspace_id):
            for n in range(0, 2_500, 50):
                answers.append(services.add_lead(spring, other.code, f"f{n}@example.com"))
                services.qualify(answers[-1][0])
        connections.close_all()

    actions: list[Any] = [lambda one=one: work_alone(one) for one in uploads]
    threads = [threading.Thread(target=action) for action in [*actions, add]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)

    done = [Import.everywhere.get(pk=upload.pk) for upload in uploads]
    assert [one.read for one in done] == [2_500] * 3
    assert len(answers) == 50
    assert [one.created + one.updated + one.unchanged for one in done[:2]] == [2_500, 2_500]
    assert sum(one.created for one in done[:2]) + sum(is_new for _, is_new in answers) == 2_500
    assert counted(spring) == recounted(spring)
    assert counted(spring)[0] == tallied()[0] == 2_500
    assert tallied()[1] == Lead.everywhere.filter(status="qualified").count()


def work_alone(upload: Import) -> None:
    try:
        work(upload)
    finally:
        connections.close_all()


@pytest.mark.parametrize(
    ("kind", "text", "columns", "code"),
    [
        ("leads", "Name,Referrer\nAda,b\n", None, "no_email_column"),
        ("leads", "Email,Phone\na@example.com,1\n", None, "no_referrer_column"),
        ("leads", "Email,Code\na@example.com,b\n", {"Email": "email", "Code": "phone"}, "invalid_mapping"),
        ("leads", "Email,Code\na@example.com,b\n", {"Email": "email", "Code": "email"}, "invalid_mapping"),
        ("qualify", "Phone,Name\n1,Ada\n", None, "no_lead_column"),
        ("qualify", "Email\na@example.com\n", {"Email": "email"}, "invalid_mapping"),
        ("qualify", "Email\na@example.com\n", {"E-mail": "lead"}, "unknown_column"),
        ("qualify", "a@example.com\nb@example.com\n", None, "no_header"),
    ],
)
def test_it_refuses_columns_that_do_not_work(
    spring: Campaign, kind: str, text: str, columns: dict[str, str | None] | None, code: str
) -> None:
    with pytest.raises(Problem) as refused:
        queue(spring, text, columns=columns, kind=kind)
    assert (refused.value.status, refused.value.code) == (422, code)
    assert refused.value.errors
    assert refused.value.next_step
