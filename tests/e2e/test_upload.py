"""Upload with real processes and a real browser: killed on the way, very large, and on every screen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.support.browser import PHONE, WIDE, Scheme, Visitors, look_over, start_all
from tests.support.product import ENDED, Product, inner_id
from tests.support.walk import heading, press

Json = dict[str, Any]
LOOKS: list[tuple[Scheme, int]] = [("light", WIDE), ("dark", PHONE)]
PEOPLE = (
    "Email;First name;Plan\n"
    "ada@example.com;Ada;pro\n"
    "ada@example.com;Again;\n"
    "=1+1;<img src=x>;\n"
    f";Nobody;{'long ' * 30}\n"
)


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


def send(product: Product, campaign_id: str, data: bytes) -> Any:
    path = f"/api/v1/campaigns/{campaign_id}/referrers/import"
    return product.http.post(path, files={"file": ("people.csv", data, "text/csv")})


def until_read(product: Product, upload_id: str, least: int) -> None:
    """Until so many rows are done, and before all are."""
    query = "SELECT read, total, status FROM referrers_import WHERE id = %s"

    def reached() -> bool:
        read, total, status = product.sql(query, inner_id(upload_id))[0]
        assert status not in ENDED, f"it ended before {least} rows: {read} of {total}"
        return bool(read >= least)

    product.until(reached, 60, f"{least} rows of {upload_id}")


def wait(product: Product, upload_id: str) -> Json:
    def ended() -> Json | None:
        shown: Json = product.call("GET", f"/imports/{upload_id}")
        return shown if shown["status"] in ENDED else None

    return product.until(ended, 120, f"the end of {upload_id}")


def test_it_goes_on_when_its_worker_is_killed(product: Product) -> None:
    campaign_id = product.make_campaign()
    rows = "".join(f"p{n}@example.com,P{n}\n" for n in range(30_000))
    upload_id = send(product, campaign_id, f"Email,First name\n{rows}".encode()).json()["id"]
    until_read(product, upload_id, 2_000)

    product.workers[-1].kill()
    product.start_worker()

    shown = wait(product, upload_id)
    assert shown["status"] == "succeeded"
    assert (shown["counts"]["read"], shown["counts"]["created"]) == (30_000, 30_000)
    assert product.call("GET", f"/campaigns/{campaign_id}")["referrers_count"] == 30_000
    inner = inner_id(upload_id)
    records = "SELECT count(*), count(DISTINCT row), count(DISTINCT referrer_id) FROM referrers_importrecord"
    assert product.sql(f"{records} WHERE upload_id = %s", inner) == [(30_000, 30_000, 30_000)]
    assert product.sql("SELECT count(*) FROM referrers_importpart WHERE upload_id = %s", inner) == [(0,)]
    assert product.sql("SELECT epoch >= 2 FROM referrers_import WHERE id = %s", inner) == [(True,)]


def test_it_takes_fifty_megabytes_and_no_more(product: Product) -> None:
    campaign_id = product.make_campaign()
    line = b"%06d@example.com," + b"x" * 250 + b"\n"
    rows = b"".join(line % n for n in range(190_000))

    taken = send(product, campaign_id, b"Email,Note\n" + rows)
    refused = send(product, campaign_id, b"Email,Note\n" + rows + rows[:2_000_000])

    assert len(rows) > 50_000_000
    assert (taken.status_code, taken.json()["total"]) == (202, 190_000)
    assert product.call("POST", f"/imports/{taken.json()['id']}/cancel")["id"] == taken.json()["id"]
    assert wait(product, taken.json()["id"])["status"] == "cancelled"
    assert (refused.status_code, refused.json()["code"]) == (422, "file_too_large")


def choose(page: Page, campaign_id: str, text: str = PEOPLE) -> None:
    """Referrers tab → Add referrers → Upload → a file → Next."""
    page.goto(f"/campaigns/{campaign_id}/referrers")
    page.get_by_role("link", name="Add referrers").click()
    page.get_by_role("link", name="Upload", exact=True).click()
    expect(heading(page, "Upload")).to_be_visible()
    file: FilePayload = {"name": "people.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_label("CSV file").set_input_files(file)
    press(page, "Next")


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_it_uploads_a_list(
    visitors: Visitors, product: Product, scheme: Scheme, width: int, tmp_path: Path
) -> None:
    page = visitors.page(scheme=scheme, width=width)
    campaign_id = product.make_campaign()
    page.goto(f"/campaigns/{campaign_id}/referrers/add/upload")
    faults = look_over(page)
    press(page, "Next")
    expect(page.get_by_role("alert")).to_contain_text("No file was sent.")
    faults += look_over(page)

    choose(page, campaign_id)
    expect(heading(page, "What is in each column?")).to_be_visible()
    expect(page.get_by_label("Plan")).to_have_value("fields.plan")
    faults += look_over(page)
    page.get_by_label("Email", exact=False).first.select_option("Do not use")
    press(page, "Upload 4 rows")
    expect(page.get_by_role("alert")).to_contain_text("No column is matched to Email")
    faults += look_over(page)
    page.get_by_label("Email", exact=False).first.select_option("Email")
    press(page, "Upload 4 rows")

    expect(page.get_by_text("1 new referrer, 0 updated.")).to_be_visible()
    expect(page.get_by_role("rowheader", name="=1+1")).to_be_visible()
    faults += look_over(page)
    page.get_by_role("link", name="Skipped").click()
    expect(page.get_by_role("rowheader")).to_have_count(2)
    faults += look_over(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the problems as CSV").click()
    download.value.save_as(tmp_path / "problems.csv")
    assert "\n4,'=1+1,Skipped," in (tmp_path / "problems.csv").read_text(encoding="utf-8-sig")
    assert faults == []


def test_it_uploads_a_list_without_scripts(visitors: Visitors, product: Product) -> None:
    page = visitors.page(scripts=False)
    choose(page, product.make_campaign())
    press(page, "Upload 4 rows")
    expect(page.get_by_text("1 new referrer, 0 updated.")).to_be_visible()


def test_it_moves_and_is_cancelled(visitors: Visitors, product: Product) -> None:
    page = visitors.page()
    rows = "".join(f"p{n}@example.com,P{n}\n" for n in range(60_000))
    choose(page, product.make_campaign(), f"Email,First name\n{rows}")
    press(page, "Upload 60,000 rows")
    expect(page.get_by_text("of 60,000")).to_be_visible()
    faults = look_over(page)
    page.get_by_role("link", name="Cancel upload").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel upload").click()
    expect(page.get_by_text("The upload was cancelled; what it had done stays.")).to_be_visible()
    assert faults == []
