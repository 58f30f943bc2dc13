"""No page of the wizard waits for the CRM: a job reads it, and the page looks again."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from django.test import Client

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.integrations import registry
from passalong.sync.connections import connect, disconnect, look_up
from passalong.sync.models import Connection, SyncDraft
from passalong.sync.port import Integration, Session
from passalong.sync.setup import samples
from tests.app.web.test_wizard import stale
from tests.app.web.wizard import MAP_IN, Wizard
from tests.support.sandbox import TOKEN, Sandbox

pytestmark = pytest.mark.django_db


class Counting:
    """An integration that counts how often somebody opens it."""

    def __init__(self, real: Integration) -> None:
        self.real, self.provider, self.title = real, real.provider, real.title
        self.opened = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def contact_url(self, account_id: str, region: str, contact_id: str) -> str | None:
        return self.real.contact_url(account_id, region, contact_id)

    @asynccontextmanager
    async def open(self, credentials: Mapping[str, Any], **how: Any) -> AsyncIterator[Session]:
        self.opened += 1
        async with self.real.open(credentials, **how) as session:
            yield session


@pytest.fixture
def counting() -> Iterator[Counting]:
    counting = Counting(registry.integration("intercom"))
    registry.register("intercom", cast("Integration", counting))
    yield counting
    registry.forget("intercom")


@pytest.fixture
def wizard(page: Client, campaign: Campaign) -> Wizard:
    return Wizard(page, campaign.pk)


@pytest.mark.parametrize("minutes", [0, 2, 60 * 24 * 30])
def test_it_asks_the_crm_nothing_from_the_first_step_to_the_start(
    wizard: Wizard, connected: Connection, counting: Counting, minutes: int
) -> None:
    stale(connected, minutes)
    wizard.up_to_review(connected)
    for step in ("source", "contacts", "map-in", "map-back", "type", "review", "map-in/lookup"):
        assert wizard.see(step).status_code == 200
    for step in ("contacts", "map-in", "map-back", "type"):
        wizard.send(step, do="back", **{**MAP_IN, "kind": "users", "type": "one_time"})
    wizard.send("contacts", do="refresh", kind="all")
    wizard.send("map-in", do="refresh", **MAP_IN)
    wizard.send("map-in", do="find", find="ada", **MAP_IN)
    wizard.up_to_review(connected)
    assert wizard.start().status_code == 302

    assert counting.opened == 0


def test_it_says_that_it_is_reading_and_then_shows_the_form(wizard: Wizard, connected: Connection) -> None:
    Connection.everywhere.update(fields_cache=[], segments_cache=[], cached_at=None, looked_up_at=None)
    wizard.source(connected)

    before = wizard.see("contacts").content.decode()
    waiting = wizard.client.get(wizard.address("contacts/lookup") + "?first=1").content.decode()
    look_up(connected.pk)
    done = wizard.client.get(wizard.address("contacts/lookup") + "?first=1")
    after = wizard.see("contacts").content.decode()

    assert "Reading Intercom" in before
    assert "Only leads" not in before
    assert "Reading Intercom" in waiting
    assert done.headers["HX-Refresh"] == "true"
    assert "Only leads" in after
    assert "Reading Intercom" not in after


def test_it_says_why_nothing_could_be_read_and_lets_one_try_again(
    wizard: Wizard, connected: Connection, sandbox: Sandbox
) -> None:
    Connection.everywhere.update(fields_cache=[], segments_cache=[], cached_at=None, looked_up_at=None)
    wizard.source(connected)
    sandbox.control.down()
    look_up(connected.pk)
    sandbox.control.down(False)
    Connection.everywhere.update(wanted_at=None)

    text = wizard.see("contacts").content.decode()

    assert "crm_unavailable" in text
    assert "Try again" in text


def test_it_says_that_the_account_was_disconnected_meanwhile(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    with in_workspace(connected.workspace_id):
        disconnect(connected)
    wizard.see("contacts")

    look_up(connected.pk)

    text = wizard.see("contacts").content.decode()
    assert "Sandbox Ltd is disconnected." in text
    assert "Connect it again with an access token" in text


def test_it_forgets_the_trouble_once_the_account_is_connected_again(
    wizard: Wizard, connected: Connection, sandbox: Sandbox
) -> None:
    wizard.source(connected)
    sandbox.control.down()
    look_up(connected.pk)
    sandbox.control.down(False)
    with in_workspace(connected.workspace_id):
        connect("intercom", TOKEN)

    assert "crm_unavailable" not in wizard.see("contacts").content.decode()


def test_it_says_when_no_worker_takes_it_up(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    stale(connected, 60)
    wizard.see("contacts")
    Connection.everywhere.update(wanted_at=connected.created_at.replace(year=2020))
    Connection.everywhere.update(looked_up_at=connected.created_at.replace(year=2019))

    assert "This takes longer than usual." in wizard.see("contacts/lookup").content.decode()


def test_it_shows_the_values_of_one_contact_and_of_another_when_asked(
    wizard: Wizard, connected: Connection, sandbox: Sandbox
) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    wizard.see("map-in")
    samples.find(wizard.draft.pk)
    first = samples.people(wizard.draft)[0]
    assert f"{first.label}</b>" in _unescaped(wizard.see("map-in"))

    wanted = next(
        contact
        for contact in sandbox.control.dump()
        if contact["email"] and contact["name"] and contact["sandbox"]["status"] == "active"
        and contact["id"] not in {one.id for one in samples.people(wizard.draft)}
    )  # fmt: skip
    wizard.send("map-in", do="find", find=wanted["email"], **MAP_IN)
    samples.find(wizard.draft.pk)

    text = _unescaped(wizard.see("map-in"))
    assert f"{wanted['name']} · {wanted['email']}</b>" in text
    assert f'becomes <b dir="auto">{wanted["name"].split()[0]}</b>' in text


def test_it_keeps_whom_it_showed_when_nobody_is_found(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    wizard.see("map-in")
    samples.find(wizard.draft.pk)
    before = samples.people(wizard.draft)

    wizard.send("map-in", do="find", find="<nobody>", **MAP_IN)
    samples.find(wizard.draft.pk)

    assert samples.people(wizard.draft) == before
    text = wizard.see("map-in").content.decode()
    assert "Nobody in this audience has “&lt;nobody&gt;” as email or in the name." in text


def test_it_does_not_mind_that_the_draft_is_gone(wizard: Wizard, connected: Connection) -> None:
    draft_id = wizard.draft.pk
    wizard.client.post(wizard.address("discard"))

    samples.find(draft_id)

    assert not SyncDraft.everywhere.exists()


def _unescaped(answer: Any) -> str:
    import html

    return html.unescape(answer.content.decode())


def test_it_lets_viewers_look_without_sending_anything(
    wizard: Wizard, connected: Connection, viewer: Client
) -> None:
    wizard.source(connected)

    form = viewer.get(wizard.address("contacts")).content.decode()
    done = viewer.get(wizard.address("contacts/lookup"))

    assert ("hx-post" in form, "HX-Trigger" in done.headers) == (False, False)
    assert "Intercom has answered." in done.content.decode()


def test_it_asks_for_a_contact_rather_than_showing_one_it_would_replace(
    wizard: Wizard, connected: Connection
) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")

    asking = wizard.see("map-in").content.decode()
    samples.find(wizard.draft.pk)
    shown = wizard.see("map-in").content.decode()

    assert "Asking Intercom for a contact to show as a sample" in asking
    assert "Sample:" not in asking
    assert "no value here" not in asking
    assert "Samples below are of <b" in shown
    assert "Sample:" in shown


def test_it_never_shows_a_contact_of_another_audience(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="users")
    wizard.see("map-in")
    samples.find(wizard.draft.pk)
    user = samples.people(wizard.draft)[0]

    wizard.send("contacts", kind="leads")
    before = wizard.see("map-in").content.decode()
    samples.find(wizard.draft.pk)
    after = samples.people(wizard.draft)

    assert user.label not in before
    assert "Asking Intercom for a contact to show as a sample" in before
    assert user.id not in {one.id for one in after}
    assert {one.values["role"] for one in after} == {"lead"}


def test_it_does_not_answer_for_an_audience_that_changed_meanwhile(
    wizard: Wizard, connected: Connection, sandbox: Sandbox
) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="users")
    wizard.see("map-in")
    wizard.send("contacts", kind="leads")
    samples.find(wizard.draft.pk)  # the job that was asked for before

    assert samples.people(wizard.draft) != []
    assert {one.values["role"] for one in samples.people(wizard.draft)} == {"lead"}


def test_it_keeps_the_contact_that_was_chosen_when_fields_are_read_again(
    wizard: Wizard, connected: Connection
) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    wizard.see("map-in")
    samples.find(wizard.draft.pk)
    chosen = samples.people(wizard.draft)[3]

    wizard.send("map-in", do="refresh", sample=chosen.id, **MAP_IN)
    samples.find(wizard.draft.pk)

    assert samples.people(wizard.draft)[0] == chosen
    assert f'Samples below are of <b dir="auto">{chosen.label}</b>' in _unescaped(wizard.see("map-in"))


def test_it_keeps_the_contact_that_was_chosen_when_another_window_finds_others(
    wizard: Wizard, connected: Connection, sandbox: Sandbox
) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    wizard.see("map-in")
    samples.find(wizard.draft.pk)
    chosen = samples.people(wizard.draft)[3]
    known = {one.id for one in samples.people(wizard.draft)}
    other = next(c for c in sandbox.control.dump() if c["email"] and c["id"] not in known)

    wizard.send("map-in", do="find", find=other["email"], **MAP_IN)
    samples.find(wizard.draft.pk)
    here = wizard.send("map-in", do="look", sample=chosen.id, **MAP_IN)

    assert samples.people(wizard.draft)[0].id == other["id"]
    assert f'Samples below are of <b dir="auto">{chosen.label}</b>' in _unescaped(here)


def test_it_does_not_say_that_a_fresh_question_takes_long(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    Connection.everywhere.update(wanted_at=connected.created_at.replace(year=2020))

    page = wizard.see("map-in").content.decode()

    assert "Asking Intercom again" in page
    assert "This takes longer than usual." not in page


def test_it_does_not_keep_map_back_waiting_for_samples(wizard: Wizard, connected: Connection) -> None:
    wizard.source(connected)
    wizard.send("contacts", kind="all")
    waiting = wizard.see("map-in").content.decode()
    wizard.send("map-in", **MAP_IN)

    assert "Asking Intercom again" in waiting
    assert "Asking Intercom again" not in wizard.see("map-back").content.decode()
