"""Several referrers at once over REST."""

from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.referrers.models import Referrer
from tests.support import cast
from tests.support.cast import Api


def made(campaign: Campaign, count: int) -> list[Referrer]:
    return [cast.referrer_of(campaign, f"p{number}@example.com") for number in range(count)]


def ids(referrers: list[Referrer]) -> list[str]:
    return [public_id("referrer", one.pk) for one in referrers]


def statuses() -> dict[str, str]:
    return dict(Referrer.everywhere.order_by("email").values_list("email", "status"))


def test_it_deactivates_and_activates(api: Api, campaign: Campaign, campaign_id: str) -> None:
    people = made(campaign, 3)

    off = api.post(f"/campaigns/{campaign_id}/referrers/deactivate", {"ids": ids(people[:2])})
    after = statuses()
    on = api.post(f"/campaigns/{campaign_id}/referrers/activate", {"ids": ids(people)})

    assert (off.status_code, off.json()) == (200, {"changed": 2})
    assert after == {"p0@example.com": "inactive", "p1@example.com": "inactive", "p2@example.com": "active"}
    assert on.json() == {"changed": 2}
    assert set(statuses().values()) == {"active"}


def test_it_deletes_and_counts(api: Api, campaign: Campaign, campaign_id: str) -> None:
    people = made(campaign, 3)

    answer = api.post(f"/campaigns/{campaign_id}/referrers/delete", {"ids": ids(people[:2])})

    assert answer.json() == {"changed": 2}
    assert list(statuses()) == ["p2@example.com"]
    assert api.get(f"/campaigns/{campaign_id}").json()["referrers_count"] == 1


def test_it_passes_over_ids_that_are_not_of_the_campaign(
    api: Api, alice: cast.Person, campaign: Campaign, campaign_id: str
) -> None:
    other = cast.referrer_of(cast.campaign_of(alice, "Other"))
    stranger = cast.referrer_of(cast.campaign_of(cast.charlie()))
    wanted = [*ids([other, stranger]), "ref_0", "", campaign_id]

    for verb in ("deactivate", "activate", "delete"):
        answer = api.post(f"/campaigns/{campaign_id}/referrers/{verb}", {"ids": wanted})
        assert answer.json() == {"changed": 0}
    assert Referrer.everywhere.filter(status="active").count() == 2


def test_it_refuses_more_than_five_hundred(api: Api, campaign_id: str) -> None:
    answer = api.post(f"/campaigns/{campaign_id}/referrers/delete", {"ids": ["ref_0"] * 501})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "ids"


def test_it_filters_by_source(api: Api, campaign: Campaign, campaign_id: str) -> None:
    cast.referrer_of(campaign, "hand@example.com", source="manual")
    cast.referrer_of(campaign, "program@example.com", source="api")

    found = api.get(f"/campaigns/{campaign_id}/referrers", source="manual").json()["data"]

    assert [row["email"] for row in found] == ["hand@example.com"]
