"""The API answers as its OpenAPI document says, whatever it is sent."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from passalong.config.settings import settings as product
from passalong.config.wsgi import application
from passalong.core.ids import public_id
from passalong.referrers.models import Import
from passalong.sync.models import Run
from tests.support import cast

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# A port nobody listens on: what asks the CRM is refused at once, and no test leaves this machine.
NOWHERE = "http://127.0.0.1:1"
UNAVAILABLE = {
    "create_connection",
    "check_connection",
    "list_segments",
    "list_fields",
    "create_field",
    "replace_credentials",
}


schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)


@pytest.fixture(autouse=True)
def _crm_nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PASSALONG_INTERCOM_API_URL", NOWHERE)
    product.cache_clear()
    yield
    product.cache_clear()


@pytest.fixture
def known(transactional_db: None) -> dict[str, str]:
    """A token, and by the names of path parameters something it may ask about."""
    alice = cast.alice()
    campaign, connection = cast.campaign_of(alice), cast.connection_of(alice)
    sync = cast.sync_of(campaign, connection)
    referrer = cast.referrer_of(campaign)
    webhook, delivery = cast.webhook_of(alice)
    rows = {
        "webhook": webhook,
        "delivery": delivery,
        "import": Import.everywhere.create(
            workspace=alice.workspace, campaign=campaign, file_name="a.csv", status="running"
        ),
        "campaign": campaign,
        "referrer": referrer,
        "lead": cast.lead_of(referrer),
        "connection": connection,
        "sync": sync,
        "run": Run.everywhere.create(workspace=alice.workspace, sync=sync),
        "preview": Run.everywhere.create(workspace=alice.workspace, sync=sync, kind="preview"),
    }
    return {"token": alice.token, **{f"{kind}_id": public_id(kind, row.pk) for kind, row in rows.items()}}


@schema.parametrize()
@settings(
    max_examples=4,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_it_answers_as_documented(case: Any, known: dict[str, str]) -> None:
    # Every other example keeps its made-up id, so that both sides of the door are tried.
    if sum(map(len, map(str, case.path_parameters.values()))) % 2:
        case.path_parameters.update({name: known[name] for name in case.path_parameters})
    if case.operation.definition.raw["operationId"] == "start_preview":
        case.query["wait"] = 0

    answer = case.call(headers={"Authorization": f"Bearer {known['token']}"})

    checks = CHECKS
    if answer.status_code == 503 and case.operation.definition.raw["operationId"] in UNAVAILABLE:
        checks = CHECKS[1:]
    case.validate_response(answer, checks=checks)
    if answer.status_code >= 400:
        assert answer.json()["code"]
        assert answer.json()["next_step"]
