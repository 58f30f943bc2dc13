"""Lists of leads with real processes and a real browser: killed on the way, and on every screen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.support import walk
from tests.support.browser import PHONE, WIDE, Scheme, Visitors, look_over, start_all
from tests.support.product import ENDED, Product, inner_id

LOOKS: list[tuple[Scheme, int]] = [("light", WIDE), ("dark", PHONE)]


@pytest.fixture(scope="module")
def visitors() -> Iterator[Visitors]:
    with start_all(10, workers=1) as (visitors, _crm):
        yield visitors


@pytest.fixture(autouse=True)
def tidy(visitors: Visitors) -> Iterator[None]:
    yield
    visitors.close()


@pytest.fixture
def product(visitors: Visitors) -> Product:
    return visitors.product


def campaign_with(product: Product, email: str = "rita@example.com") -> tuple[str, str]:
    """A campaign and the code of its referrer."""
    campaign_id = product.make_campaign()
    body = {"email": email, "first_name": "Rita"}
    return campaign_id, product.call("POST", f"/campaigns/{campaign_id}/referrers", body)["code"]


def open_list(page: Page, campaign_id: str, title: str, text: str) -> None:
    """From the Leads tab to the columns of a file."""
    page.goto(f"/campaigns/{campaign_id}/leads")
    page.get_by_role("link", name="Upload", exact=True).click()
    expect(walk.heading(page, "Upload")).to_be_visible()
    page.get_by_role("link", name=title, exact=True).click()
    expect(walk.heading(page, title)).to_be_visible()
    file: FilePayload = {"name": "list.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_label("CSV file").set_input_files(file)
    walk.press(page, "Next")
    expect(walk.heading(page, "What is in each column?")).to_be_visible()


def leads(product: Product, campaign_id: str) -> dict[str, str]:
    """Email → status."""
    rows = product.everything(f"/campaigns/{campaign_id}/leads")
    return {row["email"]: row["status"] for row in rows}


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_it_brings_leads_and_qualifies_them(
    visitors: Visitors, product: Product, scheme: Scheme, width: int, tmp_path: Path
) -> None:
    page = visitors.page(scheme=scheme, width=width)
    campaign_id, code = campaign_with(product)
    page.goto(f"/campaigns/{campaign_id}/leads")
    faults = look_over(page)
    page.goto(f"/campaigns/{campaign_id}/leads/upload")
    faults += look_over(page)
    page.goto(f"/campaigns/{campaign_id}/leads/upload/leads")
    faults += look_over(page)
    text = (
        "Friend,First name,Invited by\n"
        f"frida@example.com,Frida,{code}\n"
        "gus@example.com,Gus,RITA@example.com\n"
        f"rita@example.com,Me,{code}\n"
        "=1+1,<img src=x>,nobody\n"
        "hal@example.com,Hal,nobody\n"
    )

    open_list(page, campaign_id, "Upload leads", text)
    expect(page.get_by_label("Invited by")).to_have_value("referrer")
    faults += look_over(page)
    page.get_by_label("Invited by").select_option("Do not use")
    walk.press(page, "Upload 5 rows")
    expect(page.get_by_role("alert")).to_contain_text("No column is matched to Referrer")
    faults += look_over(page)
    page.get_by_label("Invited by").select_option("Referrer: code, link or email")
    walk.press(page, "Upload 5 rows")
    expect(page.get_by_text("2 new leads. 3 rows could not become leads")).to_be_visible()
    faults += look_over(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the problems as CSV").click()
    download.value.save_as(tmp_path / "problems.csv")

    assert "\n5,'=1+1,Skipped," in (tmp_path / "problems.csv").read_text(encoding="utf-8-sig")
    assert leads(product, campaign_id) == {"frida@example.com": "pending", "gus@example.com": "pending"}

    open_list(page, campaign_id, "Qualify from a list", "Email\nfrida@example.com\nnobody@example.com\n")
    faults += look_over(page)
    walk.press(page, "Upload 2 rows")
    expect(page.get_by_text("1 lead is qualified now. 1 row names no lead")).to_be_visible()
    faults += look_over(page)
    page.get_by_role("link", name="frida@example.com").click()
    expect(page.get_by_role("rowheader", name="frida@example.com")).to_be_visible()
    expect(page.locator("td").get_by_text("Qualified")).to_be_visible()
    faults += look_over(page)

    assert faults == []
    assert leads(product, campaign_id) == {"frida@example.com": "qualified", "gus@example.com": "pending"}
    person = product.everything(f"/campaigns/{campaign_id}/referrers")[0]
    assert (person["referrals_count"], person["converted_referrals_count"]) == (2, 1)


def test_it_does_both_without_scripts(visitors: Visitors, product: Product) -> None:
    page = visitors.page(scripts=False)
    campaign_id, code = campaign_with(product)
    open_list(page, campaign_id, "Upload leads", f"Email,Referrer\nfrida@example.com,{code}\n")
    page.get_by_label("Yes", exact=True).check()
    walk.press(page, "Upload 1 row")
    expect(page.get_by_text("1 new lead.")).to_be_visible()
    assert leads(product, campaign_id) == {"frida@example.com": "qualified"}

    open_list(page, campaign_id, "Qualify from a list", "Email\nfrida@example.com\n")
    walk.press(page, "Upload 1 row")
    expect(page.get_by_text("0 leads are qualified now. 1 was before.")).to_be_visible()


def send(product: Product, campaign_id: str, to: str, text: str) -> Any:
    path = f"/api/v1/campaigns/{campaign_id}/leads/{to}"
    return product.http.post(path, files={"file": ("list.csv", text.encode(), "text/csv")}).json()


def until_read(product: Product, upload_id: str, least: int) -> None:
    """Until so many rows are done, and before all are."""
    query = "SELECT read, total, status FROM referrers_import WHERE id = %s"

    def reached() -> bool:
        read, total, status = product.sql(query, inner_id(upload_id))[0]
        assert status not in ENDED, f"it ended before {least} rows: {read} of {total}"
        return bool(read >= least)

    product.until(reached, 60, f"{least} rows of {upload_id}")


def wait(product: Product, upload_id: str) -> Any:
    def ended() -> Any:
        shown = product.call("GET", f"/imports/{upload_id}")
        return shown if shown["status"] in ENDED else None

    return product.until(ended, 180, f"the end of {upload_id}")


def test_it_doubles_nothing_when_its_worker_is_killed(product: Product) -> None:
    campaign_id, code = campaign_with(product)
    friends = [f"f{number}@example.com" for number in range(15_000)]
    text = "Email,Referrer\n" + "".join(f"{friend},{code}\n" for friend in friends)
    qualify = "Email\n" + "".join(f"{friend}\n" for friend in friends[::2])

    for to, rows, counts in (
        ("import", text, {"read": 15_000, "created": 15_000}),
        ("qualify/import", qualify, {"read": 7_500, "updated": 7_500}),
    ):
        upload_id = send(product, campaign_id, to, rows)["id"]
        until_read(product, upload_id, 1_000)
        product.workers[-1].kill()
        product.start_worker()
        shown = wait(product, upload_id)
        assert shown["status"] == "succeeded"
        assert {name: count for name, count in shown["counts"].items() if count} == counts

    person = product.everything(f"/campaigns/{campaign_id}/referrers")[0]
    assert product.call("GET", f"/campaigns/{campaign_id}")["leads_count"] == 15_000
    assert (person["referrals_count"], person["converted_referrals_count"]) == (15_000, 7_500)
    rows_there = "SELECT count(*), count(*) FILTER (WHERE status = 'qualified') FROM leads_lead"
    assert product.sql(f"{rows_there} WHERE campaign_id = %s", inner_id(campaign_id)) == [(15_000, 7_500)]
