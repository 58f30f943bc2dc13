"""What holds for every page: nothing inline, nothing foreign, nothing tampered with."""

import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client, override_settings

import passalong.web
from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.sync.models import Run, Sync

pytestmark = pytest.mark.django_db

STATIC = Path(passalong.web.__file__).parent / "static"
TEMPLATES = Path(passalong.web.__file__).parent / "templates"
RUN = r"<script(?![^>]*\s(?:src=|type=\"application/json\"))"  # JSON is data, which no browser runs
INLINE = re.compile(rf"<style|\sstyle=|\son[a-z]+=|javascript:|{RUN}", re.IGNORECASE)


def addresses(campaign: Campaign, sync: Sync, run: Run) -> list[str]:
    home = f"/campaigns/{public_id('campaign', campaign.pk)}"
    tabs = ["", "/leads", "/leads/add", "/syncs", "/settings"]
    tabs += [f"/settings/{name}" for name in ("join-page", "website", "qualifying")]
    tabs += [f"/referrers{rest}" for rest in ("", "/add", "/add/upload", "/add/manually", "/add/api")]
    shown = f"/syncs/{public_id('sync', sync.pk)}"
    account = f"/connections/{public_id('connection', sync.connection_id)}"
    parts = ("", "/runs", "/mapping", "/mapping/map-in", "/mapping/map-back", "/settings", "/delete")
    rest = [
        *(shown + part for part in parts),
        "/webhooks",
        "/webhooks/new",
        "/connections/new",
        f"/runs/{public_id('run', run.pk)}",
        "/connections",
        account,
    ]
    return ["/", "/campaigns/new", *(home + tab for tab in tabs), *rest, "/ui/kit", "/accounts/logout/"]


def test_it_has_nothing_inline_and_nothing_foreign(page: Client, campaign: Campaign, sync: Sync) -> None:
    run = Run.everywhere.create(workspace=sync.workspace, sync=sync, status="running")
    with override_settings(DEBUG=True):
        for address in addresses(campaign, sync, run):
            answer = page.get(address)
            assert answer.status_code == 200, address
            text = answer.content.decode()
            assert INLINE.findall(text) == [], address
            assert re.findall(r'(?:src|href)="(?:https?:)?//(?!shop\.example\.com)', text) == [], address
            assert "default-src 'self'" in answer["Content-Security-Policy"]


def test_it_shows_the_kit_only_in_debug(client: Client, db: None) -> None:
    assert client.get("/ui/kit").status_code == 404


def test_it_shows_every_component_in_the_kit(page: Client) -> None:
    with override_settings(DEBUG=True):
        shown = {template.name for template in page.get("/ui/kit").templates}
    there = {f"components/{path.name}" for path in (TEMPLATES / "components").glob("*.html")}
    assert there - shown == {"components/refresh.html"}  # it would load the kit again and again


def test_it_names_each_page_in_its_title_and_heading(page: Client, campaign: Campaign, sync: Sync) -> None:
    run = Run.everywhere.create(workspace=sync.workspace, sync=sync)
    for address in addresses(campaign, sync, run):
        if address != "/ui/kit":
            text = page.get(address).content.decode()
            assert text.count("<h1") == 1, address
            assert "<title> ·" not in text, address


def test_it_serves_the_vendored_files_it_pinned() -> None:
    lines = (STATIC / "vendor" / "SHA256SUMS").read_text().splitlines()
    assert len(lines) >= 7
    for line in lines:
        digest, name = line.split()
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest, name


def test_it_has_every_icon_that_templates_name() -> None:
    named = set()
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text()
        named |= set(re.findall(r'{% icon "([a-z0-9-]+)"', text))
        named |= set(re.findall(r'(?:icon_name|action_icon|button_icon)="([a-z0-9-]+)"', text))
    drawn = set(re.findall(r'<symbol id="([a-z0-9-]+)"', (STATIC / "icons" / "lucide.svg").read_text()))
    assert named - drawn == set()
    assert drawn - named == set()


def test_it_forbids_evaluation_and_injected_styles_in_htmx(client: Client, db: None) -> None:
    text = client.get("/accounts/login/").content.decode()
    assert '"includeIndicatorCSS": false' in text
    assert settings.SECURE_CSP["default-src"] == ["'self'"]
    for template in TEMPLATES.rglob("*.html"):
        assert not re.search(r"hx-on|hx-vals=.js:|every \d+s *\[", template.read_text()), template
