"""A person asks to be forgotten: not a word of theirs is left, and every sum stays what it was."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection as database

from passalong.accounts.models import AuditEntry, Workspace
from passalong.accounts.scope import in_workspace
from passalong.accounts.services import create_token, set_on_contact_deleted
from passalong.api.models import IdempotencyKey
from passalong.campaigns.models import Campaign
from passalong.campaigns.services import create_campaign
from passalong.config.doctor import LEAD_COUNTS
from passalong.core.clock import now
from passalong.leads.models import Lead
from passalong.leads.services import add_lead, qualify
from passalong.referrers.erasing import erase_person
from passalong.referrers.imports.models import Import, ImportRecord
from passalong.referrers.merging import merge_two
from passalong.referrers.models import Referrer
from passalong.referrers.services import add_referrer, change_referrer
from passalong.sync.erase import erase_contact
from passalong.sync.models import Connection, ContactLink, Member, RunRecord, Sync, SyncDraft, WriteBack
from passalong.sync.services import change_sync
from passalong.tracking import links, visits
from passalong.tracking.models import Visit
from passalong.webhooks.models import Delivery, Webhook
from tests.support.crm import Crm, Person
from tests.support.syncing import EMAIL, NAME, World, adds_up

pytestmark = pytest.mark.django_db(transaction=True)

MARK = "zqxmarker"
EMAIL_OF = f"{MARK}.one@example.com"
WHO = "alice@example.com"
COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND (data_type IN ('text', 'character varying', 'json', 'jsonb', 'ARRAY')
    OR udt_name IN ('tsvector', 'citext'))
"""


def told() -> Iterator[str]:
    """Where the database says the marker, as table.column."""
    with database.cursor() as cursor:
        cursor.execute(COLUMNS)
        for table, column in cursor.fetchall():
            cursor.execute(
                f'SELECT count(*) FROM "{table}" WHERE "{column}"::text ILIKE %s',  # noqa: S608 - its own names
                [f"%{MARK}%"],
            )
            if cursor.fetchone()[0]:
                yield f"{table}.{column}"


def synced() -> World:
    """The person as three contacts, one of them skipped, beside somebody else."""
    crm = Crm(
        Person("c1", EMAIL_OF, f"{MARK} One", seen=9, values={"phone": f"+1 {MARK}"}),
        Person("c2", EMAIL_OF, f"{MARK} Two", role="lead"),
        Person("c3", EMAIL_OF, f"{MARK} Three", unsubscribed=True),
        Person("c4", "bea@example.com", "Bea"),
    )
    inbound = [NAME, EMAIL, {"from": "phone", "to": "phone"}, {"from": "plan", "to": "fields.plan"}]
    world = World(crm, inbound=inbound, policy={"unsubscribed": "skip"})
    with in_workspace(world.workspace_id):
        add_referrer(world.campaign, f"{MARK}.early@example.com", first_name=MARK, fields={"nick": MARK})
        webhook = Webhook.objects.create(url="https://x.example", events=["lead.created"], secret="x")
        Webhook.objects.filter(pk=webhook.pk).update(events=["lead.created", "referrer.created"])
        change_sync(Sync.objects.get(pk=world.sync.pk), {"type": "ongoing"}, who=WHO)
    world.preview()
    world.run()
    crm.people["c1"].name = f"{MARK} Uno"
    world.run()
    return world


def mentioned_elsewhere(world: World) -> None:
    """In histories, friends, uploads, drafts, samples, logs and answers."""
    with in_workspace(world.workspace_id):
        one, early = (world.referrer(email) for email in (EMAIL_OF, f"{MARK}.early@example.com"))
        change_referrer(one, who=WHO, last_name=MARK, fields={"note": MARK})
        change_referrer(world.referrer("bea@example.com"), who=WHO, email=f"{MARK}.two@example.com")
        change_referrer(world.referrer(f"{MARK}.two@example.com"), who=WHO, email="bea@example.com")
        merge_two(one, early, who=WHO)
        one = Referrer.objects.get(pk=early.pk)
        change_referrer(one, who=WHO, email=f"{MARK}.two@example.com")
        change_referrer(one, who=WHO, email=EMAIL_OF)
        qualify(add_lead(world.campaign, one.code, "frida@example.com")[0])
        visits.record(one.pk)
        visits.flush()
        autumn = create_campaign("Autumn", "https://shop.example.com")
        bea = add_referrer(autumn, "bea@example.com")[0]
        add_referrer(autumn, EMAIL_OF, last_name=MARK)
        friend = add_lead(autumn, bea.code, EMAIL_OF, first_name=MARK, fields={"Why?": f"{MARK}!"})[0]
        qualify(friend)
        _stored(world, one)


def _stored(world: World, one: Referrer) -> None:
    upload = Import.objects.create(
        campaign=world.campaign,
        file_name="a.csv",
        status="succeeded",
        sample=[["a@b.c", "A"], [EMAIL_OF, MARK]],
    )
    ImportRecord.objects.create(upload=upload, row=2, email=EMAIL_OF, outcome="created", referrer=one)
    ImportRecord.objects.create(upload=upload, row=3, email=EMAIL_OF, outcome="duplicate", message=EMAIL_OF)
    values = {"email": EMAIL_OF, "name": MARK}
    found = [{"id": "c1", "name": MARK, "email": EMAIL_OF, "values": values}]
    stay = [{"id": "c4", "name": "Bea", "email": "", "values": {}}]
    SyncDraft.objects.create(campaign=world.campaign, sample={"people": found + stay, "text": EMAIL_OF})
    sample = [{"key": "email", "sample": EMAIL_OF}, {"key": "name", "sample": f"{MARK} Uno"}]
    Connection.objects.update(fields_cache=[*sample, {"key": "plan", "sample": "pro"}])
    token, _secret = create_token(world.workspace_id, "program")
    for key, said in {
        "a": json.dumps({"email": EMAIL_OF, "name": MARK}),
        "b": '{"email": "bea@example.com"}',
    }.items():
        IdempotencyKey.objects.create(token=token, key=key, fingerprint="f", body=said, created_at=now())


def counted(world: World) -> tuple[Any, ...]:
    campaigns = Campaign.everywhere.filter(workspace=world.workspace_id).order_by("pk")
    with database.cursor() as cursor:
        cursor.execute(LEAD_COUNTS)
        wrong = cursor.fetchall()
    return wrong, [
        (one.leads_count, one.referrers_count - Referrer.everywhere.filter(campaign=one).count())
        for one in campaigns
    ]


def test_it_leaves_not_a_word_of_somebody_anywhere_in_the_database() -> None:
    world = synced()
    mentioned_elsewhere(world)
    assert set(told()) >= {
        "accounts_auditentry.changes",
        "api_idempotencykey.body",
        "leads_lead.email",
        "referrers_import.sample",
        "referrers_importrecord.email",
        "referrers_referrer.search",
        "sync_connection.fields_cache",
        "sync_runrecord.before",
        "sync_runrecord.email",
        "sync_runrecord.mapped",
        "sync_syncdraft.sample",
        "webhooks_delivery.payload",
    }
    before = counted(world)

    with in_workspace(world.workspace_id):
        erase_person([EMAIL_OF.upper()], who=WHO)

    assert list(told()) == []
    assert counted(world) == before == ([], [(1, 0), (1, 0)])


def test_it_keeps_what_somebody_brought_under_no_name() -> None:
    world = synced()
    with in_workspace(world.workspace_id):
        one = world.referrer(EMAIL_OF)
        qualify(add_lead(world.campaign, one.code, "frida@example.com")[0])
        visits.record(one.pk)
        visits.flush()
        erase_person([EMAIL_OF], who=WHO)

    nobody = Referrer.everywhere.get(pk=one.pk)
    assert nobody.email == f"erased-{one.pk.hex}@erased.invalid"
    assert (nobody.is_erased, nobody.status, nobody.name, nobody.fields) == (True, "inactive", "", {})
    assert (nobody.referrals_count, nobody.converted_referrals_count, nobody.visits_count) == (1, 1, 1)
    assert Lead.everywhere.get().referrer_id == one.pk
    assert (links.find(one.code), Visit.everywhere.count()) == (None, 0)
    assert {row.external_id for row in ContactLink.objects.all()} == {"c4"}
    assert {row.external_id for row in WriteBack.objects.all()} == {"c4"}
    assert {row.external_id for row in Member.objects.all()} == {"c4"}


def test_it_removes_somebody_who_brought_nobody_and_leaves_a_note_without_a_name() -> None:
    world = synced()
    with in_workspace(world.workspace_id):
        erase_person([EMAIL_OF], who=WHO)
        notes = list(AuditEntry.objects.values_list("subject", "verb", "who", "changes"))

    assert sorted(world.referrers()) == ["bea@example.com", f"{MARK}.early@example.com"]
    assert (world.campaign.pk, "person.erased", WHO, []) in notes


def test_it_leaves_the_numbers_of_runs_as_they_are() -> None:
    world = synced()
    with in_workspace(world.workspace_id):
        erase_person([EMAIL_OF], who=WHO)

    for record in RunRecord.objects.exclude(external_id="c4"):
        assert (record.email, record.mapped, record.referrer_id) == ("", None, None)
    runs = {record.run for record in RunRecord.objects.select_related("run")}
    assert [adds_up(run) for run in runs] == [True] * 3
    assert RunRecord.objects.count() == 12


def test_it_does_not_send_what_was_still_to_be_told() -> None:
    world = synced()
    with in_workspace(world.workspace_id):
        erase_person([EMAIL_OF], who=WHO)

    told_of = {
        one.payload["data"].get("email", "nobody"): (one.status, one.error)
        for one in Delivery.everywhere.all()
    }
    assert told_of == {
        "nobody": ("failed", "The person was erased before this was sent."),
        "bea@example.com": ("pending", ""),
    }


def test_it_does_not_touch_who_has_an_address_by_now_that_was_the_persons() -> None:
    world = World(Crm(Person("c1", "ann@example.com", "Ann"), Person("c2", "bea@example.com", "Bea")))
    world.run()
    world.crm.people["c1"].email, world.crm.people["c2"].email = "new@example.com", "ann@example.com"
    world.run()

    with in_workspace(world.workspace_id):
        erase_person(["new@example.com"], who=WHO)

    assert world.referrers() == {"ann@example.com": "Bea"}
    kept = RunRecord.objects.filter(external_id="c2").values_list("email", flat=True)
    assert set(kept) == {"ann@example.com", "bea@example.com"}


def test_it_does_not_touch_a_friend_who_has_an_address_that_was_once_written_here_by_mistake() -> None:
    world = World(Crm(Person("c1", "ann@example.com", "Ann")))
    world.run()
    with in_workspace(world.workspace_id):
        ann = world.referrer("ann@example.com")
        change_referrer(ann, who=WHO, email="frida@example.com")
        change_referrer(ann, who=WHO, email="ann@example.com")
        add_lead(world.campaign, ann.code, "frida@example.com", first_name="Frida")
        erase_person(["ann@example.com"], who=WHO)

    assert Lead.everywhere.values_list("email", "first_name").get() == ("frida@example.com", "Frida")


def test_it_lets_somebody_come_back_who_is_still_in_the_audience() -> None:
    world = synced()
    with in_workspace(world.workspace_id):
        erase_person([EMAIL_OF], who=WHO)

    run = world.run()

    assert (run.created, run.status) == (1, "succeeded")


def choose(world: World, choice: str) -> None:
    set_on_contact_deleted(Workspace.objects.get(pk=world.workspace_id), choice)


def deleted(world: World, contact: str) -> bool:
    del world.crm.people[contact]
    return erase_contact(world.connection, contact)


def test_it_keeps_people_whom_the_crm_deletes_unless_that_was_chosen() -> None:
    world = synced()

    assert (deleted(world, "c4"), "bea@example.com" in world.referrers()) == (False, True)
    choose(world, "erase")
    assert erase_contact(world.connection, "c4") is True
    assert "bea@example.com" not in world.referrers()
    assert erase_contact(world.connection, "c4") is True


def test_it_keeps_somebody_for_whom_another_contact_stands_and_forgets_the_one() -> None:
    world = synced()
    choose(world, "erase")

    assert deleted(world, "c2") is True

    assert (EMAIL_OF in world.referrers(), world.links()) == (True, {"c1": EMAIL_OF, "c4": "bea@example.com"})
    assert set(RunRecord.objects.values_list("external_id", flat=True)) >= {"c1", "c3", "c4"}
    assert not RunRecord.objects.filter(external_id="c2").exists()
    deleted(world, "c3")
    deleted(world, "c1")
    assert EMAIL_OF not in world.referrers()
    assert not RunRecord.objects.filter(email=EMAIL_OF).exists()


def test_it_leaves_alone_whoever_has_a_longer_address() -> None:
    crm = Crm(Person("c1", "ann@example.com", "Ann"), Person("c2", "joann@example.com", "Joann"))
    world = World(crm)
    world.run()
    with in_workspace(world.workspace_id):
        Webhook.objects.create(url="https://x.example", events=["lead.created"], secret="x")
        add_lead(world.campaign, world.referrer("joann@example.com").code, "friend.of.joann@example.com")
        told = Delivery.objects.get()
        erase_person({"ann@example.com"}, who=WHO)
        after = Delivery.objects.get()
    assert (after.payload, after.status) == (told.payload, told.status)
    assert list(world.referrers()) == ["joann@example.com"]


def test_what_was_read_in_place_of_an_address_erases_nothing_of_others() -> None:
    crm = Crm(Person("c1", "ann@example.com", "Ann"), Person("c2", "bea@example.com", "Bea"))
    world = World(crm)
    world.run()
    crm.people["c1"].email = "-"
    world.run()
    with in_workspace(world.workspace_id):
        Webhook.objects.create(url="https://x.example", events=["lead.created"], secret="x")
        add_lead(world.campaign, world.referrer("bea@example.com").code, "friend@example.com")
        told = Delivery.objects.get()
        erase_person({"ann@example.com"}, who=WHO)
        after = Delivery.objects.get()
    assert (after.payload, after.status) == (told.payload, told.status)
