"""Nobody learns anything about another workspace, whichever call they try."""

from typing import Any

import pytest

from passalong.api.assembly import document
from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.referrers.models import Import, Referrer
from passalong.sync.models import Connection, Run, Sync
from tests.support import cast
from tests.support.cast import INSTRUCTION, Api, Person

BODIES: dict[str, dict[str, Any]] = {
    "merge_referrers": {"into": "abc"},
    "add_lead": {"email": "frida@example.com", "referrer": "abc"},
    "add_referrer": {"email": "eve@example.com"},
    "replace_credentials": {"access_token": "x"},
    "set_connection_webhooks": {"client_secret": "x"},
    "deactivate_referrers": {"ids": []},
    "activate_referrers": {"ids": []},
    "delete_referrers": {"ids": []},
    "create_field": {"label": "x", "type": "string"},
}
CALLS = [
    pytest.param(method, path, operation["operationId"], id=operation["operationId"])
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
    if "{" in path
]


@pytest.fixture
def ids(
    alice: Person, campaign: Campaign, referrer: Referrer, connection: Connection, sync: Sync
) -> dict[str, str]:
    """Alice's, by the names they have in addresses."""
    run = Run.everywhere.create(workspace=sync.workspace, sync=sync)
    preview = Run.everywhere.create(workspace=sync.workspace, sync=sync, kind="preview")
    upload = Import.everywhere.create(
        workspace=campaign.workspace, campaign=campaign, file_name="a.csv", status="running"
    )
    webhook, delivery = cast.webhook_of(alice)
    rows = {
        "import": upload,
        "campaign": campaign,
        "referrer": referrer,
        "lead": cast.lead_of(referrer),
        "connection": connection,
        "sync": sync,
        "run": run,
        "preview": preview,
        "webhook": webhook,
        "delivery": delivery,
    }
    return {f"{kind}_id": public_id(kind, row.pk) for kind, row in rows.items()}


@pytest.mark.parametrize(("method", "path", "operation"), CALLS)
def test_it_does_not_know_what_is_alices(
    charlies_api: Api, ids: dict[str, str], connection_id: str, method: str, path: str, operation: str
) -> None:
    body = {"connection_id": connection_id, **INSTRUCTION} if operation == "create_sync" else None
    arguments = [] if method in ("get", "delete") else [BODIES.get(operation, body or {})]
    address = path.removeprefix("/api/v1").format(**ids)

    answer = getattr(charlies_api, method)(address, *arguments)

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_it_does_not_use_alices_connection(
    charlies_api: Api, ids: dict[str, str], connection_id: str
) -> None:
    own = charlies_api.post("/campaigns", {"name": "Own", "destination_url": "https://c.example"}).json()

    answer = charlies_api.post(
        f"/campaigns/{own['id']}/syncs", {"connection_id": connection_id, **INSTRUCTION}
    )

    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/campaigns", "/connections"])
def test_it_lists_nothing_of_alices(charlies_api: Api, ids: dict[str, str], path: str) -> None:
    assert charlies_api.get(path).json() == {"data": [], "next_cursor": None}
