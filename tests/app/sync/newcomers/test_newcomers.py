"""People who join are made known in the CRM, when somebody has asked for it, once each."""

from datetime import timedelta

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from passalong.accounts.scope import in_workspace
from passalong.leads.services import delete_lead, qualify, unqualify
from passalong.referrers.models import Referrer
from passalong.referrers.services import change_referrer
from passalong.sync.models import Connection, ContactLink
from passalong.sync.newcomers import send, services
from passalong.sync.newcomers.models import Newcomer
from tests.support.crm import CODE, COUNT, LINK, Crm, Person, revoked, segment_gone, unavailable
from tests.support.newcomers import AS_LEAD, AS_USER, EMAIL_ROW, Arrivals

pytestmark = pytest.mark.django_db(transaction=True)


def friend_of_dana(world: Arrivals, email: str = "frida@example.com") -> None:
    world.add("dana@example.com", first_name="Dana", last_name="Doe")
    world.befriend(email, first_name="Frida", fields={"size": "L"})


def test_it_sends_nobody_before_somebody_wants_it() -> None:
    world = Arrivals()
    friend_of_dana(world)
    world.send()
    assert (world.in_crm(), world.states()) == ({}, {})


def test_it_creates_a_lead_for_a_lead() -> None:
    world = Arrivals(leads=AS_LEAD)
    friend_of_dana(world)
    world.send()
    assert (world.in_crm(), world.states()) == (
        {"frida@example.com": "lead"},
        {"frida@example.com": "created"},
    )


def test_it_creates_a_user_for_a_referrer_and_links_them() -> None:
    world = Arrivals(referrers=AS_USER)
    world.add("dana@example.com")
    world.send()
    assert (world.in_crm(), world.links()) == ({"dana@example.com": "user"}, {"new0": "dana@example.com"})


def test_it_sends_only_those_who_join_from_then_on() -> None:
    world = Arrivals()
    world.add("dana@example.com")
    world.befriend("before@example.com")
    world.wish(leads=AS_LEAD, referrers=AS_USER)
    world.befriend("after@example.com")
    world.send()
    assert world.in_crm() == {"after@example.com": "lead"}


def test_it_sends_nobody_until_it_is_said_where_the_email_goes() -> None:
    world = Arrivals(leads={"create": "lead", "fields": []})
    friend_of_dana(world)
    world.send()
    assert (world.in_crm(), world.states()) == ({}, {})


def test_it_fills_fields_with_what_it_knows_of_a_lead_and_with_fixed_values() -> None:
    rows = [
        EMAIL_ROW,
        {"to": "phone", "from": "first_name"},
        {"to": LINK, "from": "referrer_link"},
        {"to": CODE, "from": "fields.size"},
        {"to": COUNT, "value": "7"},
    ]
    fields = [Person("x")]
    world = Arrivals(Crm(*fields))
    Connection.everywhere.filter(pk=world.connection.pk).update(fields_cache=_writable(world, "phone"))
    world.connection.refresh_from_db()
    world.wish(leads={"create": "lead", "fields": rows})
    friend_of_dana(world)
    world.send()
    made = world.crm.with_email("frida@example.com")[0].values
    assert {key: made[key] for key in ("phone", LINK, CODE, COUNT)} == {
        "phone": "Frida",
        LINK: world.referrer("dana@example.com").referral_link,
        CODE: "L",
        COUNT: 7,
    }


def _writable(world: Arrivals, key: str) -> list[dict[str, object]]:
    rows = [dict(row) for row in world.connection.fields_cache]
    return [{**row, "writable": True} if row["key"] == key else row for row in rows]


def test_it_leaves_alone_who_is_there_already() -> None:
    wish = {"create": "lead", "fields": [EMAIL_ROW, {"to": LINK, "value": "x"}], "tag": "Friends"}
    world = Arrivals(Crm(Person("c1", " Frida@Example.com")), leads=wish)
    friend_of_dana(world)
    world.send()
    assert (world.states(), world.crm.writes, world.crm.tags) == (
        {"frida@example.com": "left_alone"},
        [],
        [],
    )


def test_it_updates_who_is_there_already_when_that_is_wanted() -> None:
    fields = [EMAIL_ROW, {"to": LINK, "value": "x"}]
    wish = {"create": "lead", "on_match": "update", "fields": fields, "tag": "Friends"}
    world = Arrivals(Crm(Person("c1", "frida@example.com")), leads=wish)
    friend_of_dana(world)
    world.send()
    assert (world.states(), world.crm.writes, world.crm.tags) == (
        {"frida@example.com": "updated"},
        [("c1", {LINK: "x"})],
        [("c1", "Friends")],
    )


def test_it_takes_the_user_before_the_lead_and_the_latest_seen() -> None:
    crm = Crm(
        Person("a", "frida@example.com", role="lead", seen=9),
        Person("b", "frida@example.com", seen=3),
        Person("c", "frida@example.com", seen=5),
    )
    world = Arrivals(crm, leads=AS_USER)
    friend_of_dana(world)
    world.send()
    assert world.row("frida@example.com").contact_id == "c"


def test_it_tags_whom_it_makes() -> None:
    world = Arrivals(leads={**AS_LEAD, "tag": " Friends "})
    friend_of_dana(world)
    world.send()
    assert world.crm.tags == [("new0", "Friends")]


def test_it_never_sends_whom_a_sync_made() -> None:
    world = Arrivals(Crm(Person("c1", "synced@example.com", "S")), referrers=AS_USER)
    world.run()
    world.send()
    assert (world.states(), len(world.crm.people)) == ({}, 1)


def test_it_knows_a_referrer_by_the_contact_a_sync_linked() -> None:
    wish = {"create": "user", "on_match": "update", "fields": [EMAIL_ROW, {"to": CODE, "value": "x"}]}
    world = Arrivals(Crm(Person("c1", "dana@example.com", "S")), referrers=wish)
    world.add("dana@example.com")
    world.run()
    world.crm.people["c1"].email = "new-address@example.com"
    world.send()
    assert (len(world.crm.people), world.crm.writes[-1]) == (1, ("c1", {CODE: "x"}))


def test_it_is_told_to_a_worker_with_the_commit() -> None:
    world = Arrivals(leads=AS_LEAD)
    friend_of_dana(world)
    jobs = ProcrastinateJob.objects.filter(queueing_lock=f"newcomers:{world.connection.pk}")
    assert [job.args for job in jobs] == [{"connection_id": str(world.connection.pk)}]


def test_it_cancels_who_waits_when_it_is_switched_off() -> None:
    world = Arrivals(leads=AS_LEAD)
    friend_of_dana(world)
    world.wish(leads={"create": "nothing", "fields": [EMAIL_ROW]})
    world.wish(leads=AS_LEAD)
    world.send()
    assert (world.states(), world.in_crm()) == ({"frida@example.com": "cancelled"}, {})


def test_it_makes_one_contact_for_a_friend_who_becomes_a_referrer() -> None:
    world = Arrivals(leads=AS_LEAD, referrers=AS_USER)
    world.crm.lags = True
    friend_of_dana(world)
    world.add("frida@example.com")
    world.send()
    assert world.in_crm() == {"frida@example.com": "lead", "dana@example.com": "user"}


def test_it_makes_one_contact_for_a_friend_of_two_campaigns_although_the_index_lags() -> None:
    world = Arrivals(leads=AS_LEAD)
    world.crm.lags = True
    friend_of_dana(world)
    world.send()
    other = Arrivals(world.crm)
    other.workspace_id, other.connection = world.workspace_id, world.connection
    other.campaign.workspace_id = world.workspace_id
    other.campaign.save()
    other.wish(leads=AS_LEAD)
    other.add("dana@example.com")
    other.befriend("frida@example.com")
    other.send()
    assert world.in_crm() == {"frida@example.com": "lead"}


def test_it_forgets_a_lead_that_was_deleted() -> None:
    world = Arrivals(leads=AS_LEAD)
    world.add("dana@example.com")
    lead = world.befriend("frida@example.com")
    with in_workspace(world.workspace_id):
        delete_lead(lead)
    world.send()
    assert (world.in_crm(), world.states()) == ({}, {})


def test_it_sends_the_address_a_referrer_has_by_now() -> None:
    world = Arrivals(referrers=AS_USER)
    dana = world.add("dana@example.com")
    with in_workspace(world.workspace_id):
        change_referrer(dana, who="alice@example.com", email="dana@example.org")
    world.send()
    assert world.in_crm() == {"dana@example.org": "user"}


def test_it_puts_a_whole_upload_into_the_outbox_with_a_few_statements(
    django_assert_max_num_queries: object,
) -> None:
    from passalong.referrers.signals import referrers_created

    world = Arrivals()
    ids = [world.add(f"p{number}@example.com").pk for number in range(20)]
    world.wish(referrers=AS_USER)
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        referrers_created.send(sender=Referrer, workspace_id=world.workspace_id, ids=ids)
    assert Newcomer.everywhere.filter(connection=world.connection).count() == 20


# Events


def test_it_notes_an_invitation_and_a_conversion_on_the_referrers_contact() -> None:
    events = ["invited-friend", "referral-converted"]
    world = Arrivals(Crm(Person("c1", "dana@example.com")), events=events)
    world.add("dana@example.com")
    lead = world.befriend("frida@example.com", first_name="Frida")
    with in_workspace(world.workspace_id):
        lead = qualify(lead)
    world.send()
    said = {
        "campaign": "Spring",
        "referral_code": world.referrer("dana@example.com").code,
        "friend": "Frida",
    }
    assert world.crm.events == {
        ("c1", "invited-friend", int(lead.created_at.timestamp())): said,
        ("c1", "referral-converted", int(lead.qualified_at.timestamp())): said,  # type: ignore[union-attr]
    }


def test_it_notes_two_friends_of_one_second_as_two() -> None:
    world = Arrivals(Crm(Person("c1", "dana@example.com")), events=["invited-friend"])
    world.add("dana@example.com")
    world.befriend("frida@example.com")
    world.befriend("gus@example.com")
    Newcomer.everywhere.filter(connection=world.connection).update(moment=1_790_000_000)
    world.send()
    assert sorted(at for _one, _name, at in world.crm.events) == [1_790_000_000, 1_790_000_001]


def test_it_repeats_an_event_with_the_same_second() -> None:
    world = Arrivals(Crm(Person("c1", "dana@example.com")), events=["invited-friend"])
    world.add("dana@example.com")
    world.befriend("frida@example.com")
    world.crm.at("event", 1, unavailable())
    world.send()
    first = world.row("dana@example.com").moment
    world.send_later(timedelta(minutes=2))
    assert [at for _one, _name, at in world.crm.events] == [first]


def test_it_notes_a_conversion_once_though_it_is_taken_back_and_given_again() -> None:
    world = Arrivals(Crm(Person("c1", "dana@example.com")), events=["referral-converted"])
    world.add("dana@example.com")
    lead = world.befriend("frida@example.com")
    with in_workspace(world.workspace_id):
        qualify(lead)
        unqualify(lead)
        qualify(lead)
    world.send()
    assert len(world.crm.events) == 1


def test_it_notes_events_on_the_contact_that_is_about_to_be_made() -> None:
    world = Arrivals(referrers=AS_USER, events=["invited-friend"])
    world.crm.lags = True
    friend_of_dana(world)
    world.send()
    world.send_later()
    assert [one for one, _name, _at in world.crm.events] == ["new0"]


def test_it_says_that_the_referrer_is_not_in_the_crm_once_that_is_sure() -> None:
    world = Arrivals(events=["invited-friend"])
    friend_of_dana(world)
    world.send()
    before = world.states()
    world.send_later(timedelta(minutes=11))
    assert (before, world.states()) == (
        {"invited-friend dana@example.com": "waiting"},
        {"invited-friend dana@example.com": "failed referrer_not_in_crm"},
    )


# Trouble


def test_it_says_which_field_is_gone_and_goes_on_once_it_is_back() -> None:
    world = Arrivals(leads={"create": "lead", "fields": [EMAIL_ROW, {"to": LINK, "value": "x"}]})
    world.crm.missing_fields.add(LINK)
    friend_of_dana(world)
    world.send()
    before = world.states()
    world.crm.missing_fields.clear()
    with in_workspace(world.workspace_id):
        assert services.retry(world.campaign, world.connection) == 1
    world.send()
    assert (before, world.states()) == (
        {"frida@example.com": "failed field_missing"},
        {"frida@example.com": "created"},
    )


def test_it_does_not_ask_again_and_again_for_a_field_that_is_gone() -> None:
    world = Arrivals(leads={"create": "lead", "fields": [EMAIL_ROW, {"to": LINK, "value": "x"}]})
    world.crm.missing_fields.add(LINK)
    world.add("dana@example.com")
    for number in range(60):
        world.befriend(f"friend{number}@example.com")
    world.send()
    assert world.crm.calls["create"] <= 40


def test_it_does_not_bring_back_an_archived_contact() -> None:
    world = Arrivals(Crm(Person("c1", "frida@example.com")), leads=AS_USER)
    world.crm.archived.add("c1")
    friend_of_dana(world)
    world.send()
    assert (world.states(), len(world.crm.people)) == ({"frida@example.com": "failed contact_archived"}, 1)


def test_it_takes_the_contact_that_a_conflict_names_although_search_does_not_show_it() -> None:
    world = Arrivals(Crm(Person("c1", "frida@example.com")), leads=AS_USER)
    world.crm.unseen.add("c1")
    friend_of_dana(world)
    world.send()
    assert (world.row("frida@example.com").contact_id, world.states()) == (
        "c1",
        {"frida@example.com": "left_alone"},
    )


def test_it_finds_another_contact_when_the_one_it_knew_is_gone() -> None:
    wish = {"create": "user", "on_match": "update", "fields": [EMAIL_ROW, {"to": CODE, "value": "x"}]}
    world = Arrivals(Crm(Person("c1", "dana@example.com", "D")), referrers=wish)
    world.add("dana@example.com")
    world.run()
    world.crm.gone.add("c1")
    world.crm.people["c2"] = Person("c2", "dana@example.com")
    world.send()
    assert (world.crm.writes[-1], world.states()) == (
        ("c2", {CODE: "x"}),
        {"dana@example.com": "updated"},
    )


def test_it_waits_while_the_connection_needs_attention_and_goes_on_when_it_is_healed() -> None:
    world = Arrivals(leads=AS_LEAD)
    world.crm.at("find", 1, revoked())
    friend_of_dana(world)
    world.send()
    status = Connection.everywhere.get(pk=world.connection.pk).status
    assert (status, send.waiting(), world.in_crm()) == ("needs_attention", [], {})
    world.befriend("gus@example.com")
    world.heal()
    assert send.waiting() == [world.connection.pk]
    world.send()
    assert world.in_crm() == {"frida@example.com": "lead", "gus@example.com": "lead"}


def test_it_waits_a_while_when_the_crm_is_away() -> None:
    world = Arrivals(leads=AS_LEAD)
    world.crm.at("find", 1, unavailable())
    friend_of_dana(world)
    world.send()
    assert (world.states(), send.waiting()) == ({"frida@example.com": "waiting crm_unavailable"}, [])
    world.send_later(timedelta(minutes=2))
    assert world.states() == {"frida@example.com": "created"}


def test_it_asks_once_a_quarter_of_an_hour_when_a_person_has_to_act() -> None:
    world = Arrivals(leads=AS_LEAD)
    world.add("dana@example.com")
    for number in range(60):
        world.befriend(f"friend{number}@example.com")
    world.crm.at("create", 1, segment_gone())
    for number in range(2, 60):
        world.crm.at("create", number, segment_gone())
    world.send()
    with in_workspace(world.workspace_id):
        told = services.trouble(world.connection)
    assert (world.crm.calls["create"] <= 40, send.waiting(), told and told["code"]) == (
        True,
        [],
        "segment_not_found",
    )


def test_it_makes_the_contact_although_it_may_not_tag() -> None:
    world = Arrivals(leads={**AS_LEAD, "tag": "Friends"})
    world.crm.at("tag", 1, segment_gone())
    friend_of_dana(world)
    world.send()
    assert (world.in_crm(), world.states()) == (
        {"frida@example.com": "lead"},
        {"frida@example.com": "waiting segment_not_found"},
    )
    world.send_later(timedelta(minutes=16))
    assert (world.in_crm(), world.crm.tags) == ({"frida@example.com": "lead"}, [("new0", "Friends")])


def test_it_keeps_to_its_workspace() -> None:
    world, other = Arrivals(leads=AS_LEAD), Arrivals()
    friend_of_dana(world)
    friend_of_dana(other)
    assert ContactLink.objects.filter(campaign=other.campaign).count() == 0
    assert (len(world.states()), len(other.states())) == (1, 0)
