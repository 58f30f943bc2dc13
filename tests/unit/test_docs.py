"""What the documents point to is there, and what is there is pointed to."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def linked() -> dict[Path, str]:
    """Each file that a document leads to, with the document."""
    found = {}
    for page in PAGES:
        for target in LINK.findall(page.read_text()):
            found[(page.parent / target).resolve()] = page.name
    return found


def test_it_leads_nowhere_that_is_not_there() -> None:
    assert {page: path.name for path, page in linked().items() if not path.exists()} == {}


def test_it_uses_every_screen_it_has_a_picture_of() -> None:
    shown = {path.stem.removesuffix("-phone") for path in linked() if path.parent.name == "screenshots"}
    taken = {path.stem.removesuffix("-phone") for path in (ROOT / "docs" / "screenshots").glob("*.png")}
    assert taken - shown == set()
    assert len(taken) == 10


def test_it_leads_to_every_document() -> None:
    written = {path.resolve() for path in (ROOT / "docs").rglob("*.md")}
    assert written - set(linked()) == set()
