"""Lists of leads in the browser: choose what for, match, and see what became of each row. Without scripts."""

import csv
import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.leads.models import Lead
from passalong.referrers.imports.apply import Rows, step
from passalong.referrers.imports.lease import claim
from passalong.referrers.models import Import, Referrer
from tests.support import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(campaign: Campaign) -> Referrer:
    return cast.referrer_of(campaign, "rita@example.com", first_name="Rita")


def tab(campaign: Campaign) -> str:
    return f"/campaigns/{public_id('campaign', campaign.pk)}/leads"


def choose(page: Client, campaign: Campaign, kind: str, text: str) -> Any:
    file = SimpleUploadedFile("list.csv", text.encode())
    return page.post(f"{tab(campaign)}/upload/{kind}", {"file": file})


def worked(page: Client, campaign: Campaign, kind: str, text: str, **answers: str) -> str:
    """The address of an import that has ended, worked on in the test's own transaction."""
    columns = choose(page, campaign, kind, text).headers["Location"]
    suggested = {f"column-{n}": target for n, target in enumerate(Import.everywhere.get().mapping)}
    address = str(page.post(columns, {**suggested, **answers}).headers["Location"])
    held = claim(Import.everywhere.get().pk)
    assert held
    rows = Rows(held.upload)
    while step(held, rows):
        pass
    return address


def test_it_offers_both_lists_beside_adding_a_lead(page: Client, campaign: Campaign, rita: Referrer) -> None:
    empty = page.get(tab(campaign)).content.decode()
    cast.lead_of(rita)
    full = page.get(tab(campaign)).content.decode()
    ways = page.get(f"{tab(campaign)}/upload").content.decode()

    for text in (empty, full):
        assert f'href="{tab(campaign)}/upload"' in text
    for kind in ("leads", "qualify"):
        assert f'href="{tab(campaign)}/upload/{kind}"' in ways
    assert "no referrers yet" not in ways


def test_it_says_that_referrers_come_first(page: Client, campaign: Campaign) -> None:
    assert "This campaign has no referrers yet." in page.get(f"{tab(campaign)}/upload").content.decode()


@pytest.mark.parametrize(
    ("kind", "name", "header", "mapping"),
    [
        (
            "leads",
            "leads.csv",
            "Email,First name,Referrer,Qualified",
            ["email", "first_name", "referrer", "qualified"],
        ),
        ("qualify", "qualified.csv", "Email", ["lead"]),
    ],
)
def test_it_takes_its_own_template(
    page: Client, campaign: Campaign, kind: str, name: str, header: str, mapping: list[str]
) -> None:
    answer = page.get(f"{tab(campaign)}/upload/{kind}/template")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    choose(page, campaign, kind, f"{text}a@example.com,Ada,b,yes\r\n")

    assert text == f"\ufeff{header}\r\n"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert Import.everywhere.get().mapping == mapping


def test_it_adds_leads_and_counts_every_row(page: Client, campaign: Campaign, rita: Referrer) -> None:
    text = (
        "Friend;Vorname;Referred by\n"
        f"frida@example.com;Frida;{rita.code}\n"
        "gus@example.com;Gus;nobody\n"
        f"rita+1@example.com;Me;{rita.code}\n"
    )
    columns = choose(page, campaign, "leads", text)
    shown = page.get(columns.headers["Location"]).content.decode()
    Import.everywhere.all().delete()
    address = worked(page, campaign, "leads", text, qualified="yes")
    result = page.get(address).content.decode()

    assert re.findall(r'<option value="([^"]*)" selected', shown) == ["email", "first_name", "referrer"]
    assert shown.count("</tr>") == 4
    assert "Have these friends qualified?" in shown
    assert "When somebody is a referrer already" not in shown
    assert "1 new lead. 2 rows could not become leads: see why below." in result
    assert "Done with problems" in result
    assert "“nobody” is no code, link, email or id of a referrer of this campaign." in result
    assert f'href="{tab(campaign)}?q=frida%40example.com"' in result
    lead = Lead.everywhere.get()
    assert (lead.email, lead.first_name, lead.status, lead.source) == (
        "frida@example.com",
        "Frida",
        "qualified",
        "upload",
    )
    assert page.get(f"{tab(campaign)}?q=frida%40example.com").content.decode().count('<th scope="row"') == 1


def test_it_qualifies_whom_a_list_names(page: Client, campaign: Campaign, rita: Referrer) -> None:
    lead = cast.lead_of(rita)
    address = worked(page, campaign, "qualify", f"Email\n{lead.email}\nnobody@example.com\n=1+1\n")
    result = page.get(address).content.decode()
    problems = page.get(f"{address}/problems")
    text = b"".join(problems.streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))

    lead.refresh_from_db()
    assert lead.status == "qualified"
    assert "1 lead is qualified now. 2 rows name no lead: see why below." in result
    assert [row[:4] for row in rows[1:]] == [
        ["3", "nobody@example.com", "Skipped", "Lead not found"],
        ["4", "'=1+1", "Skipped", "Lead not found"],
    ]


@pytest.mark.parametrize(
    ("kind", "answers", "message"),
    [
        ("leads", {"column-1": ""}, "No column is matched to Referrer"),
        ("leads", {"column-0": ""}, "No column is matched to the friend&#x27;s email"),
        ("leads", {"column-1": "email"}, "“Email” fills this already."),
        ("qualify", {"column-0": ""}, "No column is matched to the lead"),
    ],
)
def test_it_says_which_column_is_matched_badly(
    page: Client, campaign: Campaign, kind: str, answers: dict[str, str], message: str
) -> None:
    address = choose(page, campaign, kind, "Email,Referrer\na@example.com,b\n").headers["Location"]
    first = "email" if kind == "leads" else "lead"
    second = "referrer" if kind == "leads" else ""
    typed = {"column-0": first, "column-1": second, "qualified": "yes", **answers}
    answer = page.post(address, typed)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert message in text
    assert kind == "qualify" or re.search(r'id="qualified-yes"[^>]* checked', text)
    assert Import.everywhere.get().status == "draft"


@pytest.mark.parametrize("kind", ["leads", "qualify"])
def test_it_comes_back_to_its_own_form(page: Client, campaign: Campaign, kind: str) -> None:
    columns = choose(page, campaign, kind, "Email,Referrer\na@example.com,b\n").headers["Location"]
    own = page.get(f"{tab(campaign)}/upload/{kind}").content.decode()
    other = page.get(tab(campaign).replace("/leads", "/referrers/add/upload")).content.decode()
    answer = page.post(columns.replace("/columns", "/discard"))
    assert ("Not started" in own, "Not started" in other) == (True, False)
    assert answer.headers["Location"] == f"{tab(campaign)}/upload/{kind}"


def test_it_hides_lists_from_strangers_and_forms_from_viewers(
    page: Client, stranger: Client, viewer: Client, campaign: Campaign, rita: Referrer
) -> None:
    address = worked(page, campaign, "leads", f"Email,Referrer\nfrida@example.com,{rita.code}\n")
    assert stranger.get(address).status_code == 404
    assert viewer.get(address).status_code == 200
    for path in ("", "/leads", "/qualify"):
        assert stranger.get(f"{tab(campaign)}/upload{path}").status_code == 404
        assert viewer.get(f"{tab(campaign)}/upload{path}").status_code == 403
    assert choose(viewer, campaign, "leads", "Email,Referrer\na@example.com,b\n").status_code == 403
    assert f"{tab(campaign)}/upload" not in viewer.get(tab(campaign)).content.decode()


def test_it_has_nothing_inline(page: Client, campaign: Campaign, rita: Referrer) -> None:
    columns = choose(page, campaign, "leads", "Email,Referrer\na@example.com,b\n").headers["Location"]
    for path in (f"{tab(campaign)}/upload", f"{tab(campaign)}/upload/leads", columns):
        text = page.get(path).content.decode()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text)
        assert text.count("<h1") == 1
