"""The OpenAPI document and the reference page."""

import re

from django.contrib.staticfiles import finders
from django.test import Client

from passalong.api.assembly import document

CALLS = {
    "GET /me",
    "GET /workspace",
    "PATCH /workspace",
    "GET /campaigns",
    "POST /campaigns",
    "GET /campaigns/{campaign_id}",
    "PATCH /campaigns/{campaign_id}",
    "GET /campaigns/{campaign_id}/referrers",
    "POST /campaigns/{campaign_id}/referrers/activate",
    "POST /campaigns/{campaign_id}/referrers/deactivate",
    "POST /campaigns/{campaign_id}/referrers/delete",
    "POST /campaigns/{campaign_id}/referrers",
    "POST /campaigns/{campaign_id}/referrers/import",
    "POST /campaigns/{campaign_id}/leads/import",
    "POST /campaigns/{campaign_id}/leads/qualify/import",
    "GET /imports/{import_id}",
    "GET /imports/{import_id}/records",
    "POST /imports/{import_id}/cancel",
    "GET /referrers/{referrer_id}",
    "PATCH /referrers/{referrer_id}",
    "DELETE /referrers/{referrer_id}",
    "POST /referrers/{referrer_id}/merge",
    "POST /referrers/{referrer_id}/erase",
    "GET /campaigns/{campaign_id}/leads",
    "POST /campaigns/{campaign_id}/leads",
    "GET /leads/{lead_id}",
    "DELETE /leads/{lead_id}",
    "POST /leads/{lead_id}/qualify",
    "POST /leads/{lead_id}/erase",
    "POST /leads/{lead_id}/unqualify",
    "GET /connections",
    "POST /connections",
    "GET /connections/{connection_id}",
    "DELETE /connections/{connection_id}",
    "PUT /connections/{connection_id}/credentials",
    "POST /connections/{connection_id}/check",
    "GET /connections/{connection_id}/webhooks",
    "PUT /connections/{connection_id}/webhooks",
    "GET /connections/{connection_id}/segments",
    "GET /connections/{connection_id}/fields",
    "POST /connections/{connection_id}/fields",
    "GET /campaigns/{campaign_id}/crm/{connection_id}",
    "PUT /campaigns/{campaign_id}/crm/{connection_id}",
    "GET /campaigns/{campaign_id}/crm/{connection_id}/people",
    "POST /campaigns/{campaign_id}/crm/{connection_id}/people/retry",
    "GET /campaigns/{campaign_id}/syncs",
    "POST /campaigns/{campaign_id}/syncs",
    "GET /syncs/{sync_id}",
    "PATCH /syncs/{sync_id}",
    "DELETE /syncs/{sync_id}",
    "GET /syncs/{sync_id}/timeline",
    "POST /syncs/{sync_id}/pause",
    "POST /syncs/{sync_id}/resume",
    "POST /syncs/{sync_id}/preview",
    "GET /previews/{preview_id}",
    "GET /syncs/{sync_id}/runs",
    "POST /syncs/{sync_id}/runs",
    "GET /runs/{run_id}",
    "POST /runs/{run_id}/cancel",
    "POST /runs/{run_id}/retry",
    "GET /runs/{run_id}/records",
    "GET /campaigns/{campaign_id}/analytics",
    "GET /webhooks",
    "POST /webhooks",
    "GET /webhooks/{webhook_id}",
    "PATCH /webhooks/{webhook_id}",
    "DELETE /webhooks/{webhook_id}",
    "POST /webhooks/{webhook_id}/rotate",
    "POST /webhooks/{webhook_id}/test",
    "GET /webhooks/{webhook_id}/deliveries",
    "POST /deliveries/{delivery_id}/resend",
}


def test_it_documents_every_call() -> None:
    found = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in document()["paths"].items()
        for method in methods
    }
    assert found == CALLS


def test_it_serves_the_document_to_anyone(client: Client) -> None:
    answer = client.get("/api/v1/openapi.json")

    assert answer.json()["openapi"] == "3.1.0"
    assert answer.json() == client.get("/openapi.json").json()


def test_its_page_shows_every_call(client: Client) -> None:
    page = client.get("/api/v1/docs").content.decode()

    for path, methods in document()["paths"].items():
        assert f"<code>{path}</code>" in page
        for operation in methods.values():
            assert f'<h3 id="{operation["operationId"]}">' in page


def test_its_page_says_how_to_send_a_file(client: Client) -> None:
    page = client.get("/api/v1/docs").content.decode()
    assert "-F file=@people.csv" in page


def test_its_page_works_under_our_policy_and_without_a_network(client: Client) -> None:
    answer = client.get("/api/v1/docs")

    page = answer.content.decode()
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page)
    assert re.findall(r'<(?:link|img)[^>]+(?:href|src)="([^"]+)"', page) == ["/static/api/docs.css"]
    assert finders.find("api/docs.css")
