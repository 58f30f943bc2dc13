"""A permission that is lost stops what needs it and nothing else, against a real look-alike of the CRM."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.config.settings import settings
from passalong.referrers.models import Referrer
from passalong.sync import changes, connections, schedule, services
from passalong.sync.models import Connection, Run, Sync, WriteBack
from tests.support import cast
from tests.support.sandbox import TOKEN, Sandbox, start_sandbox
from tests.support.syncing import EMAIL, NAME, work, write_backs

pytestmark = pytest.mark.django_db(transaction=True)

LINK = "custom_attributes.Referral Link"


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with start_sandbox(contacts=30) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("PASSALONG_INTERCOM_API_URL", running.url)
    settings.cache_clear()
    running.control.reset()
    running.control.clear_faults()
    running.control.add_token(TOKEN)
    yield running
    settings.cache_clear()


@pytest.fixture
def campaign() -> Campaign:
    return cast.campaign_of(cast.alice())


@pytest.fixture
def connection(sandbox: Sandbox, campaign: Campaign) -> Connection:
    with in_workspace(campaign.workspace_id):
        made = connections.connect("intercom", TOKEN)
        connections.create_field(made, "Referral Link", "string")
        connections.look_up(made.pk)
        return Connection.objects.get(pk=made.pk)


def sync_of(campaign: Campaign, connection: Connection, **audience: Any) -> Sync:
    body = {
        "audience": audience or {"kind": "users"},
        "inbound": [NAME, EMAIL],
        "outbound": [{"from": "referral_link", "to": LINK}],
    }
    with in_workspace(campaign.workspace_id):
        return services.create_sync(campaign, connection, body, who="alice@example.com")


def run(sync: Sync) -> Run:
    with in_workspace(sync.workspace_id):
        started = services.start_run(Sync.objects.get(pk=sync.pk))
    return work(started)


def in_crm(sandbox: Sandbox) -> set[str]:
    """Contacts that carry a link."""
    return {one["id"] for one in sandbox.control.dump() if one["custom_attributes"].get("Referral Link")}


def status() -> str:
    return Connection.everywhere.get().status


def test_it_keeps_what_it_read_when_it_may_not_write_and_says_what_to_turn_on(
    sandbox: Sandbox, campaign: Campaign, connection: Connection
) -> None:
    sandbox.control.add_token(TOKEN, missing=["write_contacts"])
    ended = run(sync_of(campaign, connection))

    assert (ended.status, ended.phase, status()) == ("partial", "done", "connected")
    assert ended.created == Referrer.everywhere.count() > 0
    assert (ended.written, ended.write_backs_failed) == (0, 0)
    assert ended.error == {
        "code": "permission_missing",
        "message": "Everybody was read, but Intercom refused writing back. "
        "The access token lacks the permission “Write users and companies”.",
        "next_step": "In Intercom's Developer Hub open the app, turn on “Write users and companies” under "
        "Authentication, and save. What waits is then written by itself within a quarter of an hour.",
    }
    assert set(write_backs(ended).values()) == {"pending", "none"}
    assert WriteBack.objects.filter(pending=True, due_at__isnull=False).count() == ended.write_backs_due


def test_it_writes_what_waited_once_it_may(
    sandbox: Sandbox, campaign: Campaign, connection: Connection
) -> None:
    sandbox.control.add_token(TOKEN, missing=["write_contacts"])
    ended = run(sync_of(campaign, connection))
    assert in_crm(sandbox) == set()

    sandbox.control.add_token(TOKEN)
    schedule.hurry(connection)
    asyncio.run(changes.send(connection.pk))

    assert len(in_crm(sandbox)) == ended.write_backs_due > 0
    assert WriteBack.objects.filter(pending=True).count() == 0


def test_it_waits_on_while_it_still_may_not(
    sandbox: Sandbox, campaign: Campaign, connection: Connection
) -> None:
    sandbox.control.add_token(TOKEN, missing=["write_contacts"])
    ended = run(sync_of(campaign, connection))
    schedule.hurry(connection)
    asyncio.run(changes.send(connection.pk))
    assert WriteBack.objects.filter(pending=True).count() == ended.write_backs_due
    assert changes.waiting() == []
    assert status() == "connected"


def test_checking_again_sends_what_waited_at_once(
    sandbox: Sandbox, campaign: Campaign, connection: Connection
) -> None:
    sandbox.control.add_token(TOKEN, missing=["write_contacts"])
    run(sync_of(campaign, connection))
    sandbox.control.add_token(TOKEN)
    with in_workspace(campaign.workspace_id):
        connections.recheck(connection)
    assert changes.waiting() == [connection.pk]


def test_the_next_run_writes_what_waited(
    sandbox: Sandbox, campaign: Campaign, connection: Connection
) -> None:
    sandbox.control.add_token(TOKEN, missing=["write_contacts"])
    sync = sync_of(campaign, connection)
    refused = run(sync)
    sandbox.control.add_token(TOKEN)
    again = run(sync)
    assert (again.status, again.created, again.written) == ("succeeded", 0, refused.write_backs_due)
    assert len(in_crm(sandbox)) == again.written


def test_only_syncs_of_segments_fail_when_segments_may_not_be_read(
    sandbox: Sandbox, campaign: Campaign, connection: Connection
) -> None:
    segment = sandbox.control.segment_id("Active")
    of_segment = sync_of(campaign, connection, kind="segments", segment_ids=[segment])
    of_users = sync_of(campaign, connection)
    sandbox.control.add_fault("status", status=403, match={"method": "GET", "path": "/segments"}, times=None)

    failed, fine = run(of_segment), run(of_users)

    assert (failed.status, fine.status, status()) == ("failed", "succeeded", "connected")
    assert failed.error is not None
    assert failed.error["code"] == "permission_missing"
    assert "“Read and list users and companies”" in failed.error["next_step"]


def test_nothing_runs_and_nobody_leaves_when_nothing_may_be_read(
    sandbox: Sandbox, campaign: Campaign, connection: Connection
) -> None:
    sync = sync_of(campaign, connection)
    run(sync)
    before = Referrer.everywhere.count()
    sandbox.control.add_token(TOKEN, missing=["read_contacts"])
    ended = run(sync)
    assert (ended.status, ended.left, status()) == ("failed", 0, "connected")
    assert ended.error is not None
    assert ended.error["code"] == "permission_missing"
    assert Referrer.everywhere.count() == before
