"""Upload through the browser: every encoding, a very long list, and files that mean harm."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.support import walk
from tests.support.browser import PHONE, Visitors, look_over, start_all
from tests.support.product import Product

NAMES = [("Zoë", "Łukasz"), ("Zoë", "Jürgen")]
FULL, WESTERN = NAMES


@pytest.fixture(scope="module")
def visitors() -> Iterator[Visitors]:
    with start_all(10) as (visitors, _crm):
        yield visitors


@pytest.fixture(autouse=True)
def tidy(visitors: Visitors) -> Iterator[None]:
    yield
    visitors.close()


def choose(page: Page, campaign_id: str, data: bytes) -> None:
    """A file, and Next."""
    page.goto(f"/campaigns/{campaign_id}/referrers/add/upload")
    file: FilePayload = {"name": "people.csv", "mimeType": "text/csv", "buffer": data}
    page.get_by_label("CSV file").set_input_files(file)
    walk.press(page, "Next")


def referrers(product: Product, campaign_id: str) -> dict[str, str]:
    """Email → first name."""
    rows = product.everything(f"/campaigns/{campaign_id}/referrers")
    return {row["email"]: row["first_name"] for row in rows}


@pytest.mark.parametrize(
    ("encoding", "separator", "names"),
    [
        ("utf-8", ",", FULL),
        ("utf-8-sig", ";", FULL),
        ("utf-16", "\t", FULL),
        ("utf-16-be", ";", FULL),
        ("cp1252", ";", WESTERN),
        ("cp1252", "\t", WESTERN),
    ],
)
def test_it_reads_every_encoding_and_separator(
    visitors: Visitors, encoding: str, separator: str, names: tuple[str, str]
) -> None:
    product, page = visitors.product, visitors.page()
    campaign_id = product.make_campaign()
    lines = [f"Email{separator}First name"]
    lines += [f"p{number}@example.com{separator}{name}" for number, name in enumerate(names)]
    data = "\r\n".join(lines).encode(encoding)
    choose(page, campaign_id, b"\xfe\xff" + data if encoding == "utf-16-be" else data)
    for name in names:
        expect(page.get_by_text(name).first).to_be_visible()
    walk.press(page, "Upload 2 rows")
    expect(page.get_by_text("2 new referrers, 0 updated.")).to_be_visible()

    assert referrers(product, campaign_id) == {f"p{n}@example.com": name for n, name in enumerate(names)}


def test_it_takes_200000_rows_and_shows_them_moving(visitors: Visitors) -> None:
    product, page = visitors.product, visitors.page()
    campaign_id = product.make_campaign()
    rows = b"".join(b"p%d@example.com,P%d\n" % (number, number) for number in range(199_990))
    odd = b"p1@example.com,Again\n" * 4 + b"nobody,Nobody\n" * 6
    choose(page, campaign_id, b"Email,First name\n" + rows + odd)
    walk.press(page, "Upload 200,000 rows")
    seen = 0
    for _ in range(3):
        seen = walk.moved(page, seen)
    expect(page.get_by_text("199,990 new referrers, 0 updated.")).to_be_visible(timeout=240_000)

    assert walk.counts(page) == {
        "Created": 199_990,
        "Updated": 0,
        "Unchanged": 0,
        "Duplicate": 4,
        "Skipped": 6,
        "Failed": 0,
        "read": 200_000,
    }
    assert product.call("GET", f"/campaigns/{campaign_id}")["referrers_count"] == 199_990
    assert look_over(page) == []


HTML = '<img src=x onerror="alert(1)">'
HOSTILE = {
    "NUL bytes": (b"Email,First name\na@example.com,A\0da\n" + b"\0" * 1000, "not a CSV file"),
    "a cell of 10 MB": (b"Email,First name\na@example.com," + b"x" * 10_000_000, "a cell of more than"),
    "5,000 columns": (b"Email" + b",c" * 5_000 + b"\n" + b"a@example.com" + b",1" * 5_000, "5,001 columns"),
    "quotes that never end": (b'Email,First name\na@example.com,"Ada\nb@example.com,Bob\n', "do not pair up"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "not a CSV file"),
    "nothing": (b"", "The file is empty."),
    "only a header": (b"Email,First name\n", "column names but no people"),
    "no names of columns": (b"ada@example.com,Ada\nbob@example.com,Bob\n", "not the names of the columns"),
    "bytes that are no text": (b"Email,First name\na@example.com,\x81\x8d\x8f\x90\x9d\n", "not a CSV file"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_it_refuses_a_hostile_file_in_words_and_changes_nothing(visitors: Visitors, what: str) -> None:
    product, page = visitors.product, visitors.page(width=PHONE)
    campaign_id = product.make_campaign()
    data, said = HOSTILE[what]

    choose(page, campaign_id, data)

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(said)
    expect(alert.get_by_text("Code:")).to_be_visible()
    assert look_over(page) == []
    assert product.call("GET", f"/campaigns/{campaign_id}")["referrers_count"] == 0


def test_it_shows_html_and_formulas_as_text_everywhere(visitors: Visitors) -> None:
    product, page = visitors.product, visitors.page()
    campaign_id = product.make_campaign()
    page.on("dialog", lambda dialog: pytest.fail(f"a cell was run: {dialog.message}"))
    quoted = HTML.replace('"', '""')
    data = f'Email,First name,"{quoted}"\na@example.com,"{quoted}",=1+1\n"{quoted}",=cmd|x,@SUM(A1)\n'
    choose(page, campaign_id, data.encode())
    expect(page.get_by_text(HTML).first).to_be_visible()
    faults = look_over(page)
    walk.press(page, "Upload 2 rows")
    expect(page.get_by_text("1 new referrer, 0 updated.")).to_be_visible()
    expect(page.get_by_role("rowheader", name=re.compile("<img src=x"))).to_be_visible()
    faults += look_over(page)
    page.get_by_role("link", name="a@example.com").click()
    expect(page.get_by_role("heading", name=HTML, level=1)).to_be_visible()
    for address in (page.url, f"{page.url}/edit", f"/campaigns/{campaign_id}/referrers"):
        page.goto(address)
        expect(page.locator("img")).to_have_count(0)
        faults += look_over(page)
    assert faults == []


def test_it_is_done_with_the_keyboard_alone(visitors: Visitors) -> None:
    product, page = visitors.product, visitors.page()
    campaign_id = product.make_campaign()
    page.goto(f"/campaigns/{campaign_id}/referrers")
    to(page, page.get_by_role("link", name="Add referrers").first)
    page.keyboard.press("Enter")
    to(page, page.get_by_role("link", name="Upload", exact=True))
    page.keyboard.press("Enter")
    expect(walk.heading(page, "Upload")).to_be_visible()
    to(page, page.get_by_label("CSV file"))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    data = b"Email,First name\nada@example.com,Ada\n"
    chooser.value.set_files({"name": "people.csv", "mimeType": "text/csv", "buffer": data})
    to(page, page.get_by_role("button", name="Next"))
    page.keyboard.press("Enter")
    expect(walk.heading(page, "What is in each column?")).to_be_visible()
    to(page, page.get_by_role("button", name="Upload 1 row"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 new referrer, 0 updated.")).to_be_visible()


def to(page: Page, target: object) -> None:
    """Tab until it has the focus."""
    for _ in range(90):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):  # type: ignore[attr-defined]
            return
    raise AssertionError(f"no Tab leads to {target}")
