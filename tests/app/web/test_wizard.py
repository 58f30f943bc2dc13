"""The Sync wizard, step by step, against a real look-alike, as a browser without scripts."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from passalong.core.ids import public_id
from passalong.sync.connections import look_up
from passalong.sync.models import Connection, Run, RunKind, Sync, SyncDraft
from passalong.sync.setup import samples
from tests.app.web.conftest import browser
from tests.app.web.wizard import MAP_IN, Wizard
from tests.support.sandbox import TOKEN, Sandbox

pytestmark = pytest.mark.django_db


def stale(connection: Connection, minutes: int) -> None:
    """As if the CRM had been read this long ago."""
    then = now() - timedelta(minutes=minutes)
    Connection.everywhere.filter(pk=connection.pk).update(looked_up_at=then, wanted_at=None)


@pytest.fixture
def wizard(page: Client, campaign: Campaign) -> Wizard:
    return Wizard(page, campaign.pk)


def test_it_goes_all_the_way_and_starts_one_run(
    wizard: Wizard, connected: Connection, sandbox: Sandbox
) -> None:
    active = sandbox.control.segment_id("Active")
    wizard.source(connected)
    wizard.send("contacts", kind="segments", segment=[active])
    wizard.send("map-in", **MAP_IN)
    wizard.send("map-back", do="create:referral_link", on="yes", **{"label-referral_link": "My link"})
    wizard.send("map-back", on="yes", **{"to-referral_link": "custom_attributes.My link"})
    wizard.send("type", type="one_time")
    review = wizard.see("review").content.decode()
    assert "My link" in review
    answer = wizard.start()

    sync, run = Sync.everywhere.get(), Run.everywhere.get()
    assert answer["Location"] == f"/runs/{public_id('run', run.pk)}"
    assert sync.audience == {"kind": "segments", "segment_ids": [active], "exclude_segment_ids": []}
    assert sync.outbound == [{"from": "referral_link", "to": "custom_attributes.My link"}]
    assert [row["to"] for row in sync.inbound] == ["first_name", "email"]
    assert (run.kind, run.started_by) == ("run", "alice@example.com")
    assert not SyncDraft.everywhere.exists()


def test_it_starts_one_run_for_a_double_click(wizard: Wizard, connected: Connection) -> None:
    wizard.up_to_review(connected)
    sync_id = wizard.draft.answers["sync_id"]
    first = wizard.start(sync_id=sync_id)
    second = wizard.client.post(wizard.address("start"), {"version": "6", "sync_id": sync_id})
    assert second["Location"] == first["Location"]
    assert Run.everywhere.count() == 1


@pytest.mark.parametrize("step", ["contacts", "map-in", "map-back", "type", "review", "preview"])
def test_it_does_not_open_a_locked_step(wizard: Wizard, step: str) -> None:
    assert wizard.see(step)["Location"] == wizard.address("source")


def test_it_does_not_start_before_every_step_is_answered(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    assert wizard.start()["Location"] == wizard.address("contacts")
    assert not Sync.everywhere.exists()


def test_it_continues_where_it_was_left(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    answer = wizard.client.get(f"/setup/{wizard.draft_id}")
    assert answer["Location"] == wizard.address("map-in")


def test_it_connects_in_the_first_step(wizard: Wizard, sandbox: Sandbox) -> None:
    answer = wizard.send("source", do="connect", access_token=TOKEN, region="us")
    assert answer.status_code == 302
    assert wizard.draft.answers["source"] == {"connection_id": str(Connection.everywhere.get().pk)}


def test_it_says_what_a_refused_token_could_not_do(wizard: Wizard, sandbox: Sandbox) -> None:
    answer = wizard.send("source", do="connect", access_token="wrong", region="us")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Intercom is not connected, and nothing was kept" in text
    assert "Access token is valid" in text
    assert "connection_rejected" in text
    assert "wrong" not in text
    assert not Connection.everywhere.exists()


@pytest.mark.parametrize("chosen", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_it_needs_an_account(wizard: Wizard, chosen: str) -> None:
    answer = wizard.send("source", connection_id=chosen)
    assert answer.status_code == 422
    assert "Choose the account the people come from, or connect one." in answer.content.decode()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "Choose which contacts become referrers."),
        ({"kind": "everybody"}, "Choose leads, users, all or segments."),
        ({"kind": "segments"}, "Choose at least one segment."),
        ({"kind": "segments", "segment": ["gone"]}, "A segment you chose is no longer in Intercom."),
    ],
)
def test_it_needs_an_audience(
    wizard: Wizard, connected: Connection, typed: dict[str, Any], said: str
) -> None:
    wizard.source(connected)
    answer = wizard.send("contacts", **typed)
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_it_names_a_segment_that_is_chosen_and_excluded(
    wizard: Wizard, connected: Connection, sandbox: Sandbox
) -> None:
    active = sandbox.control.segment_id("Active")
    wizard.source(connected)
    answer = wizard.send("contacts", kind="segments", segment=[active], exclude=[active])
    assert "“Active” is both chosen and excluded." in answer.content.decode()


def test_it_has_exactly_the_four_choices(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    text = wizard.see("contacts").content.decode()
    for label in ("Only leads", "Only users", "All contacts", "A specific segment"):
        assert f">{label}</label>" in text


def test_it_shows_segment_names_as_text(wizard: Wizard, connected: Connection, sandbox: Sandbox) -> None:
    name = "<img src=x onerror=alert(1)>" + "long " * 20
    made = sandbox.control.add_segment(name, [])
    look_up(connected.pk)
    wizard.source(connected)
    text = wizard.see("contacts").content.decode()
    sandbox.control.delete_segment(made)
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "<img src=x" not in text


def test_it_says_how_many_leads_and_users_there_are(wizard: Wizard, connected: Connection) -> None:
    Connection.everywhere.update(sizes_cache={"lead": 1204, "user": 7})
    wizard.source(connected)

    text = wizard.see("contacts").content.decode()

    assert 'id="kind-leads-number">1,204<' in text
    assert 'id="kind-users-number">7<' in text
    assert 'id="kind-all-number">1,211<' in text
    assert 'id="kind-segments-number"' not in text


def test_it_reads_how_many_there_are(connected: Connection, sandbox: Sandbox) -> None:
    look_up(connected.pk)
    here = [one for one in sandbox.control.dump() if one["sandbox"]["status"] == "active"]
    connected.refresh_from_db()
    assert connected.sizes_cache == Counter(one["role"] for one in here)


def test_it_updates_the_counts_by_themselves(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    stale(connected, minutes=2)
    assert 'id="looking"' in wizard.see("contacts").content.decode()
    assert "Asking Intercom again" in wizard.see("contacts/lookup").content.decode()

    look_up(connected.pk)

    answer = wizard.see("contacts/lookup")
    assert answer.content.decode() == '<div id="looking" hidden></div>'
    assert answer.headers["HX-Trigger"] == '{"looked-up": {"target": "#step-form"}}'


def test_it_names_the_checks_of_an_account_and_the_fix_for_each_that_failed(
    wizard: Wizard, connected: Connection
) -> None:
    healthy = wizard.see("source").content.decode()
    fix = "Turn on “Write users and companies” in the Developer Hub."
    checks = [*connected.checks[:-1], {"name": "Can write", "ok": False, "detail": fix, "required": False}]
    Connection.everywhere.update(checks=checks)
    lacking = wizard.see("source").content.decode()
    address = f"/connections/{public_id('connection', connected.pk)}"

    assert "All checks passed" in healthy
    assert "Can read segments" in healthy
    assert '<details class="connect" open>' not in healthy
    assert "1 check failed" in lacking
    assert fix in lacking
    assert f'<a href="{address}">Check again, or give it another token</a>' in lacking


@pytest.mark.parametrize(
    ("status", "said", "label"),
    [
        ("needs_attention", "Intercom no longer takes the access token", "Give it a new token"),
        ("disconnected", "This connection is switched off", "Connect it again"),
    ],
)
def test_it_says_how_an_account_can_be_used_again(
    wizard: Wizard, connected: Connection, status: str, said: str, label: str
) -> None:
    Connection.everywhere.update(status=status)

    text = wizard.see("source").content.decode()

    assert said in text
    assert f">{label}</a>" in text


def test_it_suggests_a_map_and_shows_what_comes_out(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    samples.find(wizard.draft.pk)
    text = wizard.see("map-in").content.decode()
    assert text.count("Suggested") == 4
    assert '<option value="first_word" selected>First word</option>' in text
    assert "becomes" in text


def test_it_keeps_the_rows_and_names_the_wrong_one(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    typed = {
        **MAP_IN,
        "rows": "3",
        "from-2": "",
        "to-2": "custom",
        "custom-2": "Plan Name!",
        "default-2": "free",
    }
    answer = wizard.send("map-in", **typed)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert 'class="map map-bad" id="row-2"' in text
    assert 'value="plan_name"' in text
    assert 'value="free"' in text
    assert 'href="#row-2"' in text


def test_it_requires_first_name_and_email(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    text = wizard.send("map-in", rows="0").content.decode()
    assert "First name is required: choose the Intercom field it comes from." in text
    assert "Email is required: choose the Intercom field it comes from." in text


def test_it_adds_and_removes_rows_but_not_required_ones(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    wizard.send("map-in", do="add", **MAP_IN)
    assert [row["to"] for row in wizard.draft.answers["map-in"]["rows"]] == [
        "first_name",
        "email",
        "last_name",
    ]
    three = {**MAP_IN, "rows": "3", "to-2": "last_name"}
    wizard.send("map-in", do="remove:0", **three)
    wizard.send("map-in", do="remove:2", **three)
    assert [row["to"] for row in wizard.draft.answers["map-in"]["rows"]] == ["first_name", "email"]


def test_it_looks_without_saving(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    before = wizard.draft.version
    answer = wizard.send("map-in", do="look", **{**MAP_IN, "format-0": "whole"})
    assert answer.status_code == 200
    assert '<option value="whole" selected>' in answer.content.decode()
    assert wizard.draft.version == before


def test_it_explains_a_clash_at_the_row_as_soon_as_it_is_chosen(
    wizard: Wizard, connected: Connection
) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")

    answer = wizard.send("map-in", do="look", **{**MAP_IN, "from-0": "", "from-1": "last_seen_at"})

    text = answer.content.decode()
    assert answer.status_code == 200
    assert "holds a date, which cannot be an email address." in text
    assert 'class="map map-bad" id="row-1"' in text
    assert 'class="map map-bad" id="row-0"' not in text


def test_it_keeps_what_was_typed_when_going_back(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    answer = wizard.send("map-in", do="back", **{**MAP_IN, "from-0": "", "default-0": "friend"})
    assert answer["Location"] == wizard.address("contacts")
    assert 'value="friend"' in wizard.see("map-in").content.decode()
    assert wizard.see("map-back")["Location"] == wizard.address("map-in")


def test_it_writes_nothing_back_until_told(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    wizard.send("map-in", **MAP_IN)
    text = wizard.see("map-back").content.decode()
    assert 'name="on" value="no" checked' in text
    assert text.count("Do not send") == 6


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "Choose a field for at least one of them, or write nothing back."),
        ({"to-referral_link": "custom_attributes.Nope"}, "Intercom has no contact field"),
        ({"to-referral_link": "email"}, "Intercom does not let programs write Email."),
    ],
)
def test_it_refuses_a_bad_map_back(
    wizard: Wizard, connected: Connection, typed: dict[str, str], said: str
) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    wizard.send("map-in", **MAP_IN)
    answer = wizard.send("map-back", on="yes", **typed)
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_it_needs_a_type(wizard: Wizard, connected: Connection) -> None:
    wizard.up_to_review(connected)
    answer = wizard.send("type", type="sometimes")
    assert answer.status_code == 422
    assert "Choose how often the sync runs." in answer.content.decode()


def test_it_tells_two_people_who_edit_at_once(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    old = str(wizard.draft.version)
    wizard.send("contacts", kind="leads")
    fields = {"version": old, "do": "next", "kind": "users", "bounced": "skip"}
    answer = wizard.client.post(wizard.address("contacts"), fields)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody else has changed this sync since you opened the page." in text
    assert 'value="users" checked' in text
    assert f'name="version" value="{wizard.draft.version}"' in text
    assert wizard.draft.answers["contacts"]["kind"] == "leads"


def test_it_does_not_start_what_somebody_changed_meanwhile(wizard: Wizard, connected: Connection) -> None:
    wizard.up_to_review(connected)
    old = str(wizard.draft.version)
    wizard.send("contacts", kind="leads")
    answer = wizard.client.post(wizard.address("start"), {"version": old})
    assert answer.status_code == 409
    assert "so it was not started" in answer.content.decode()
    assert not Run.everywhere.exists()


def test_it_comes_back_to_the_review_from_change(wizard: Wizard, connected: Connection) -> None:
    wizard.up_to_review(connected)
    assert f'href="{wizard.address("contacts")}?from=review"' in wizard.see("review").content.decode()
    fields = {"version": str(wizard.draft.version), "do": "next", "kind": "users"}
    answer = wizard.client.post(wizard.address("contacts") + "?from=review", fields)
    assert answer["Location"] == wizard.address("review")
    assert Sync.everywhere.get().audience["kind"] == "users"


def test_it_previews_and_forgets_the_preview_after_a_change(wizard: Wizard, connected: Connection) -> None:
    wizard.up_to_review(connected)
    answer = wizard.client.post(wizard.address("preview"))
    assert answer["Location"] == wizard.address("review")
    run = Run.everywhere.get()
    assert run.kind == RunKind.PREVIEW
    fragment = wizard.client.get(wizard.address("preview"), headers={"HX-Request": "true"}).content.decode()
    assert "Counting what would change" in fragment
    assert "data-poll" in fragment
    Run.everywhere.update(status="succeeded", read=12, created=9, skipped=3, total=12)
    fragment = wizard.client.get(wizard.address("preview"), headers={"HX-Request": "true"}).content.decode()
    assert "data-poll" not in fragment
    wizard.send("contacts", kind="users")
    assert wizard.see("review").content.decode().count("A preview reads the contacts") == 1


def test_it_keeps_a_sync_out_of_lists_until_it_is_started(
    wizard: Wizard, connected: Connection, campaign: Campaign
) -> None:
    wizard.up_to_review(connected)
    listed = f"/campaigns/{public_id('campaign', campaign.pk)}/syncs"
    sync = Sync.everywhere.get()
    assert public_id("sync", sync.pk) not in wizard.client.get(listed).content.decode()
    assert wizard.client.get(f"/syncs/{public_id('sync', sync.pk)}").status_code == 404
    assert "A sync that has not been started" in wizard.client.get(listed).content.decode()
    wizard.start()
    assert public_id("sync", sync.pk) in wizard.client.get(listed).content.decode()


def test_it_discards_a_draft_with_its_hidden_sync(wizard: Wizard, connected: Connection) -> None:
    wizard.up_to_review(connected)
    wizard.client.post(wizard.address("discard"))
    assert not Sync.everywhere.exists()
    assert not SyncDraft.everywhere.exists()


def test_it_looks_again_at_everything_after_another_account(
    wizard: Wizard, connected: Connection, offline: Connection
) -> None:
    wizard.up_to_review(connected)
    wizard.source(offline)
    assert wizard.draft.answers["done"] == ["source"]
    assert wizard.see("review")["Location"] == wizard.address("contacts")


def test_it_says_when_the_crm_is_down_and_keeps_the_answers(
    wizard: Wizard, connected: Connection, sandbox: Sandbox
) -> None:
    wizard.source(connected)
    sandbox.control.down()
    look_up(connected.pk)
    sandbox.control.down(False)
    text = wizard.see("contacts").content.decode()
    assert 'role="alert"' in text
    assert "crm_unavailable" in text
    assert "Only leads" in text


def test_it_warns_about_another_sync_that_writes_the_field(
    wizard: Wizard, sync: Sync, offline: Connection
) -> None:
    wizard.source(offline)
    with in_workspace(wizard.draft.workspace_id):
        answers = {**wizard.draft.answers, "done": ["source", "contacts", "map-in"]}
        answers["map-back"] = {"on": True, "rows": {"referral_link": "custom_attributes.Link"}}
        SyncDraft.objects.update(answers=json.loads(json.dumps(answers)))
    text = wizard.see("map-back").content.decode()
    assert "The sync “Everyone” writes this field too." in text


def test_it_shares_drafts_between_members_and_browsers(
    wizard: Wizard, connected: Connection, alice: object
) -> None:
    from tests.support import cast

    wizard.source(connected)
    colleague = browser(cast.bob(wizard.draft.workspace).member.user)
    assert colleague.get(f"/setup/{wizard.draft_id}")["Location"] == wizard.address("contacts")


def test_it_does_not_let_viewers_answer(wizard: Wizard, viewer: Client, connected: Connection) -> None:
    answer = viewer.post(wizard.address("source"), {"version": "1", "connection_id": str(connected.pk)})
    assert answer.status_code == 403
    assert wizard.draft.answers == {}


def test_it_leads_whoever_waits_for_the_preview_to_the_run_somebody_else_started(
    wizard: Wizard, connected: Connection
) -> None:
    wizard.up_to_review(connected)
    address = f"{wizard.address('preview')}?sync_id={wizard.draft.answers['sync_id']}"
    run = wizard.start()["Location"]
    answer = wizard.client.get(address, headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (204, run)
    assert wizard.client.get(wizard.address("preview"), headers={"HX-Request": "true"}).status_code == 404
