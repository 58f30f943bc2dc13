"""Referrers over REST."""

from typing import Any

from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.referrers.models import Referrer
from passalong.sync.models import Connection, ContactLink
from tests.support import cast
from tests.support.cast import Api


def test_it_adds_a_referrer_with_a_link(api: Api, campaign_id: str) -> None:
    body = {"email": " Dana@Example.com ", "first_name": "Dana", "fields": {"plan": "pro", "seats": 3}}

    answer = api.post(f"/campaigns/{campaign_id}/referrers", body)

    shown = answer.json()
    made = Referrer.everywhere.get()
    assert answer.status_code == 201
    assert shown.pop("created_at").endswith("Z")
    assert shown.pop("updated_at").endswith("Z")
    assert shown == {
        "id": public_id("referrer", made.pk),
        "campaign_id": campaign_id,
        "email": "dana@example.com",
        "first_name": "Dana",
        "last_name": "",
        "phone": "",
        "fields": {"plan": "pro", "seats": 3},
        "code": made.code,
        "referral_link": f"http://127.0.0.1:8000/r/{made.code}",
        "visits_count": 0,
        "referrals_count": 0,
        "converted_referrals_count": 0,
        "source": "api",
        "status": "active",
        "contacts": [],
    }


def test_it_fills_only_what_is_empty_of_one_who_is_there(api: Api, campaign_id: str) -> None:
    path = f"/campaigns/{campaign_id}/referrers"
    first = api.post(path, {"email": "dana@example.com", "first_name": "Dana"}).json()

    again = api.post(path, {"email": "DANA@example.com", "first_name": "Other", "last_name": "Levi"})

    assert again.status_code == 200
    assert (again.json()["code"], again.json()["first_name"], again.json()["last_name"]) == (
        first["code"],
        "Dana",
        "Levi",
    )


def test_it_refuses_an_address_that_cannot_be_used(api: Api, campaign_id: str) -> None:
    answer = api.post(f"/campaigns/{campaign_id}/referrers", {"email": "dana@"})

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": "email", "message": "This is not an email address we can use."}
    ]


def test_it_refuses_lists_in_fields(api: Api, campaign_id: str) -> None:
    body = {"email": "dana@example.com", "fields": {"tags": ["a"]}}

    answer = api.post(f"/campaigns/{campaign_id}/referrers", body)

    assert answer.json()["errors"] == [
        {"field": "fields.tags", "message": "Input should be a text, a number, true or false."}
    ]


def test_it_finds_by_word_email_and_status(api: Api, campaign: Campaign, campaign_id: str) -> None:
    cast.referrer_of(campaign, "dana@example.com", first_name="Dana")
    cast.referrer_of(campaign, "eli@example.com", first_name="Eli")
    path = f"/campaigns/{campaign_id}/referrers"

    def found(**query: Any) -> list[str]:
        return [row["email"] for row in api.get(path, **query).json()["data"]]

    assert found(q="dan") == ["dana@example.com"]
    assert found(email="ELI@example.com") == ["eli@example.com"]
    assert found(status="inactive") == []
    assert found(q="", email="", status="") == ["eli@example.com", "dana@example.com"]


def test_it_refuses_a_status_there_is_not(api: Api, campaign_id: str) -> None:
    answer = api.get(f"/campaigns/{campaign_id}/referrers", status="asleep")

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "status")


def test_it_shows_the_contacts_of_many_with_one_query(
    api: Api, campaign: Campaign, campaign_id: str, connection: Connection
) -> None:
    for number in range(3):
        _linked(cast.referrer_of(campaign, f"r{number}@example.com"), connection, f"c{number}")

    with CaptureQueriesContext(database) as queries:
        rows = api.get(f"/campaigns/{campaign_id}/referrers").json()["data"]

    connection_id = public_id("connection", connection.pk)
    assert [row["contacts"] for row in rows] == [
        [{"connection_id": connection_id, "external_id": name}] for name in ("c2", "c1", "c0")
    ]
    assert len([one for one in queries if "sync_contactlink" in one["sql"]]) == 1


def test_it_changes_what_is_given_and_removes_fields_set_to_null(api: Api, campaign: Campaign) -> None:
    referrer = cast.referrer_of(campaign, first_name="Dana", fields={"plan": "pro", "city": "Haifa"})
    path = f"/referrers/{public_id('referrer', referrer.pk)}"

    answer = api.patch(path, {"fields": {"plan": None}, "status": "inactive", "last_name": "Levi"})

    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["first_name"], shown["last_name"], shown["status"]) == ("Dana", "Levi", "inactive")
    assert shown["fields"] == {"city": "Haifa"}


def test_it_refuses_the_email_of_another(api: Api, campaign: Campaign, referrer: Referrer) -> None:
    cast.referrer_of(campaign, "eli@example.com")

    answer = api.patch(f"/referrers/{public_id('referrer', referrer.pk)}", {"email": "eli@example.com"})

    assert (answer.status_code, answer.json()["code"]) == (409, "email_in_use")


def test_it_deletes(api: Api, campaign_id: str, referrer: Referrer) -> None:
    path = f"/referrers/{public_id('referrer', referrer.pk)}"

    answer = api.delete(path)

    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(path).status_code == 404
    assert api.get(f"/campaigns/{campaign_id}").json()["referrers_count"] == 0


def _linked(referrer: Referrer, connection: Connection, external_id: str) -> None:
    ContactLink.objects.create(
        workspace=referrer.workspace,
        campaign=referrer.campaign,
        connection=connection,
        external_id=external_id,
        referrer=referrer,
        role="user",
    )
