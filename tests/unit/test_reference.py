"""A setting or a command that is not documented fails here."""

from pathlib import Path

from passalong.cli import app
from passalong.config.reference import commands_page, settings_page

DOCS = Path(__file__).parents[2] / "docs" / "reference"
REMEDY = "run: .venv/bin/python -m passalong.config.reference"


def test_it_documents_every_setting() -> None:
    assert (DOCS / "settings.md").read_text() == settings_page(), REMEDY


def test_it_documents_every_command() -> None:
    assert (DOCS / "commands.md").read_text() == commands_page(app), REMEDY
