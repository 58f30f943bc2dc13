"""Connections over REST, against a real look-alike of the CRM."""

from collections.abc import Iterator
from typing import Any

import pytest

from passalong.sync.models import Connection
from tests.support.cast import Api
from tests.support.sandbox import TOKEN, Sandbox, start_sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contacts=40) as running:
        yield running


@pytest.fixture(autouse=True)
def _point_to_sandbox(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from passalong.config.settings import settings

    monkeypatch.setenv("PASSALONG_INTERCOM_API_URL", sandbox.url)
    settings.cache_clear()
    sandbox.control.clear_faults()
    yield
    settings.cache_clear()


@pytest.fixture
def connected(api: Api) -> dict[str, Any]:
    answer = api.post("/connections", {"provider": "intercom", "access_token": TOKEN})
    assert answer.status_code == 201, answer.content
    shown: dict[str, Any] = answer.json()
    return shown


def test_it_connects_and_says_what_it_may_do(connected: dict[str, Any]) -> None:
    assert connected["id"].startswith("conn_")
    assert (connected["provider"], connected["status"]) == ("intercom", "connected")
    assert connected.keys() == {"id", "provider", "status", "account", "checks"}
    assert connected["account"].keys() == {"id", "name", "region", "timezone"}
    assert [check["ok"] for check in connected["checks"]] == [True] * len(connected["checks"])
    assert connected["checks"][0].keys() == {"name", "ok", "detail"}


def test_it_never_gives_the_token_away(api: Api, connected: dict[str, Any]) -> None:
    shown = api.get(f"/connections/{connected['id']}")

    assert TOKEN not in shown.content.decode()
    assert TOKEN not in Connection.everywhere.get().secret


def test_it_stores_nothing_when_refused(api: Api) -> None:
    answer = api.post("/connections", {"provider": "intercom", "access_token": "wrong"})

    assert (answer.status_code, answer.json()["code"]) == (422, "connection_rejected")
    assert "wrong" not in answer.content.decode()
    assert Connection.everywhere.count() == 0


def test_it_refuses_a_provider_there_is_not(api: Api) -> None:
    answer = api.post("/connections", {"provider": "carrier pigeon", "access_token": TOKEN})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "provider")


def test_it_refuses_a_region_there_is_not(api: Api) -> None:
    answer = api.post("/connections", {"provider": "intercom", "access_token": TOKEN, "region": "moon"})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "region")


def test_it_does_not_double_an_account(api: Api, connected: dict[str, Any]) -> None:
    again = api.post("/connections", {"provider": "intercom", "access_token": TOKEN}).json()

    assert again["id"] == connected["id"]
    assert [one["id"] for one in api.get("/connections").json()["data"]] == [connected["id"]]


def test_it_lists_segments_with_counts(api: Api, connected: dict[str, Any], sandbox: Sandbox) -> None:
    segments = api.get(f"/connections/{connected['id']}/segments").json()["data"]

    active = sandbox.control.segment_id("Active")
    (found,) = [segment for segment in segments if segment["id"] == active]
    assert (found["name"], found["person_type"]) == ("Active", "user")
    assert found["count"] == len(sandbox.control.members(active))


def test_it_lists_fields(api: Api, connected: dict[str, Any]) -> None:
    fields = api.get(f"/connections/{connected['id']}/fields").json()["data"]

    (email,) = [field for field in fields if field["key"] == "email"]
    assert (email["type"], email["readable"], email["custom"]) == ("string", True, False)
    assert email.keys() == {"key", "label", "type", "readable", "writable", "custom", "sample"}


def test_it_makes_a_field_once_and_keeps_its_type(api: Api, connected: dict[str, Any]) -> None:
    path = f"/connections/{connected['id']}/fields"

    made = api.post(path, {"label": "Referral Link", "type": "string"})
    again = api.post(path, {"label": "Referral Link", "type": "string"})
    other = api.post(path, {"label": "Referral Link", "type": "integer"})

    assert (made.status_code, made.json()["key"]) == (201, "custom_attributes.Referral Link")
    assert (again.status_code, other.status_code) == (200, 409)
    assert other.json()["code"] == "field_type_conflict"


def test_it_takes_a_new_token_for_the_same_account(
    api: Api, connected: dict[str, Any], sandbox: Sandbox
) -> None:
    sandbox.control.add_token("second-token")

    answer = api.put(f"/connections/{connected['id']}/credentials", {"access_token": "second-token"})

    assert (answer.status_code, answer.json()["status"]) == (200, "connected")


def test_it_checks_again_what_it_may_do(api: Api, connected: dict[str, Any], sandbox: Sandbox) -> None:
    path = f"/connections/{connected['id']}/check"
    sandbox.control.add_token(TOKEN, missing=["write_contacts"])
    limited = api.post(path).json()
    sandbox.control.revoke_token()
    lost = api.post(path).json()
    sandbox.control.add_token(TOKEN)
    again = api.post(path)

    assert [one["status"] for one in (limited, lost)] == ["connected", "needs_attention"]
    assert [check["ok"] for check in limited["checks"]] == [True, True, True, True, False]
    assert (again.status_code, again.json()) == (200, connected)


def test_it_disconnects_and_keeps_the_rest(api: Api, connected: dict[str, Any]) -> None:
    path = f"/connections/{connected['id']}"

    assert api.delete(path).status_code == 204
    assert api.get(path).json()["status"] == "disconnected"
    assert api.get(f"{path}/segments").json()["code"] == "disconnected"
    assert Connection.everywhere.get().secret == ""


def test_it_says_so_when_the_crm_is_down(api: Api, connected: dict[str, Any], sandbox: Sandbox) -> None:
    sandbox.control.down()

    answer = api.get(f"/connections/{connected['id']}/segments")

    sandbox.control.down(False)
    assert answer.status_code == 503
    assert answer.json()["next_step"]
