"""Merging referrers, erasing people, and what the workspace wants for people the CRM deletes."""

import pytest

from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.leads.models import Lead
from passalong.referrers.models import Referrer
from tests.support import cast
from tests.support.cast import Api

pytestmark = pytest.mark.django_db


def path(referrer: Referrer) -> str:
    return f"/referrers/{public_id('referrer', referrer.pk)}"


@pytest.mark.parametrize("named", ["email", "code", "referral_link", "id"])
def test_it_merges_with_whoever_is_named(api: Api, campaign: Campaign, named: str) -> None:
    ann, bea = (cast.referrer_of(campaign, f"{name}@example.com") for name in ("ann", "bea"))
    cast.lead_of(bea)
    said = public_id("referrer", ann.pk) if named == "id" else getattr(ann, named)

    answer = api.post(f"{path(bea)}/merge", {"into": said})

    shown = answer.json()
    assert (answer.status_code, shown["id"], shown["code"]) == (200, public_id("referrer", ann.pk), ann.code)
    assert (shown["referrals_count"], api.get(path(bea)).status_code) == (1, 404)
    lead = api.post(
        f"/campaigns/{public_id('campaign', campaign.pk)}/leads",
        {"email": "gus@example.com", "referrer": bea.code},
    )
    assert lead.json()["referrer_id"] == shown["id"]


@pytest.mark.parametrize(
    ("said", "code"), [("dana@example.com", "same_referrer"), ("nobody@example.com", "referrer_not_found")]
)
def test_it_says_why_it_does_not_merge(api: Api, referrer: Referrer, said: str, code: str) -> None:
    answer = api.post(f"{path(referrer)}/merge", {"into": said})

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["errors"][0]["field"]) == (422, code, "into")


def test_it_erases_a_referrer_with_friends_and_keeps_the_sums(
    api: Api, campaign: Campaign, referrer: Referrer
) -> None:
    cast.lead_of(referrer)

    answer = api.post(f"{path(referrer)}/erase")

    assert (answer.status_code, answer.json()) == (200, {"referrers": 1, "leads": 0})
    shown = api.get(path(referrer)).json()
    assert (shown["first_name"], shown["status"], shown["referrals_count"]) == ("", "inactive", 1)
    assert shown["email"] == f"erased-{referrer.pk.hex}@erased.invalid"


def test_it_erases_a_lead_and_the_referrer_they_have_become(
    api: Api, campaign: Campaign, referrer: Referrer
) -> None:
    lead = cast.lead_of(referrer)
    cast.referrer_of(campaign, lead.email)

    answer = api.post(f"/leads/{public_id('lead', lead.pk)}/erase")

    assert answer.json() == {"referrers": 1, "leads": 1}
    assert Lead.everywhere.get().email == f"erased-{lead.pk.hex}@erased.invalid"
    assert [one.email for one in Referrer.everywhere.all()] == ["dana@example.com"]
    assert Campaign.everywhere.get().leads_count == 1


def test_it_changes_what_happens_to_people_whom_the_crm_deletes(api: Api) -> None:
    assert api.get("/workspace").json()["on_contact_deleted"] == "keep"
    assert api.patch("/workspace", {"on_contact_deleted": "erase"}).json()["on_contact_deleted"] == "erase"
    assert api.get("/workspace").json()["on_contact_deleted"] == "erase"
    refused = api.patch("/workspace", {"on_contact_deleted": "shred"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "on_contact_deleted")
