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
        "utm": {},
        "hosted_page": False,
        "join_url": "http://127.0.0.1:8000/c/spring-sale",
        "join_page": {
            "sender": "",
            "headline": "",
            "text": "",
            "button": "",
            "asks_consent": True,
            "consent": "",
            "thanks_headline": "",
            "thanks_text": "",
            "thanks_url": "",
            "colour": "#0f766e",
            "questions": [],
        },
        "publishable_key": made.public_key,
        "origins": [],
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


def test_it_keeps_utm_parameters(api: Api, campaign_id: str) -> None:
    answer = api.patch(f"/campaigns/{campaign_id}", {"utm": {"utm_source": " referral ", "utm_term": ""}})

    assert answer.json()["utm"] == {"utm_source": "referral"}
    assert api.patch(f"/campaigns/{campaign_id}", {"name": "Summer"}).json()["utm"] == answer.json()["utm"]
    assert api.patch(f"/campaigns/{campaign_id}", {"utm": {}}).json()["utm"] == {}


def test_it_refuses_utm_parameters_that_no_address_can_hold(api: Api, campaign_id: str) -> None:
    answer = api.patch(f"/campaigns/{campaign_id}", {"utm": {"utm_source": "a" * 201, "utm_medium": "x\ny"}})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["utm.utm_source", "utm.utm_medium"]


def test_it_refuses_other_parameters(api: Api, campaign_id: str) -> None:
    assert api.patch(f"/campaigns/{campaign_id}", {"utm": {"gclid": "1"}}).status_code == 422


def test_it_lands_friends_on_the_hosted_page(api: Api) -> None:
    made = api.post("/campaigns", {"name": "Spring", "hosted_page": True}).json()

    assert (made["destination_url"], made["hosted_page"]) == ("http://127.0.0.1:8000/c/spring", True)


def test_it_wants_a_destination_or_the_hosted_page(api: Api) -> None:
    assert api.post("/campaigns", {"name": "Spring"}).json()["errors"][0]["field"] == "destination_url"
    hosted = api.post("/campaigns", {"name": "Spring", "hosted_page": True}).json()["id"]
    assert api.patch(f"/campaigns/{hosted}", {"hosted_page": False}).status_code == 422


def test_it_changes_the_join_page(api: Api, campaign_id: str) -> None:
    page = {"headline": "Hello", "colour": "#AA0000", "questions": [{"label": "Size", "required": True}]}

    changed = api.patch(f"/campaigns/{campaign_id}", {"join_page": page}).json()["join_page"]

    assert (changed["headline"], changed["colour"], changed["questions"]) == (
        "Hello",
        "#AA0000",
        [{"label": "Size", "required": True}],
    )


def test_it_names_what_is_wrong_with_a_join_page(api: Api, campaign_id: str) -> None:
    page = {
        "headline": "x" * 151,
        "colour": "red",
        "thanks_url": "javascript:alert(1)",
        "questions": [{"label": "A"}, {"label": "a"}, {"label": ""}],
    }

    answer = api.patch(f"/campaigns/{campaign_id}", {"join_page": page})

    assert [error["field"] for error in answer.json()["errors"]] == [
        "join_page.headline",
        "join_page.colour",
        "join_page.questions[1]",
        "join_page.questions[2]",
        "join_page.thanks_url",
    ]


def test_it_keeps_origins_as_browsers_send_them(api: Api, campaign_id: str) -> None:
    origins = [" https://Shop.Example.com/ ", "http://localhost:3000", "https://shop.example.com"]

    changed = api.patch(f"/campaigns/{campaign_id}", {"origins": origins}).json()

    assert changed["origins"] == ["https://shop.example.com", "http://localhost:3000"]


def test_it_refuses_origins_that_are_none(api: Api, campaign_id: str) -> None:
    for origin in ("shop.example.com", "https://shop.example.com/path", "*", "https://a b.com", "null", ""):
        assert api.patch(f"/campaigns/{campaign_id}", {"origins": [origin]}).status_code == 422
