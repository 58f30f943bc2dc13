"""The CRM tab of a campaign's settings: what happens there when people join, and what became of them."""

import pytest
from django.test import Client

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.leads.services import add_lead
from passalong.sync.models import Connection, ConnectionStatus
from passalong.sync.newcomers.models import Newcomer, NewcomerState, PeopleRule
from tests.support import cast

pytestmark = pytest.mark.django_db

EMAIL_ROW = {"to-0": "email", "from-0": "email"}


@pytest.fixture
def path(campaign: Campaign, offline: Connection) -> str:
    crm = public_id("connection", offline.pk)
    return f"/campaigns/{public_id('campaign', campaign.pk)}/settings/crm/{crm}"


def failed(campaign: Campaign, connection: Connection) -> Newcomer:
    """Frida, who could not be sent."""
    dana = cast.referrer_of(campaign)
    with in_workspace(campaign.workspace_id):
        lead = add_lead(campaign, dana.code, "frida@example.com")[0]
    problem = {"code": "field_missing", "message": "The field is gone.", "next_step": "Make it again."}
    return Newcomer.everywhere.create(
        workspace_id=campaign.workspace_id,
        campaign=campaign,
        connection=connection,
        kind="lead",
        lead=lead,
        referrer=dana,
        email=lead.email,
        state=NewcomerState.FAILED,
        problem=problem,
        due_at=lead.created_at,
    )


def test_it_leads_to_the_only_connection(page: Client, campaign: Campaign, path: str) -> None:
    answer = page.get(f"/campaigns/{public_id('campaign', campaign.pk)}/settings/crm")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{path}/leads")


def test_it_offers_to_connect_when_there_is_nothing(page: Client, campaign: Campaign) -> None:
    shown = page.get(f"/campaigns/{public_id('campaign', campaign.pk)}/settings/crm").content.decode()
    assert "Nothing is connected yet" in shown


def test_it_asks_which_when_there_are_several(
    page: Client, alice: cast.Person, campaign: Campaign, path: str
) -> None:
    cast.connection_of(alice, "acct_2")
    shown = page.get(f"/campaigns/{public_id('campaign', campaign.pk)}/settings/crm").content.decode()
    assert f"{path}/leads" in shown


def test_it_suggests_where_the_email_goes(page: Client, path: str) -> None:
    shown = page.get(f"{path}/leads").content.decode()
    assert ('<option value="email" selected>Email</option>' in shown, "Suggested" in shown) == (True, True)


def test_it_keeps_what_was_chosen(page: Client, campaign: Campaign, path: str) -> None:
    body = {
        "create": "lead",
        **EMAIL_ROW,
        "to-1": "custom_attributes.Link",
        "from-1": "fixed",
        "value-1": "https://x.example",
        "on_match": "update",
        "tag": "Friends",
        "do": "save",
    }
    answer = page.post(f"{path}/leads", body)
    assert (answer.status_code, PeopleRule.everywhere.get().leads) == (
        302,
        {
            "create": "lead",
            "on_match": "update",
            "fields": [
                {"to": "email", "from": "email", "value": None},
                {"to": "custom_attributes.Link", "from": "", "value": "https://x.example"},
            ],
            "tag": "Friends",
        },
    )


def test_it_keeps_events_with_the_referrers(page: Client, path: str) -> None:
    page.post(f"{path}/referrers", {"create": "nothing", "events": ["invited-friend"], "do": "save"})
    page.post(f"{path}/leads", {"create": "nothing", "do": "save"})
    assert PeopleRule.everywhere.get().events == ["invited-friend"]


def test_it_adds_and_removes_rows_without_saving(page: Client, path: str) -> None:
    added = page.post(f"{path}/leads", {"create": "user", **EMAIL_ROW, "do": "add"}).content.decode()
    removed = page.post(f"{path}/leads", {"create": "user", **EMAIL_ROW, "do": "remove:0"}).content.decode()
    assert ('id="row-1"' in added, 'id="row-0"' in removed, PeopleRule.everywhere.count()) == (
        True,
        False,
        0,
    )
    assert 'value="user" checked' in removed


def test_it_says_that_setup_is_required(page: Client, path: str) -> None:
    page.post(f"{path}/leads", {"create": "lead", "do": "save"})
    assert "Setup required" in page.get(f"{path}/leads").content.decode()
    page.post(f"{path}/leads", {"create": "lead", **EMAIL_ROW, "do": "save"})
    assert "Setup required" not in page.get(f"{path}/leads").content.decode()


def test_it_says_what_is_wrong_at_the_row(page: Client, path: str) -> None:
    body = {"create": "lead", **EMAIL_ROW, "to-1": "custom_attributes.Link", "from-1": "", "do": "save"}
    answer = page.post(f"{path}/leads", body)
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="errors-1"' in shown
    assert PeopleRule.everywhere.count() == 0


def test_it_offers_the_questions_of_the_join_page(page: Client, campaign: Campaign, path: str) -> None:
    campaign.join_page = {"questions": [{"label": "Shoe size", "required": False}]}
    campaign.save()
    assert '<option value="fields.Shoe size">Shoe size</option>' in page.get(f"{path}/leads").content.decode()


def test_it_shows_what_failed_and_tries_again(
    page: Client, campaign: Campaign, offline: Connection, path: str
) -> None:
    row = failed(campaign, offline)
    shown = page.get(f"{path}/leads").content.decode()
    said = [
        word in shown for word in ("frida@example.com", "The field is gone. Make it again.", "field_missing")
    ]
    answer = page.post(f"{path}/leads/retry", {"newcomer": public_id("newcomer", row.pk)})
    row.refresh_from_db()
    assert (said, answer.status_code, row.state) == ([True, True, True], 302, "waiting")


def test_it_shows_what_keeps_people_waiting(page: Client, offline: Connection, path: str) -> None:
    Connection.everywhere.filter(pk=offline.pk).update(status=ConnectionStatus.NEEDS_ATTENTION)
    assert "The connection does not work at the moment." in page.get(f"{path}/leads").content.decode()


def test_it_shows_hostile_words_as_words(page: Client, campaign: Campaign, path: str) -> None:
    bite = "<script>alert(1)</script>"
    campaign.join_page = {"questions": [{"label": bite, "required": False}]}
    campaign.save()
    shown = page.post(f"{path}/leads", {"tag": bite, "to-0": bite, "from-0": bite, "do": "add"})
    assert bite not in shown.content.decode()


@pytest.mark.parametrize("rest", ["/leads", "/referrers"])
def test_it_is_for_members_and_changed_by_writers(
    stranger: Client, viewer: Client, path: str, rest: str
) -> None:
    assert [stranger.get(path + rest).status_code, viewer.get(path + rest).status_code] == [404, 200]
    for where in (rest, f"{rest}/retry", "/qualifying"):
        assert [stranger.post(path + where).status_code, viewer.post(path + where).status_code] == [404, 403]


def test_it_knows_no_other_sections(page: Client, path: str) -> None:
    assert page.get(f"{path}/nonsense").status_code == 404


def test_it_says_that_fields_are_being_read(page: Client, offline: Connection, path: str) -> None:
    Connection.everywhere.filter(pk=offline.pk).update(fields_cache=[], looked_up_at=None)
    shown = page.get(f"{path}/leads").content.decode()
    assert ("Reading the fields of Intercom" in shown, "Create a lead" in shown) == (True, False)


def test_it_keeps_when_leads_qualify(page: Client, path: str) -> None:
    body = {"field": "custom_attributes.Link", "values": "paying\r\n\r\nloyal ", "initial": "invited"}
    answer = page.post(f"{path}/qualifying", {**body, "unqualifies": "on"})
    assert (answer.status_code, PeopleRule.everywhere.get().qualify) == (
        302,
        {
            "field": "custom_attributes.Link",
            "initial": "invited",
            "values": ["paying", "loyal"],
            "unqualifies": True,
        },
    )
    shown = page.get(f"{path}/qualifying").content.decode()
    assert ("paying\nloyal</textarea>" in shown, 'name="unqualifies" checked' in shown) == (True, True)


def test_it_says_what_is_wrong_with_that(page: Client, path: str) -> None:
    body = {"field": "custom_attributes.Link", "values": "", "initial": "x"}
    answer = page.post(f"{path}/qualifying", body)
    assert answer.status_code == 422
    assert 'id="qualify.values-error"' in answer.content.decode()


def test_it_shows_what_kept_the_last_look(page: Client, path: str) -> None:
    page.post(f"{path}/qualifying", {"field": "custom_attributes.Link", "values": "x"})
    problem = {"code": "field_missing", "message": "The field is gone.", "next_step": "Make it again."}
    PeopleRule.everywhere.update(problem=problem)
    assert "The field is gone." in page.get(f"{path}/qualifying").content.decode()
