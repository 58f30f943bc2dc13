"""Upload in the browser: choose, match, watch, see what became of each row. Without scripts."""

import csv
import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.referrers.imports.apply import Rows, step
from passalong.referrers.imports.lease import claim
from passalong.referrers.models import Import, ImportPart, Referrer
from passalong.web.spreadsheet import safe
from tests.support import cast

pytestmark = pytest.mark.django_db
FILE = (
    "E-Mail;Vorname;Plan\n"
    "ada@example.com;Ada;pro\n"
    "=cmd|' /C calc'!A0;Eve;\n"
    "ada@example.com;Again;\n"
    ";Nobody;\n"
    f"bob@example.com;{'x' * 256};\n"
    "<b>bold</b>@example.com;<script>alert(1)</script>;<i>\n"
)


def add_path(campaign: Campaign) -> str:
    return f"/campaigns/{public_id('campaign', campaign.pk)}/referrers/add"


def choose(page: Client, campaign: Campaign, data: str | bytes = FILE, name: str = "people.csv") -> Any:
    content = data.encode() if isinstance(data, str) else data
    return page.post(f"{add_path(campaign)}/upload", {"file": SimpleUploadedFile(name, content)})


def started(page: Client, campaign: Campaign, data: str = FILE, **answers: str) -> str:
    """The address of an import that waits for a worker."""
    columns = choose(page, campaign, data).headers["Location"]
    suggested = {f"column-{n}": target for n, target in enumerate(Import.everywhere.get().mapping)}
    return str(page.post(columns, {**suggested, **answers}).headers["Location"])


def worked(page: Client, campaign: Campaign, data: str = FILE, **answers: str) -> str:
    """The address of an import that has ended, worked on in the test's own transaction."""
    address = started(page, campaign, data, **answers)
    held = claim(Import.everywhere.get().pk)
    assert held
    rows = Rows(held.upload)
    while step(held, rows):
        pass
    return address


def test_it_offers_a_template(page: Client, campaign: Campaign) -> None:
    answer = page.get(f"{add_path(campaign)}/template")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert text == "\ufeffEmail,First name,Last name,Phone\r\n"
    assert answer["Content-Disposition"] == 'attachment; filename="referrers.csv"'
    assert f"{add_path(campaign)}/template" in page.get(f"{add_path(campaign)}/upload").content.decode()


def test_it_takes_its_own_template_filled_in(page: Client, campaign: Campaign) -> None:
    template = b"".join(page.get(f"{add_path(campaign)}/template").streaming_content)  # type: ignore[attr-defined]
    choose(page, campaign, template + b"ada@example.com,Ada,King,+44\r\n")
    assert Import.everywhere.get().mapping == ["email", "first_name", "last_name", "phone"]


def test_it_suggests_columns_and_shows_the_first_rows(page: Client, campaign: Campaign) -> None:
    chosen = choose(page, campaign)
    text = page.get(chosen.headers["Location"]).content.decode()
    assert (chosen.status_code, text.count("</tr>")) == (302, 6)
    assert re.findall(r'<option value="([^"]*)" selected', text) == ["email", "first_name", "fields.plan"]
    assert text.count("Suggested") == 3
    assert "people.csv, 6 rows" in text
    assert "Upload 6 rows" in text


def test_it_shows_html_as_text(page: Client, campaign: Campaign) -> None:
    columns = choose(page, campaign, "Email,<b>Plan\na@example.com,<script>alert(1)</script>\n", "<i>.csv")
    text = page.get(columns.headers["Location"]).content.decode()
    assert text.count("&lt;script&gt;alert(1)") == 2
    assert not re.search("<script>alert|<b>Plan|<i>", text)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_empty"),
        (b"Email\n", "no_rows"),
        (b"ada@example.com\n", "no_header"),
        (b"PK\x03\x04....", "not_csv"),
        (b",".join([b"x"] * 5000), "too_many_columns"),
        (b"Email,Note\na@example.com," + b"x" * 10_000_000, "cell_too_long"),
        (b"Email,Note\na@example.com,\xff\x81", "not_csv"),
    ],
)
def test_it_says_why_it_cannot_take_a_file(page: Client, campaign: Campaign, data: bytes, code: str) -> None:
    answer = choose(page, campaign, data)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert f"<code>{code}</code>" in text
    assert 'aria-invalid="true"' in text
    assert 'href="#file"' in text
    assert Import.everywhere.count() == 0


def test_it_asks_for_a_file(page: Client, campaign: Campaign) -> None:
    answer = page.post(f"{add_path(campaign)}/upload", {})
    assert answer.status_code == 422
    assert "No file was sent." in answer.content.decode()


def test_it_adds_people_and_counts_every_row(page: Client, campaign: Campaign) -> None:
    address = worked(page, campaign)
    text = page.get(address).content.decode()
    assert re.findall(r'count-value">(\d+)<', text) == ["1", "0", "0", "1", "3", "1", "6"]
    assert "Done with problems" in text
    assert "1 new referrer, 0 updated. 4 rows could not become referrers: see why below." in text
    assert "&lt;b&gt;bold&lt;/b&gt;@example.com" in text
    made = Referrer.everywhere.get()
    assert (made.email, made.first_name, made.fields) == ("ada@example.com", "Ada", {"plan": "pro"})


def test_it_narrows_the_rows_by_outcome_and_reason(page: Client, campaign: Campaign) -> None:
    address = worked(page, campaign)
    skipped = page.get(f"{address}?outcome=skipped").content.decode()
    none = page.get(f"{address}?outcome=skipped&reason=no_email").content.decode()
    assert skipped.count('<th scope="row"') == 3
    assert none.count('<th scope="row"') == 1
    assert "This row has no email address. Add one and upload the file again." in none
    assert page.get(f"{address}?outcome=nonsense&reason=%00").status_code == 200


def test_it_overwrites_only_when_asked(page: Client, campaign: Campaign) -> None:
    cast.referrer_of(campaign, "ada@example.com", first_name="Augusta")
    worked(page, campaign)
    assert Referrer.everywhere.get().first_name == "Augusta"
    Import.everywhere.all().delete()
    worked(page, campaign, overwrite="yes")
    assert Referrer.everywhere.get().first_name == "Ada"


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"column-0": ""}, "No column gives the email."),
        ({"column-1": "email"}, "“E-Mail” fills this already."),
        ({"column-2": "code"}, "There is no referrer field “code”."),
    ],
)
def test_it_says_which_column_is_matched_badly(
    page: Client, campaign: Campaign, answers: dict[str, str], message: str
) -> None:
    address = choose(page, campaign).headers["Location"]
    typed = {"column-0": "email", "column-1": "first_name", "column-2": "", "overwrite": "yes", **answers}
    answer = page.post(address, typed)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert message in text
    assert re.search(r'value="yes" checked', text)
    assert Import.everywhere.get().status == "draft"


def test_it_comes_back_to_where_one_was(page: Client, campaign: Campaign) -> None:
    columns = choose(page, campaign).headers["Location"]
    draft = page.get(f"{add_path(campaign)}/upload").content.decode()
    assert "Not started" in draft
    address = columns.removesuffix("/columns")
    assert page.get(address).headers["Location"] == columns
    page.post(columns, {"column-0": "email"})
    assert page.get(columns).headers["Location"] == address
    assert page.post(columns, {"column-0": ""}).headers["Location"] == address
    assert "Starting" in page.get(f"{add_path(campaign)}/upload").content.decode()


def test_it_forgets_a_file_somebody_does_not_want(page: Client, campaign: Campaign) -> None:
    columns = choose(page, campaign).headers["Location"]
    answer = page.post(columns.replace("/columns", "/discard"))
    assert answer.headers["Location"] == f"{add_path(campaign)}/upload"
    assert (Import.everywhere.count(), ImportPart.objects.count()) == (0, 0)


def test_it_moves_while_it_works_and_can_be_cancelled(page: Client, campaign: Campaign) -> None:
    address = started(page, campaign)
    whole = page.get(address).content.decode()
    moving = page.get(f"{address}/progress", headers={"HX-Request": "true"})
    assert 'http-equiv="refresh"' in whole
    assert "0 of 6" in moving.content.decode()
    assert "HX-Refresh" not in moving.headers
    assert page.get(f"{address}/progress").headers["Location"] == address

    page.post(f"{address}/cancel")

    assert "Cancelled" in page.get(address).content.decode()
    ended = page.get(f"{address}/progress", headers={"HX-Request": "true"})
    assert ended.headers["HX-Refresh"] == "true"


def test_it_gives_the_problems_as_a_file_that_cannot_run(page: Client, campaign: Campaign) -> None:
    answer = page.get(f"{worked(page, campaign)}/problems")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row[:4] for row in rows] == [
        ["Row", "Email", "Outcome", "Reason"],
        ["3", "'=cmd|' /C calc'!A0", "Skipped", "Email address not usable"],
        ["4", "ada@example.com", "Duplicate", "In the file twice"],
        ["5", "", "Skipped", "No email address"],
        ["6", "bob@example.com", "Failed", "Cell too long"],
        ["7", "<b>bold</b>@example.com", "Skipped", "Email address not usable"],
    ]
    assert rows[4][4] == "“Vorname” has 256 characters; at most 255 are kept. Shorten it."


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1", "'=1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@a", "'@a"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("a=1", "a=1"),
    ],
)
def test_it_writes_no_formula(cell: str, written: str) -> None:
    assert safe(cell) == written


def test_it_hides_uploads_from_strangers_and_forms_from_viewers(
    page: Client, stranger: Client, viewer: Client, campaign: Campaign
) -> None:
    address = worked(page, campaign)
    for path in ("", "/columns", "/progress", "/problems"):
        assert stranger.get(address + path).status_code == 404
    assert stranger.post(f"{address}/cancel").status_code == 404
    assert stranger.get(f"{add_path(campaign)}/upload").status_code == 404
    assert stranger.get(f"{add_path(campaign)}/template").status_code == 404
    assert viewer.get(address).status_code == 200
    assert viewer.get(f"{add_path(campaign)}/upload").status_code == 403
    assert choose(viewer, campaign).status_code == 403


def test_it_has_nothing_inline(page: Client, campaign: Campaign) -> None:
    columns = choose(page, campaign).headers["Location"]
    for path in (f"{add_path(campaign)}/upload", columns):
        text = page.get(path).content.decode()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text)
        assert text.count("<h1") == 1
