"""Changes outside of runs: wished for with the change, sent once with the last number, never lost."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from passalong.accounts.scope import in_workspace
from passalong.campaigns.services import change_campaign
from passalong.core.clock import now
from passalong.leads.models import Lead
from passalong.leads.services import add_lead, delete_lead, qualify, unqualify
from passalong.referrers.models import Referrer
from passalong.sync import changes, services
from passalong.sync.models import Connection, ConnectionStatus, Sync, WriteBack
from tests.support.crm import CODE, COUNT, LINK, SEEN, Crm, Person, revoked, unavailable
from tests.support.syncing import LINK_BACK, World, work
from tests.support.uploads import upload_all

pytestmark = pytest.mark.django_db(transaction=True)

COUNT_BACK = {"from": "referrals_count", "to": COUNT}
CONVERTED_BACK = {"from": "converted_referrals_count", "to": COUNT}
NAME_BACK = {"from": "campaign_name", "to": CODE}
SEEN_BACK = {"from": "last_referral_at", "to": SEEN}


def synced(*outbound: dict[str, Any], people: int = 1) -> World:
    """A world whose first run is over, with nothing left to send."""
    crm = Crm(*(Person(f"c{one}", f"p{one}@example.com", f"P{one}") for one in range(1, people + 1)))
    world = World(crm, outbound=list(outbound) or [COUNT_BACK])
    world.run()
    send(world)
    world.crm.writes.clear()
    return world


def befriend(world: World, friend: str, referrer: str = "p1@example.com") -> Lead:
    with in_workspace(world.workspace_id):
        return add_lead(world.campaign, referrer, f"{friend}@example.org")[0]


def due(world: World) -> int:
    """How many wishes wait, made due at once."""
    rows = WriteBack.objects.filter(sync=world.sync, pending=True, due_at__isnull=False)
    return rows.update(due_at=now() - timedelta(seconds=1))


def send(world: World) -> None:
    """What a worker does once the changes are due."""
    due(world)
    asyncio.run(changes.send(world.connection.pk))


def test_it_sends_a_new_lead_to_the_crm() -> None:
    world = synced()
    befriend(world, "ann")
    send(world)
    assert world.crm.writes == [("c1", {COUNT: 1})]


def test_it_sends_a_hundred_leads_as_one_write() -> None:
    world = synced()
    for number in range(100):
        befriend(world, f"friend{number}")
    send(world)
    assert world.crm.writes == [("c1", {COUNT: 100})]


def test_it_sends_what_an_uploaded_list_changed() -> None:
    world = synced(people=2)
    rows = "".join(f"f{n}@example.org,p{1 + n % 2}@example.com\n" for n in range(101))
    upload_all(world.campaign, f"Email,Referrer\n{rows}", kind="leads")
    send(world)
    assert sorted(world.crm.writes) == [("c1", {COUNT: 51}), ("c2", {COUNT: 50})]


def test_it_sends_what_a_list_qualified() -> None:
    world = synced(CONVERTED_BACK)
    leads = [befriend(world, friend) for friend in ("ann", "bob")]
    upload_all(world.campaign, f"Email\n{leads[0].email}\n{leads[1].email}\n", kind="qualify")
    send(world)
    assert world.crm.writes == [("c1", {COUNT: 2})]


def test_it_waits_for_others_of_the_same_person() -> None:
    world = synced()
    befriend(world, "ann")
    assert WriteBack.objects.get(sync=world.sync).due_at - now() > timedelta(seconds=1)  # type: ignore[operator]


def test_it_does_not_wait_longer_for_each_other_one() -> None:
    world = synced()
    befriend(world, "ann")
    first = WriteBack.objects.get(sync=world.sync).due_at
    befriend(world, "bob")
    assert WriteBack.objects.get(sync=world.sync).due_at == first


def test_it_has_a_worker_send_it() -> None:
    world = synced()
    befriend(world, "ann")
    lock = f"changes:{world.connection.pk}"
    jobs = ProcrastinateJob.objects.filter(task_name="sync.send_changes", queueing_lock=lock)
    assert [job.args for job in jobs] == [{"connection_id": str(world.connection.pk)}]


def test_it_sends_qualified_and_back() -> None:
    world = synced(CONVERTED_BACK)
    lead = befriend(world, "ann")
    send(world)
    with in_workspace(world.workspace_id):
        qualify(lead)
        send(world)
        unqualify(lead)
        send(world)
    assert world.crm.writes == [("c1", {COUNT: 1}), ("c1", {COUNT: 0})]


def test_it_sends_a_deletion() -> None:
    world = synced(COUNT_BACK, SEEN_BACK)
    lead = befriend(world, "ann")
    send(world)
    with in_workspace(world.workspace_id):
        delete_lead(lead)
    send(world)
    assert world.crm.writes[1:] == [("c1", {COUNT: 0})]


def test_it_writes_nothing_when_nothing_mapped_changed() -> None:
    world = synced(LINK_BACK)
    befriend(world, "ann")
    assert due(world) == 0


def test_it_writes_nothing_when_the_number_is_the_old_one_again() -> None:
    world = synced()
    with in_workspace(world.workspace_id):
        delete_lead(befriend(world, "ann"))
    send(world)
    assert world.crm.writes == []


def test_it_writes_to_every_contact_of_the_referrer() -> None:
    crm = Crm(Person("c1", "p1@example.com", "P"), Person("c2", "P1@example.com", "P", role="lead"))
    world = World(crm, outbound=[COUNT_BACK])
    world.run()
    befriend(world, "ann")
    send(world)
    assert sorted(world.crm.writes[2:], key=lambda one: one[0]) == [("c1", {COUNT: 1}), ("c2", {COUNT: 1})]


def test_it_knows_contacts_that_said_the_right_thing_when_they_were_met() -> None:
    crm = Crm(Person("c1", "p1@example.com", "P", values={COUNT: 0}))
    world = World(crm, outbound=[COUNT_BACK])
    world.run()
    befriend(world, "ann")
    send(world)
    assert world.crm.writes == [("c1", {COUNT: 1})]


def test_it_asks_nothing_of_the_crm_for_those() -> None:
    crm = Crm(Person("c1", "p1@example.com", "P", values={COUNT: 0}))
    world = World(crm, outbound=[COUNT_BACK])
    world.run()
    send(world)
    assert (world.crm.writes, due(world)) == ([], 0)


def test_it_sends_the_new_name_of_a_campaign_to_everybody() -> None:
    world = synced(NAME_BACK, people=3)
    with in_workspace(world.workspace_id):
        change_campaign(world.campaign, name="Autumn")
    send(world)
    assert sorted(world.crm.writes, key=lambda one: one[0]) == [
        ("c1", {CODE: "Autumn"}),
        ("c2", {CODE: "Autumn"}),
        ("c3", {CODE: "Autumn"}),
    ]


def test_it_sends_nothing_while_the_sync_is_paused_and_all_of_it_after() -> None:
    world = synced()
    with in_workspace(world.workspace_id):
        services.pause_sync(world.sync, who="alice@example.com")
        befriend(world, "ann")
        send(world)
        held_back = list(world.crm.writes)
        services.resume_sync(Sync.objects.get(pk=world.sync.pk), who="alice@example.com")
    assert changes.waiting() == [world.connection.pk]
    send(world)
    assert (held_back, world.crm.writes) == ([], [("c1", {COUNT: 1})])


def test_it_stops_when_the_token_is_revoked_and_goes_on_when_the_connection_is_healed() -> None:
    world = synced(people=2)
    befriend(world, "ann")
    befriend(world, "bob", "p2@example.com")
    world.crm.at("write", world.crm.calls["write"] + 1, revoked())
    world.crm.at("write", world.crm.calls["write"] + 2, revoked())
    send(world)
    status = Connection.everywhere.get(pk=world.connection.pk).status
    assert (status, changes.waiting()) == ("needs_attention", [])

    Connection.everywhere.filter(pk=world.connection.pk).update(status=ConnectionStatus.CONNECTED)

    assert changes.waiting() == [world.connection.pk]
    send(world)
    assert sorted(world.crm.writes, key=lambda one: one[0]) == [("c1", {COUNT: 1}), ("c2", {COUNT: 1})]


def test_it_tries_again_after_a_while_when_the_crm_is_away() -> None:
    world = synced()
    befriend(world, "ann")
    world.crm.at("write", world.crm.calls["write"] + 1, unavailable())
    send(world)
    wish = WriteBack.objects.get(sync=world.sync)
    assert (wish.pending, (wish.problem or {})["code"], changes.waiting()) == (True, "crm_unavailable", [])
    send(world)
    wish.refresh_from_db()
    assert (wish.problem, world.crm.writes) == (None, [("c1", {COUNT: 1})])


def test_it_says_why_a_contact_could_not_be_written() -> None:
    world = synced()
    world.crm.gone.add("c1")
    befriend(world, "ann")
    send(world)
    wish = WriteBack.objects.get(sync=world.sync)
    assert (wish.pending, (wish.problem or {})["code"]) == (False, "contact_gone")


def test_it_sends_the_last_word_when_something_changes_while_it_sends() -> None:
    world = synced()
    befriend(world, "ann")
    world.crm.at("write", world.crm.calls["write"] + 1, lambda: befriend(world, "bob"))
    send(world)
    send(world)
    assert world.crm.writes == [("c1", {COUNT: 1}), ("c1", {COUNT: 2})]


def test_it_is_sent_after_a_crash_in_the_middle() -> None:
    world = synced()
    befriend(world, "ann")
    world.crm.at("write", world.crm.calls["write"] + 1, RuntimeError("the worker died"))
    with pytest.raises(RuntimeError):
        send(world)
    send(world)
    assert world.crm.writes == [("c1", {COUNT: 1})]


def test_it_leaves_the_sending_to_the_job_that_is_at_it() -> None:
    world = synced()
    befriend(world, "ann")
    Connection.everywhere.filter(pk=world.connection.pk).update(
        sender=world.campaign.pk, sending_until=now() + timedelta(seconds=10)
    )
    send(world)
    assert world.crm.writes == []


def test_it_takes_over_from_a_job_that_died() -> None:
    world = synced()
    befriend(world, "ann")
    Connection.everywhere.filter(pk=world.connection.pk).update(
        sender=world.campaign.pk, sending_until=now() - timedelta(seconds=1)
    )
    send(world)
    assert world.crm.writes == [("c1", {COUNT: 1})]


def test_it_leaves_a_wish_to_the_run_that_has_it() -> None:
    world = synced()
    Referrer.everywhere.filter(campaign=world.campaign).update(referrals_count=5)
    world.crm.at("write", world.crm.calls["write"] + 1, unavailable())
    run = world.start()
    world.crm.at("write", world.crm.calls["write"] + 1, lambda: befriend(world, "ann"))
    work(run)
    send(world)
    assert world.crm.writes == [("c1", {COUNT: 5}), ("c1", {COUNT: 6})]


def test_it_sends_no_field_that_no_run_has_looked_at() -> None:
    world = synced()
    befriend(world, "ann")
    row = {"from": "referral_link", "to": LINK}
    Sync.everywhere.filter(pk=world.sync.pk).update(outbound=[COUNT_BACK, row])
    send(world)
    assert world.crm.writes == [("c1", {COUNT: 1})]


def test_it_sends_nothing_of_a_sync_that_was_deleted() -> None:
    world = synced()
    befriend(world, "ann")
    Sync.everywhere.filter(pk=world.sync.pk).delete()
    send(world)
    assert world.crm.writes == []
