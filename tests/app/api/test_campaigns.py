"""Campaigns over REST."""

from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from tests.support import cast
from tests.support.cast import Api, Person


def test_it_creates_a_live_campaign(api: Api) -> None:
    answer = api.post(
        "/campaigns", {"name": "Spring sale", "destination_url": "https://shop.example.com/?a=1"}
    )

    made = Campaign.everywhere.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": public_id("campaign", made.pk),
        "slug": "spring-sale",
        "name": "Spring sale",
        "status": "live",
        "destination_url": "https://shop.example.com/?a=1",
        "referrers_count": 0,
        "leads_count": 0,
        "created_at": f"{made.created_at:%Y-%m-%dT%H:%M:%S}.{made.created_at.microsecond // 1000:03d}Z",
    }


def test_it_names_every_wrong_field(api: Api) -> None:
    answer = api.post("/campaigns", {"name": " ", "destination_url": "javascript:alert(1)"})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["name", "destination_url"]


def test_it_refuses_a_broken_address(api: Api) -> None:
    answer = api.post("/campaigns", {"name": "A", "destination_url": "http://[::1"})

    assert answer.status_code == 422


def test_it_gives_the_same_name_another_slug(api: Api, campaign_id: str) -> None:
    answer = api.post("/campaigns", {"name": "Spring", "destination_url": "https://shop.example.com"})

    assert answer.status_code == 201
    assert answer.json()["slug"].startswith("spring-")


def test_it_pages_newest_first(alice: Person, api: Api) -> None:
    for name in ("One", "Two", "Three"):
        cast.campaign_of(alice, name)

    first = api.get("/campaigns", limit=2).json()
    second = api.get("/campaigns", limit=2, cursor=first["next_cursor"]).json()

    assert [campaign["name"] for campaign in first["data"]] == ["Three", "Two"]
    assert [campaign["name"] for campaign in second["data"]] == ["One"]
    assert second["next_cursor"] is None


def test_it_changes_only_what_is_given(api: Api, campaign_id: str) -> None:
    answer = api.patch(f"/campaigns/{campaign_id}", {"status": "paused"})

    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["status"]) == ("Spring", "paused")
    assert api.get(f"/campaigns/{campaign_id}").json() == answer.json()


def test_it_refuses_null(api: Api, campaign_id: str) -> None:
    answer = api.patch(f"/campaigns/{campaign_id}", {"name": None})

    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "name", "message": "Input should be a valid string."}]


def test_it_refuses_an_unknown_status(api: Api, campaign_id: str) -> None:
    answer = api.patch(f"/campaigns/{campaign_id}", {"status": "sleeping"})

    assert answer.json()["errors"] == [
        {"field": "status", "message": "Status is one of draft, live, paused."}
    ]
