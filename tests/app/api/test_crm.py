"""What a campaign does in a CRM when people join, over REST."""

from typing import Any

import pytest

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.leads.services import add_lead
from passalong.referrers.models import Referrer
from passalong.sync.models import Connection
from passalong.sync.newcomers.models import Newcomer, NewcomerState
from tests.support.cast import Api

pytestmark = pytest.mark.django_db

EMAIL = {"to": "email", "from": "email"}
NOTHING = {"create": "nothing", "on_match": "leave", "fields": [], "tag": "", "setup_required": False}


@pytest.fixture
def path(campaign_id: str, connection_id: str) -> str:
    return f"/campaigns/{campaign_id}/crm/{connection_id}"


def joined(campaign: Campaign, referrer: Referrer, email: str = "frida@example.com") -> Newcomer:
    with in_workspace(campaign.workspace_id):
        lead = add_lead(campaign, referrer.code, email)[0]
    return Newcomer.everywhere.get(lead=lead)


def test_it_does_nothing_until_somebody_says_so(
    api: Api, path: str, campaign_id: str, connection_id: str
) -> None:
    assert api.get(path).json() == {
        "campaign_id": campaign_id,
        "connection_id": connection_id,
        "leads": NOTHING,
        "referrers": NOTHING,
        "events": [],
        "qualify": {"field": "", "initial": None, "values": [], "unqualifies": False},
        "problem": None,
    }


def test_it_keeps_what_is_wanted_and_leaves_the_rest(api: Api, path: str) -> None:
    rows = [EMAIL, {"to": "custom_attributes.Link", "value": "x"}]
    body = {"leads": {"create": "lead", "on_match": "update", "fields": rows, "tag": " Friends "}}
    assert api.put(path, body).status_code == 200
    api.put(path, {"events": ["invited-friend"]})
    said = api.get(path).json()
    kept = [{**EMAIL, "value": None}, {"to": "custom_attributes.Link", "from": "", "value": "x"}]
    assert (said["leads"], said["referrers"], said["events"]) == (
        {
            "create": "lead",
            "on_match": "update",
            "fields": kept,
            "tag": "Friends",
            "setup_required": False,
        },
        NOTHING,
        ["invited-friend"],
    )


def test_it_says_that_the_email_has_no_place_yet(api: Api, path: str) -> None:
    said = api.put(path, {"referrers": {"create": "user"}}).json()
    assert said["referrers"]["setup_required"] is True


@pytest.mark.parametrize(
    ("leads", "field", "message"),
    [
        ({"create": "company"}, "leads.create", "Say nothing, lead or user."),
        ({"on_match": "x"}, "leads.on_match", "Say leave or update."),
        ({"fields": [{"to": "plan", "from": "email"}]}, "leads.fields[0].to", "has no field 'plan'"),
        (
            {"fields": [{"to": "custom_attributes.Link", "from": "phone"}]},
            "leads.fields[0].from",
            "is not one of",
        ),
        ({"fields": [{"to": "email", "from": "first_name"}]}, "leads.fields[0].from", "own email"),
        ({"fields": [{"to": "email", "value": "a@example.com"}]}, "leads.fields[0].value", "own email"),
        ({"fields": [EMAIL, EMAIL]}, "leads.fields[1].to", "filled twice"),
        ({"fields": [{"to": "custom_attributes.Link"}]}, "leads.fields[0].value", "Choose where"),
        ({"tag": "a\nb"}, "leads.tag", "on one line"),
    ],
)
def test_it_names_what_is_wrong(api: Api, path: str, leads: dict[str, Any], field: str, message: str) -> None:
    answer = api.put(path, {"leads": leads})
    said = answer.json()
    assert (answer.status_code, said["code"], said["errors"][0]["field"]) == (422, "invalid_input", field)
    assert message in said["errors"][0]["message"]


def test_it_refuses_an_event_nobody_knows(api: Api, path: str) -> None:
    answer = api.put(path, {"events": ["paid"]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "events")


def test_it_lists_who_is_on_the_way(
    api: Api, path: str, campaign: Campaign, referrer: Referrer, connection: Connection
) -> None:
    api.put(path, {"leads": {"create": "lead", "fields": [EMAIL]}})
    row = joined(campaign, referrer)
    [said] = api.get(f"{path}/people", state="waiting", kind="lead").json()["data"]
    assert {key: said[key] for key in ("id", "kind", "email", "state", "contact_id", "problem")} == {
        "id": public_id("newcomer", row.pk),
        "kind": "lead",
        "email": "frida@example.com",
        "state": "waiting",
        "contact_id": None,
        "problem": None,
    }
    assert api.get(f"{path}/people", state="failed").json()["data"] == []


def test_it_tries_again_who_failed(api: Api, path: str, campaign: Campaign, referrer: Referrer) -> None:
    api.put(path, {"leads": {"create": "lead", "fields": [EMAIL]}})
    problem = {"code": "field_missing", "message": "Gone.", "next_step": "Make it again."}
    rows = [joined(campaign, referrer, f"f{number}@example.com") for number in range(3)]
    Newcomer.everywhere.update(state=NewcomerState.FAILED, problem=problem)
    listed = api.get(f"{path}/people").json()["data"][0]["problem"]
    one = api.post(f"{path}/people/retry", {"ids": [public_id("newcomer", rows[0].pk)]})
    all_of_them = api.post(f"{path}/people/retry", {})
    assert (listed, one.json(), all_of_them.status_code, all_of_them.json()) == (
        problem,
        {"retried": 1},
        202,
        {"retried": 2},
    )


def test_it_refuses_ids_that_are_none(api: Api, path: str) -> None:
    answer = api.post(f"{path}/people/retry", {"ids": ["lead_x"]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "ids")


def test_it_is_another_workspaces_business(charlies_api: Api, path: str) -> None:
    assert charlies_api.put(path, {"leads": {"create": "lead", "fields": [EMAIL]}}).status_code == 404


QUALIFY = {"field": "custom_attributes.Link", "initial": "invited", "values": ["paying"], "unqualifies": True}


def test_it_keeps_when_leads_qualify(api: Api, path: str) -> None:
    assert api.put(path, {"qualify": QUALIFY}).status_code == 200
    assert api.get(path).json()["qualify"] == QUALIFY
    api.put(path, {"qualify": {"field": ""}})
    assert api.get(path).json()["qualify"]["values"] == []


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"field": "plan"}, "qualify.field", "has no field 'plan'"),
        ({"values": []}, "qualify.values", "Give 1 to 20 values"),
        ({"values": [""]}, "qualify.values[0]", "give one"),
        ({"initial": "Paying"}, "qualify.initial", "everybody would qualify at once"),
        ({"field": "name"}, "qualify.initial", "does not let programs write Name"),
    ],
)
def test_it_names_what_is_wrong_with_that(
    api: Api, path: str, change: dict[str, Any], field: str, message: str
) -> None:
    answer = api.put(path, {"qualify": {**QUALIFY, **change}})
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["field"]) == (422, field)
    assert message in error["message"]
