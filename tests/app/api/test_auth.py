"""Tokens: who may ask, and who may change things."""

import pytest

from passalong.accounts.models import ApiToken
from passalong.core.ids import public_id
from tests.support.cast import Api, Person


def test_it_says_who_is_asking(alice: Person, api: Api) -> None:
    answer = api.get("/me")

    assert answer.status_code == 200
    assert answer.json() == {
        "workspace": {"id": public_id("workspace", alice.workspace.pk), "name": "Acme"},
        "token": {"name": "alice@example.com writes", "scope": "write"},
    }


@pytest.mark.parametrize("token", ["", "pal_unknown", "é"])
def test_it_refuses_a_missing_or_unknown_token(db: None, token: str) -> None:
    answer = Api(token).get("/me")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="passalong"'
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "unauthenticated"


def test_it_takes_no_other_scheme(alice: Person, api: Api) -> None:
    answer = api.client.get("/api/v1/me", headers={"Authorization": f"Basic {alice.token}"})

    assert answer.status_code == 401


def test_it_ignores_a_signed_in_browser(alice: Person) -> None:
    browser = Api("")
    browser.client.force_login(alice.member.user)

    assert browser.get("/me").status_code == 401


def test_it_lets_a_reading_token_read(alice: Person) -> None:
    assert Api(alice.reading_token).get("/campaigns").status_code == 200


def test_it_lets_a_reading_token_change_nothing(alice: Person) -> None:
    answer = Api(alice.reading_token).post(
        "/campaigns", {"name": "A", "destination_url": "https://a.example"}
    )

    assert answer.status_code == 403
    assert answer.json()["code"] == "read_only_token"


def test_it_notes_when_a_token_was_used(alice: Person, api: Api) -> None:
    api.get("/me")

    assert ApiToken.everywhere.get(name="alice@example.com writes").last_used_at is not None
