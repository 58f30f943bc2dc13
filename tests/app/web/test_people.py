"""Merge and erase: named, explained, confirmed."""

import pytest
from django.test import Client

from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.leads.models import Lead
from passalong.referrers.models import Referrer
from passalong.sync.models import Connection
from tests.support import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(campaign: Campaign) -> Referrer:
    return cast.referrer_of(campaign, "ann@example.com", first_name="Ann")


@pytest.fixture
def bea(campaign: Campaign, ann: Referrer) -> Referrer:
    return cast.referrer_of(campaign, "bea@example.com", first_name="Bea")


def at(referrer: Referrer, rest: str = "") -> str:
    return f"/referrers/{public_id('referrer', referrer.pk)}{rest}"


def text(answer: object) -> str:
    return " ".join(answer.content.decode().split())  # type: ignore[attr-defined]


def test_it_says_what_a_merge_does_and_asks_before_it_does_it(
    page: Client, ann: Referrer, bea: Referrer
) -> None:
    cast.lead_of(bea)
    asked = text(page.post(at(bea, "/merge"), {"into": "ANN@example.com"}))
    assert '<dt>Stays, as it was here first</dt><dd dir="auto"><strong>ann@example.com</strong>' in asked
    assert f"the code {bea.code} leads to the one who stays" in asked
    assert Referrer.everywhere.count() == 2

    done = page.post(at(bea, "/merge"), {"into": ann.code, "do": "merge"}, follow=True)

    assert done.redirect_chain == [(at(ann), 302)]
    assert "Merged: ann@example.com is one referrer now" in text(done)
    assert "Another referrer was merged into this one" in text(done)
    assert Referrer.everywhere.get().referrals_count == 1


def test_it_says_at_the_field_who_cannot_be_merged(page: Client, ann: Referrer) -> None:
    answer = page.post(at(ann, "/merge"), {"into": "nobody@example.com"})

    assert answer.status_code == 422
    assert "No referrer of this campaign has this code, link, email or id." in text(answer)
    assert 'value="nobody@example.com"' in text(answer)


def test_it_says_what_erasing_does_and_asks_before_it_does_it(page: Client, ann: Referrer) -> None:
    cast.lead_of(ann)
    asked = text(page.get(at(ann, "/erase")))
    assert "Erase ann@example.com?" in asked
    assert "In this workspace this address is 1 referrer." in asked
    assert "makes them a referrer again" in asked

    done = page.post(at(ann, "/erase"), follow=True)

    assert "Erased. Nothing personal of them is left." in text(done)
    assert "ann@example.com" not in text(done)
    assert "Erased person" in text(page.get(f"/campaigns/{public_id('campaign', ann.campaign_id)}/leads"))


def test_it_erases_the_leads_that_were_ticked(page: Client, ann: Referrer) -> None:
    lead = cast.lead_of(ann)
    chosen = f"/campaigns/{public_id('campaign', ann.campaign_id)}/leads/chosen"
    body = {"lead": public_id("lead", lead.pk)}
    assert "Erase 1 person?" in text(page.post(chosen, {**body, "do": "erase"}))
    assert Lead.everywhere.get().email == "frida@example.com"

    done = page.post(chosen, {**body, "do": "erase_now"}, follow=True)

    assert "1 person erased" in text(done)
    assert Lead.everywhere.get().email.endswith("@erased.invalid")


def test_it_keeps_a_choice_for_people_whom_the_crm_deletes(page: Client, offline: Connection) -> None:
    before = text(page.get("/connections"))
    after = text(page.post("/connections/deleted-contacts", {"on_contact_deleted": "erase"}, follow=True))

    assert 'value="keep" checked' in before
    assert 'value="erase" checked' in after


def test_it_lets_a_viewer_do_none_of_it(viewer: Client, ann: Referrer, bea: Referrer) -> None:
    for rest in ("/merge", "/erase"):
        assert (viewer.get(at(ann, rest)).status_code, viewer.post(at(ann, rest)).status_code) == (403, 403)
    assert viewer.post("/connections/deleted-contacts", {"on_contact_deleted": "erase"}).status_code == 403
    assert "Merge with another referrer" not in text(viewer.get(at(ann)))


def test_it_shows_nothing_to_a_stranger(stranger: Client, ann: Referrer) -> None:
    assert [stranger.get(at(ann, rest)).status_code for rest in ("/merge", "/erase")] == [404, 404]
