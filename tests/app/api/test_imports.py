"""Uploads over REST."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.leads.models import Lead
from passalong.referrers.models import Import, ImportPart, Referrer
from tests.support import cast
from tests.support.cast import Api, Person

FILE = b"Email,First name,Plan\nada@example.com,Ada,pro\nnonsense,Bob,\nada@example.com,Again,\n"
ZEROS = {"left": 0, "write_backs_due": 0, "written": 0, "write_backs_failed": 0}


def send(
    api: Api,
    campaign_id: str,
    data: bytes = FILE,
    key: str | None = None,
    to: str = "referrers/import",
    **fields: Any,
) -> Any:
    form = {"file": SimpleUploadedFile("people.csv", data, "text/csv"), **fields}
    headers = {"Authorization": f"Bearer {api.token}", **({"Idempotency-Key": key} if key else {})}
    return api.client.post(f"/api/v1/campaigns/{campaign_id}/{to}", form, headers=headers)


def done() -> Import:
    """What a worker makes of the only import, in the test's own transaction."""
    from passalong.referrers.imports.apply import Rows, step
    from passalong.referrers.imports.lease import claim

    held = claim(Import.everywhere.get().pk)
    assert held
    rows = Rows(held.upload)
    while step(held, rows):
        pass
    return Import.everywhere.get()


def test_it_takes_a_file_and_says_what_it_found(api: Api, campaign_id: str) -> None:
    answer = send(api, campaign_id)

    shown = answer.json()
    made = Import.everywhere.get()
    assert answer.status_code == 202
    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "id": public_id("import", made.pk),
        "campaign_id": campaign_id,
        "kind": "referrers",
        "status": "queued",
        "file_name": "people.csv",
        "overwrite": False,
        "qualified": False,
        "mapping": {"Email": "email", "First name": "first_name", "Plan": "fields.plan"},
        "total": 3,
        "counts": {
            "read": 0,
            "created": 0,
            "updated": 0,
            "unchanged": 0,
            "duplicate": 0,
            "skipped": 0,
            "failed": 0,
            **ZEROS,
        },
        "error": None,
        "started_at": None,
        "finished_at": None,
    }
    assert shown["id"].startswith("imp_")


def test_it_tells_how_it_went(api: Api, campaign_id: str) -> None:
    path = f"/imports/{send(api, campaign_id).json()['id']}"
    done()

    shown = api.get(path).json()
    records = api.get(f"{path}/records").json()

    referrer = public_id("referrer", Referrer.everywhere.get().pk)
    assert shown["status"] == "succeeded"
    assert shown["counts"] == {
        "read": 3,
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "duplicate": 1,
        "skipped": 1,
        "failed": 0,
        **ZEROS,
    }
    assert shown["finished_at"].endswith("Z")
    assert records["next_cursor"] is None
    assert [tuple(row.values()) for row in records["data"]] == [
        (2, "ada@example.com", referrer, None, "created", None, None),
        (
            3,
            "nonsense",
            None,
            None,
            "skipped",
            "invalid_email",
            "This is not an email address we can use. Correct it and upload the file again.",
        ),
        (
            4,
            "ada@example.com",
            referrer,
            None,
            "duplicate",
            "duplicate_row",
            "An earlier row of this file has the same address; that one was used.",
        ),
    ]


def test_it_narrows_and_pages_the_records(api: Api, campaign_id: str) -> None:
    path = f"/imports/{send(api, campaign_id).json()['id']}/records"
    done()

    first = api.get(path, limit=2).json()
    rest = api.get(path, limit=2, cursor=first["next_cursor"]).json()

    assert [row["row"] for row in first["data"] + rest["data"]] == [2, 3, 4]
    assert [row["row"] for row in api.get(path, outcome="skipped").json()["data"]] == [3]
    assert [row["row"] for row in api.get(path, reason="duplicate_row").json()["data"]] == [4]
    assert api.get(path, outcome="left").status_code == 422


@pytest.mark.parametrize(
    ("text", "kept"), [("true", True), ("1", True), ("True", True), ("false", False), ("", False)]
)
def test_it_overwrites_when_told_to(api: Api, campaign_id: str, text: str, kept: bool) -> None:
    assert send(api, campaign_id, overwrite=text).json()["overwrite"] is kept


def test_it_matches_columns_as_told(api: Api, campaign_id: str) -> None:
    mapping = '{"Email": "email", "First name": "last_name", "Plan": null}'
    send(api, campaign_id, mapping=mapping)
    done()
    made = Referrer.everywhere.get()
    assert (made.email, made.first_name, made.last_name, made.fields) == ("ada@example.com", "", "Ada", {})


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"mapping": '{"Emial": "email"}'}, "unknown_column", "mapping.Emial"),
        ({"mapping": '{"Email": "code"}'}, "invalid_mapping", "mapping.Email"),
        ({"mapping": '{"Plan": "fields.plan"}'}, "no_email_column", "mapping"),
        ({"mapping": "[]"}, "invalid_input", "mapping"),
        ({"mapping": "{"}, "invalid_input", "mapping"),
        ({"mapping": '{"Email\0": "email"}'}, "invalid_input", "mapping"),
        ({"overwrite": "maybe"}, "invalid_input", "overwrite"),
        ({"color": "red"}, "invalid_input", "color"),
        ({"data": b""}, "file_empty", "file"),
        ({"data": b"Email\n"}, "no_rows", "file"),
        ({"data": b"Email,Note\na@example.com," + b"x" * 10_000_000}, "cell_too_long", "file"),
        ({"data": b",".join([b"x"] * 5000) + b"\n"}, "too_many_columns", "file"),
        ({"data": b"PK\x03\x04" + b"\0" * 99}, "not_csv", "file"),
    ],
)
def test_it_says_what_is_wrong(
    api: Api, campaign_id: str, fields: dict[str, Any], code: str, field: str
) -> None:
    answer = send(api, campaign_id, **fields)

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, code)
    assert problem["errors"][0]["field"] == field
    assert problem["next_step"]
    assert Import.everywhere.count() == 0
    assert ImportPart.objects.count() == 0


def test_it_names_the_columns_there_are_when_none_is_an_email(api: Api, campaign_id: str) -> None:
    problem = send(api, campaign_id, b"Name,Phone\nAda,1\n").json()
    assert problem["errors"][0]["message"] == "No column gives the email. The columns are: Name, Phone."


def test_it_wants_one_file(api: Api, campaign_id: str) -> None:
    path = f"/api/v1/campaigns/{campaign_id}/referrers/import"
    headers = {"Authorization": f"Bearer {api.token}"}
    none = api.client.post(path, {"overwrite": "true"}, headers=headers)
    two = [SimpleUploadedFile(name, FILE) for name in ("a.csv", "b.csv")]

    assert (none.status_code, none.json()["code"]) == (422, "file_missing")
    assert api.client.post(path, {"file": two}, headers=headers).status_code == 422
    assert api.post(f"/campaigns/{campaign_id}/referrers/import", {"a": 1}).status_code == 415


def test_it_refuses_a_form_that_is_none(api: Api, campaign_id: str) -> None:
    answer = api.client.post(
        f"/api/v1/campaigns/{campaign_id}/referrers/import",
        b"nothing of the kind",
        content_type="multipart/form-data",
        headers={"Authorization": f"Bearer {api.token}", "Idempotency-Key": "k"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_form")


def test_it_does_not_read_a_body_that_is_too_large(api: Api, campaign_id: str) -> None:
    answer = api.client.post(
        f"/api/v1/campaigns/{campaign_id}/referrers/import",
        b"x",
        content_type="multipart/form-data; boundary=x",
        headers={"Authorization": f"Bearer {api.token}"},
        CONTENT_LENGTH=str(52 * 1024 * 1024),
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "file_too_large")


def test_it_takes_the_same_upload_once(api: Api, campaign_id: str) -> None:
    big = b"Email,Note\n" + b"".join(b"p%d@example.com,%s\n" % (n, b"x" * 200) for n in range(14_000))
    assert len(big) > 2_621_440  # more than a body may hold in memory

    first = send(api, campaign_id, big, key="one")
    again = send(api, campaign_id, big, key="one")  # the client chooses another boundary
    other = send(api, campaign_id, FILE, key="one")

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert Import.everywhere.count() == 1


def test_it_cancels(api: Api, campaign_id: str) -> None:
    path = f"/imports/{send(api, campaign_id).json()['id']}"
    assert api.post(f"{path}/cancel").json()["status"] == "cancelled"
    assert api.get(path).json()["finished_at"].endswith("Z")


def test_it_does_not_show_what_nobody_has_started(api: Api, campaign: Campaign) -> None:
    draft = Import.everywhere.create(workspace=campaign.workspace, campaign=campaign, file_name="a.csv")
    assert api.get(f"/imports/{public_id('import', draft.pk)}").status_code == 404


def test_it_shows_nobody_elses(charlies_api: Api, api: Api, campaign_id: str) -> None:
    path = f"/imports/{send(api, campaign_id).json()['id']}"
    assert send(charlies_api, campaign_id).status_code == 404
    assert charlies_api.get(path).status_code == 404
    assert charlies_api.get(f"{path}/records").status_code == 404
    assert charlies_api.post(f"{path}/cancel").status_code == 404
    assert Import.everywhere.count() == 1


def records_of(api: Api, upload_id: str) -> list[tuple[Any, ...]]:
    """(row, email, referrer, lead, outcome, reason) of every row."""
    return [tuple(row.values())[:6] for row in api.get(f"/imports/{upload_id}/records").json()["data"]]


def test_it_takes_leads(api: Api, campaign_id: str, referrer: Referrer) -> None:
    text = f"Friend,Invited by\nfrida@example.com,{referrer.code}\ngus@example.com,nobody\n"
    answer = send(api, campaign_id, text.encode(), to="leads/import", qualified="true")
    queued = answer.json()
    done()

    shown = api.get(f"/imports/{queued['id']}").json()

    lead = Lead.everywhere.get()
    assert (answer.status_code, queued["kind"], queued["qualified"]) == (202, "leads", True)
    assert queued["mapping"] == {"Friend": "email", "Invited by": "referrer"}
    assert (shown["status"], shown["counts"]["created"], shown["counts"]["failed"]) == ("partial", 1, 1)
    person, made = public_id("referrer", referrer.pk), public_id("lead", lead.pk)
    assert records_of(api, shown["id"]) == [
        (2, "frida@example.com", person, made, "created", None),
        (3, "gus@example.com", None, None, "failed", "referrer_not_found"),
    ]
    assert api.get(f"/leads/{made}").json()["status"] == "qualified"
    assert api.get(f"/campaigns/{campaign_id}").json()["leads_count"] == 1


def test_it_qualifies_from_a_list(api: Api, campaign_id: str, referrer: Referrer) -> None:
    lead = cast.lead_of(referrer)
    text = f"Order,Customer\n1,{lead.email}\n2,nobody@example.com\n"
    mapping = '{"Customer": "lead"}'
    queued = send(api, campaign_id, text.encode(), to="leads/qualify/import", mapping=mapping).json()
    done()

    person, there = public_id("referrer", referrer.pk), public_id("lead", lead.pk)
    assert (queued["kind"], queued["mapping"]) == ("qualify", {"Order": None, "Customer": "lead"})
    assert records_of(api, queued["id"]) == [
        (2, lead.email, person, there, "updated", None),
        (3, "nobody@example.com", None, None, "skipped", "lead_not_found"),
    ]
    assert api.get(f"/leads/{there}").json()["status"] == "qualified"


@pytest.mark.parametrize(
    ("to", "fields", "code", "field"),
    [
        ("leads/import", {"data": b"Email,Phone\na@example.com,1\n"}, "no_referrer_column", "mapping"),
        ("leads/import", {"data": b"Code,Phone\nabc,1\n"}, "no_email_column", "mapping"),
        ("leads/import", {"mapping": '{"Email": "last_name"}'}, "invalid_mapping", "mapping.Email"),
        ("leads/import", {"overwrite": "true"}, "invalid_input", "overwrite"),
        ("leads/import", {"qualified": "maybe"}, "invalid_input", "qualified"),
        ("leads/qualify/import", {"data": b"Total\n1\n"}, "no_lead_column", "mapping"),
        ("leads/qualify/import", {"qualified": "true"}, "invalid_input", "qualified"),
        ("leads/qualify/import", {"data": b""}, "file_empty", "file"),
    ],
)
def test_it_says_what_is_wrong_with_a_list_of_leads(
    api: Api, campaign_id: str, to: str, fields: dict[str, Any], code: str, field: str
) -> None:
    answer = send(api, campaign_id, to=to, **fields)

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, code)
    assert problem["errors"][0]["field"] == field
    assert Import.everywhere.count() == 0


@pytest.mark.parametrize("to", ["leads/import", "leads/qualify/import"])
def test_it_takes_lists_of_leads_from_nobody_else(
    api: Api, charlies_api: Api, alice: Person, campaign_id: str, to: str
) -> None:
    reader = Api(alice.reading_token)
    assert send(charlies_api, campaign_id, to=to).status_code == 404
    assert send(reader, campaign_id, to=to).status_code == 403
    assert Import.everywhere.count() == 0


def test_it_takes_the_same_list_of_leads_once(api: Api, campaign_id: str, referrer: Referrer) -> None:
    text = f"Email,Referrer\nfrida@example.com,{referrer.code}\n".encode()
    first = send(api, campaign_id, text, key="one", to="leads/import")
    again = send(api, campaign_id, text, key="one", to="leads/import")
    assert (again.status_code, again.json()) == (202, first.json())
    assert Import.everywhere.count() == 1
