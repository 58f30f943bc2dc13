"""Leads over REST."""

from passalong.core.ids import public_id
from passalong.leads.models import Lead
from passalong.referrers.models import Referrer
from tests.support import cast
from tests.support.cast import Api


def test_it_adds_a_lead_once(api: Api, campaign_id: str, referrer: Referrer) -> None:
    body = {"email": "Frida@example.com", "first_name": "Frida", "referrer": referrer.code}

    first = api.post(f"/campaigns/{campaign_id}/leads", body)
    second = api.post(f"/campaigns/{campaign_id}/leads", body)

    lead = Lead.everywhere.get()
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json() == {
        "id": public_id("lead", lead.pk),
        "campaign_id": campaign_id,
        "referrer_id": public_id("referrer", referrer.pk),
        "email": "frida@example.com",
        "first_name": "Frida",
        "status": "pending",
        "source": "api",
        "fields": {},
        "consented_at": None,
        "created_at": f"{lead.created_at:%Y-%m-%dT%H:%M:%S}.{lead.created_at.microsecond // 1000:03d}Z",
        "qualified_at": None,
    }  # fmt: skip
    shown = api.get(f"/referrers/{public_id('referrer', referrer.pk)}").json()
    assert (shown["referrals_count"], shown["converted_referrals_count"]) == (1, 0)
    assert api.get(f"/campaigns/{campaign_id}").json()["leads_count"] == 1


def test_it_says_what_is_wrong(api: Api, campaign_id: str, referrer: Referrer) -> None:
    def refused(**body: str) -> tuple[int, str]:
        answer = api.post(f"/campaigns/{campaign_id}/leads", body)
        return answer.status_code, answer.json()["code"]

    assert refused(email="x", referrer=referrer.code) == (422, "invalid_input")
    assert refused(email="a@example.com", referrer="nobody") == (422, "referrer_not_found")
    assert refused(email=referrer.email, referrer=referrer.code) == (422, "self_referral")
    assert refused(email="a@example.com") == (422, "invalid_input")
    assert refused(email="a@example.com", referrer=referrer.code, phone="1") == (422, "invalid_input")


def test_it_qualifies_and_takes_it_back(api: Api, campaign_id: str, referrer: Referrer) -> None:
    lead_id = public_id("lead", cast.lead_of(referrer).pk)

    qualified = api.post(f"/leads/{lead_id}/qualify").json()
    again = api.post(f"/leads/{lead_id}/qualify").json()
    back = api.post(f"/leads/{lead_id}/unqualify").json()

    assert (qualified["status"], qualified == again) == ("qualified", True)
    assert (back["status"], back["qualified_at"]) == ("pending", None)
    assert api.get(f"/leads/{lead_id}").json() == back


def test_it_lists_and_narrows(api: Api, campaign_id: str, referrer: Referrer) -> None:
    other = cast.referrer_of(referrer.campaign, "other@example.com")
    one, two = cast.lead_of(referrer, "ada@example.com"), cast.lead_of(other, "bob@example.com")
    api.post(f"/leads/{public_id('lead', two.pk)}/qualify")

    def found(**query: str) -> list[str]:
        rows = api.get(f"/campaigns/{campaign_id}/leads", **query).json()["data"]
        return [row["email"] for row in rows]

    assert found() == ["bob@example.com", "ada@example.com"]
    assert found(q="ADA") == ["ada@example.com"]
    assert found(status="qualified") == ["bob@example.com"]
    assert found(referrer_id=public_id("referrer", one.referrer_id)) == ["ada@example.com"]
    first = api.get(f"/campaigns/{campaign_id}/leads", limit=1).json()
    second = api.get(f"/campaigns/{campaign_id}/leads", limit=1, cursor=first["next_cursor"]).json()
    assert [row["email"] for row in (*first["data"], *second["data"])] == found()


def test_it_deletes(api: Api, campaign_id: str, referrer: Referrer) -> None:
    lead_id = public_id("lead", cast.lead_of(referrer).pk)

    assert api.delete(f"/leads/{lead_id}").status_code == 204
    assert api.get(f"/leads/{lead_id}").status_code == 404
    assert api.get(f"/campaigns/{campaign_id}").json()["leads_count"] == 0
