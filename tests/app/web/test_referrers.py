"""The Referrers tab's filters and selection, and a referrer's page."""

from typing import Any

import pytest
from django.test import Client

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.leads import services as leads
from passalong.referrers import services
from passalong.referrers.models import Referrer
from passalong.sync.models import ContactLink, RunRecord, Sync
from tests.app.web.test_runs import run_of
from tests.support import cast

pytestmark = pytest.mark.django_db

HTML = '<img src=x onerror="alert(1)">'


def listed(campaign: Campaign, query: str = "") -> str:
    return f"/campaigns/{public_id('campaign', campaign.pk)}/referrers{query}"


def at(referrer: Referrer, rest: str = "") -> str:
    return f"/referrers/{public_id('referrer', referrer.pk)}{rest}"


def post(page: Client, campaign: Campaign, do: str, *referrers: Referrer, **more: str) -> Any:
    keys = [public_id("referrer", one.pk) for one in referrers]
    form = {"do": do, "referrer": keys, "back": listed(campaign), **more}
    return page.post(f"{listed(campaign)}/chosen", form, follow=True)


@pytest.fixture
def dana(campaign: Campaign) -> Referrer:
    return cast.referrer_of(
        campaign, first_name="Dana", last_name="Levi", phone="+1 555", fields={"plan": "pro"}
    )


# The tab


def test_it_filters_by_status_and_source(page: Client, campaign: Campaign, dana: Referrer) -> None:
    cast.referrer_of(campaign, "hand@example.com", source="manual")
    Referrer.everywhere.filter(pk=dana.pk).update(status="inactive")

    inactive = page.get(listed(campaign, "?status=inactive")).content.decode()
    by_hand = page.get(listed(campaign, "?source=manual")).content.decode()
    both = page.get(listed(campaign, "?source=manual&status=inactive")).content.decode()
    searched = page.get(listed(campaign, "?q=dana&status=active")).content.decode()

    assert ("dana@example.com" in inactive, "hand@example.com" in inactive) == (True, False)
    assert ("dana@example.com" in by_hand, "hand@example.com" in by_hand) == (False, True)
    assert "Nobody found" in both
    assert "Nobody found" in searched


def test_it_ignores_words_it_does_not_know(page: Client, campaign: Campaign, dana: Referrer) -> None:
    text = page.get(listed(campaign, "?status=asleep&source=%00")).content.decode()

    assert "dana@example.com" in text


def test_it_deactivates_and_activates_the_ticked_ones(
    page: Client, campaign: Campaign, dana: Referrer
) -> None:
    other = cast.referrer_of(campaign, "other@example.com")

    text = post(page, campaign, "deactivate", dana).content.decode()
    assert "1 link deactivated" in text
    assert Referrer.everywhere.get(pk=dana.pk).status == "inactive"
    assert Referrer.everywhere.get(pk=other.pk).status == "active"

    assert "1 link activated" in post(page, campaign, "activate", dana, other).content.decode()
    assert Referrer.everywhere.filter(status="active").count() == 2


def test_it_asks_before_it_deletes_and_says_what_goes(
    page: Client, campaign: Campaign, dana: Referrer
) -> None:
    other = cast.referrer_of(campaign, "other@example.com")

    asked = post(page, campaign, "delete", dana, other).content.decode()
    assert "Delete 2 referrers" in asked
    assert "Their links stop working." in asked
    assert Referrer.everywhere.count() == 2

    done = post(page, campaign, "delete_now", dana).content.decode()
    assert "1 referrer deleted" in done
    assert list(Referrer.everywhere.values_list("email", flat=True)) == ["other@example.com"]
    assert Campaign.everywhere.get().referrers_count == 1


def test_it_says_so_when_nobody_is_ticked(page: Client, campaign: Campaign, dana: Referrer) -> None:
    assert "Tick the people first" in post(page, campaign, "delete_now").content.decode()


def test_it_goes_back_to_where_one_was_and_nowhere_else(
    page: Client, campaign: Campaign, dana: Referrer
) -> None:
    form = {"do": "deactivate", "referrer": public_id("referrer", dana.pk)}
    here = page.post(f"{listed(campaign)}/chosen", {**form, "back": listed(campaign, "?q=dana")})
    away = page.post(f"{listed(campaign)}/chosen", {**form, "back": "https://evil.example/"})

    assert (here["Location"], away["Location"]) == (listed(campaign, "?q=dana"), listed(campaign))


def test_it_touches_nobody_of_another_workspace(page: Client, campaign: Campaign) -> None:
    stranger = cast.referrer_of(cast.campaign_of(cast.charlie()))

    post(page, campaign, "delete_now", stranger)

    assert Referrer.everywhere.filter(pk=stranger.pk).exists()


def test_it_lets_viewers_tick_nobody(viewer: Client, campaign: Campaign, dana: Referrer) -> None:
    assert 'name="referrer"' not in viewer.get(listed(campaign)).content.decode()
    assert post(viewer, campaign, "delete_now", dana).status_code == 403
    assert Referrer.everywhere.count() == 1


# A referrer's page


def test_it_shows_everything_about_a_person(page: Client, dana: Referrer) -> None:
    text = page.get(at(dana)).content.decode()

    for said in (
        "Dana Levi",
        "dana@example.com",
        "+1 555",
        "plan",
        "pro",
        dana.referral_link,
        "Added",
        "API",
    ):
        assert said in text
    assert "No contact of a CRM is linked to this person." in text


def test_it_shows_whom_a_person_brought(page: Client, dana: Referrer) -> None:
    lead = cast.lead_of(dana, "frida@example.com")
    with in_workspace(dana.workspace_id):
        leads.qualify(lead)

    text = page.get(at(dana)).content.decode()

    assert "frida@example.com" in text
    assert "Qualified" in text


def test_it_shows_contacts_with_a_way_to_the_crm(page: Client, sync: Sync, dana: Referrer) -> None:
    ContactLink.objects.create(
        workspace=dana.workspace,
        campaign=dana.campaign,
        connection=sync.connection,
        external_id="65f0 c1",
        referrer=dana,
        role="user",
    )

    text = page.get(at(dana)).content.decode()

    assert 'href="https://app.eu.intercom.com/a/apps/acct_1/users/65f0%20c1"' in text
    assert "Acme Intercom" in text


def test_it_shows_what_runs_did(page: Client, sync: Sync, dana: Referrer) -> None:
    ContactLink.objects.create(
        workspace=dana.workspace, campaign=dana.campaign, connection=sync.connection,
        external_id="c1", referrer=dana, role="user",
    )  # fmt: skip
    for outcome in ("created", "unchanged", "left"):
        RunRecord.objects.create(
            run=run_of(sync, status="succeeded"), external_id="c1", mark=1, role="user",
            outcome=outcome, referrer=dana, message="Somebody said so." if outcome == "left" else "",
        )  # fmt: skip

    history = page.get(at(dana)).content.decode().partition(">History<")[2]

    assert history.index(">Left<") < history.index(">Created<")
    assert "Somebody said so." in history
    assert "Unchanged" not in history


def test_it_shows_who_changed_what(page: Client, dana: Referrer) -> None:
    page.post(at(dana, "/status"), {"do": "deactivate"})

    text = page.get(at(dana)).content.decode()

    assert "<del>Active</del>" in text
    assert "<ins>Inactive</ins>" in text
    assert "alice@example.com" in text


def test_it_edits_a_person(page: Client, dana: Referrer) -> None:
    form = {"email": "d@example.com", "first_name": "D", "last_name": "", "phone": "", "field-0": "free"}

    answer = page.post(at(dana, "/edit"), form)

    dana.refresh_from_db()
    assert answer["Location"] == at(dana)
    assert (dana.email, dana.first_name, dana.last_name, dana.phone) == ("d@example.com", "D", "", "")
    assert dana.fields == {"plan": "free"}


def test_it_takes_an_emptied_field_away(page: Client, dana: Referrer) -> None:
    page.post(at(dana, "/edit"), {"email": "dana@example.com", "field-0": ""})

    dana.refresh_from_db()
    assert dana.fields == {}


def test_it_says_at_the_field_that_an_email_is_taken_and_keeps_what_was_typed(
    page: Client, campaign: Campaign, dana: Referrer
) -> None:
    cast.referrer_of(campaign, "taken@example.com")

    answer = page.post(at(dana, "/edit"), {"email": "taken@example.com", "first_name": "Typed"})

    text = answer.content.decode()
    assert answer.status_code == 409
    assert text.count("already has the address taken@example.com") == 2
    assert 'value="Typed"' in text


def test_it_says_what_is_wrong_with_an_email(page: Client, dana: Referrer) -> None:
    answer = page.post(at(dana, "/edit"), {"email": "dana"})

    assert answer.status_code == 422
    assert "This is not an email address we can use." in answer.content.decode()


def test_it_shows_names_as_text(page: Client, campaign: Campaign) -> None:
    odd = cast.referrer_of(campaign, "odd@example.com", first_name=HTML, fields={"x": HTML})
    with in_workspace(campaign.workspace_id):
        services.change_referrer(odd, who=HTML, last_name=HTML)

    for address in (at(odd), at(odd, "/edit"), listed(campaign)):
        text = page.get(address).content.decode()
        assert HTML not in text
        assert "&lt;img" in text


@pytest.mark.parametrize("rest", ["", "/edit"])
def test_it_hides_people_of_others(stranger: Client, dana: Referrer, rest: str) -> None:
    assert stranger.get(at(dana, rest)).status_code == 404
    assert stranger.post(at(dana, "/status"), {"do": "deactivate"}).status_code == 404


def test_it_lets_viewers_look_only(viewer: Client, dana: Referrer) -> None:
    text = viewer.get(at(dana)).content.decode()

    assert "Deactivate" not in text
    assert "Delete" not in text
    assert viewer.get(at(dana, "/edit")).status_code == 403
    assert viewer.post(at(dana, "/status"), {"do": "deactivate"}).status_code == 403
