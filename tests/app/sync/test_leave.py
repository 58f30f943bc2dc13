"""Who left an ongoing sync's audience: told apart from whom a reading merely did not meet, then treated by
the sync's rule."""

import pytest

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.referrers.models import Referrer
from passalong.sync import services
from passalong.sync.errors import SyncError
from passalong.sync.models import Member, Run, RunRecord, Sync, WriteBack
from tests.support.crm import LINK, Crm, Part, Person, forbidden, nonsense, revoked, unavailable
from tests.support.process import until
from tests.support.syncing import Kill, World, adds_up, counts, outcomes, survive, work

pytestmark = pytest.mark.django_db(transaction=True)


def crm() -> Crm:
    """Three people, all of them in the audience."""
    people = [Person(f"c{n}", f"p{n}@example.com", f"P{n}") for n in (1, 2, 3)]
    made = Crm(*people)
    made.parts = [Part([["c1", "c2", "c3"]])]
    return made


def ongoing(rule: str, made: Crm | None = None, beside: World | None = None) -> World:
    """An ongoing sync that has met all three once."""
    world = World(made or crm(), beside=beside)
    change(world, type="ongoing", on_leave=rule)
    world.run()
    return world


def change(world: World, **changes: object) -> None:
    with in_workspace(world.workspace_id):
        services.change_sync(Sync.objects.get(pk=world.sync.pk), changes, who="alice@example.com")


def audience(world: World, *ids: str) -> None:
    world.crm.parts = [Part([list(ids)])]


def leave(world: World, *stay: str) -> Run:
    """Only these are in the audience from now on; the second run that does not meet the others."""
    audience(world, *stay)
    world.run()
    return world.run()


def hinted(world: World, *ids: str) -> Run:
    """A run over just those whom the CRM told of."""
    with in_workspace(world.workspace_id):
        return work(services.start_run(Sync.objects.get(pk=world.sync.pk), trigger="webhook", only=ids))


def status(world: World, email: str = "p3@example.com") -> str:
    return world.referrer(email).status


def left(run: Run) -> dict[str, tuple[str, str]]:
    rows = RunRecord.objects.filter(run=run, outcome="left")
    return {row.external_id: (row.reason, row.message) for row in rows}


def test_it_does_nothing_after_one_reading_without_somebody() -> None:
    world = ongoing("deactivate")
    audience(world, "c1", "c2")

    run = world.run()

    assert (run.left, run.status, status(world)) == (0, "succeeded", "active")
    assert world.crm.calls["whereabouts"] == 0


def test_it_says_who_left_and_keeps_them_where_that_is_the_rule() -> None:
    world = ongoing("keep")

    run = leave(world, "c1", "c2")

    said = "This contact is no longer in the audience. Their referral link goes on working."
    assert left(run) == {"c3": ("not_in_audience", said)}
    assert (run.left, run.status, counts(run)) == (1, "succeeded", {"read": 2, "unchanged": 2})
    assert status(world) == "active"


def test_it_says_so_once() -> None:
    world = ongoing("keep")
    leave(world, "c1", "c2")

    runs = [world.run() for _ in range(3)]

    assert [run.left for run in runs] == [0, 0, 0]
    assert world.crm.calls["whereabouts"] == 1


def test_it_names_the_person_who_left() -> None:
    run = leave(ongoing("keep"), "c1", "c2")

    record = RunRecord.objects.get(run=run, outcome="left")
    assert (record.email, record.name, record.referrer_id is not None) == ("p3@example.com", "P3", True)


def test_it_deactivates_the_link_of_somebody_who_left_and_gives_it_back_on_return() -> None:
    world = ongoing("deactivate")
    code = world.referrer("p3@example.com").code
    run = leave(world, "c1", "c2")
    away = status(world)

    audience(world, "c1", "c2", "c3")
    back = world.run()

    assert left(run)["c3"][1].endswith("Their referral link was deactivated, and comes back when they do.")
    assert (away, status(world), world.referrer("p3@example.com").code) == ("inactive", "active", code)
    assert (counts(back), back.left) == ({"read": 3, "unchanged": 3}, 0)


def test_it_acts_again_on_somebody_who_came_back_and_left_again() -> None:
    world = ongoing("deactivate")
    leave(world, "c1", "c2")
    audience(world, "c1", "c2", "c3")
    world.run()

    run = leave(world, "c1", "c2")

    assert (run.left, status(world)) == (1, "inactive")


def test_it_leaves_a_link_inactive_that_a_person_had_deactivated_before() -> None:
    world = ongoing("deactivate")
    Referrer.everywhere.filter(email="p3@example.com").update(status="inactive")
    leave(world, "c1", "c2")

    audience(world, "c1", "c2", "c3")
    world.run()

    assert status(world) == "inactive"


def test_it_removes_somebody_who_left_where_that_is_the_rule() -> None:
    world = ongoing("remove")

    run = leave(world, "c1", "c2")

    assert sorted(world.referrers()) == ["p1@example.com", "p2@example.com"]
    assert sorted(world.links()) == ["c1", "c2"]
    assert Campaign.everywhere.get(pk=world.campaign.pk).referrers_count == 2
    assert left(run)["c3"][1].endswith("They were removed here, as this sync's settings say.")


def test_it_makes_a_new_referrer_of_somebody_who_was_removed_and_returns() -> None:
    world = ongoing("remove")
    leave(world, "c1", "c2")

    audience(world, "c1", "c2", "c3")

    assert outcomes(world.run())["c3"] == "created"


def test_it_deactivates_instead_of_removing_somebody_with_referrals() -> None:
    world = ongoing("remove")
    Referrer.everywhere.filter(email="p3@example.com").update(referrals_count=2)

    run = leave(world, "c1", "c2")

    assert status(world) == "inactive"
    assert "deactivated instead of removing them" in left(run)["c3"][1]
    audience(world, "c1", "c2", "c3")
    world.run()
    assert status(world) == "active"


@pytest.mark.parametrize("rule", ["deactivate", "remove"])
def test_it_never_acts_on_somebody_who_was_added_by_hand(rule: str) -> None:
    world = World(crm())
    world.add("p3@example.com", source="manual")
    change(world, type="ongoing", on_leave=rule)
    world.run()

    run = leave(world, "c1", "c2")

    assert (run.left, status(world)) == (1, "active")
    assert left(run)["c3"][1].endswith(
        "They did not become a referrer through a sync, so they stay as they are."
    )


def test_it_keeps_somebody_whom_another_contact_still_counts_in() -> None:
    made = crm()
    made.people["c4"] = Person("c4", "p3@example.com", "P3")
    made.parts = [Part([["c1", "c2", "c3", "c4"]])]
    world = ongoing("deactivate", made)

    first = leave(world, "c1", "c2", "c4")
    kept = status(world)
    second = leave(world, "c1", "c2")

    assert (left(first)["c3"][1].count("still counts them in"), kept) == (1, "active")
    assert (list(left(second)), status(world)) == (["c4"], "inactive")


def test_it_acts_once_where_both_contacts_of_a_person_left_together() -> None:
    made = crm()
    made.people["c4"] = Person("c4", "p3@example.com", "P3")
    made.parts = [Part([["c1", "c2", "c3", "c4"]])]
    world = ongoing("remove", made)

    run = leave(world, "c1", "c2")

    assert (run.left, sorted(left(run)), len(world.referrers())) == (2, ["c3", "c4"], 2)


def test_it_keeps_somebody_whom_another_ongoing_sync_still_has() -> None:
    world = ongoing("remove")
    other = ongoing("remove", world.crm, beside=world)

    run = leave(world, "c1", "c2")

    assert (run.left, len(other.referrers())) == (1, 3)
    assert "Another contact or sync still counts them in" in left(run)["c3"][1]
    other.run()
    assert (other.run().left, len(other.referrers())) == (1, 2)


def test_it_believes_the_crm_about_somebody_whom_reading_missed_twice() -> None:
    world = ongoing("remove")
    world.crm.hidden = {"c3"}

    runs = [leave(world, "c1", "c2"), world.run(), world.run()]

    assert [run.left for run in runs] == [0, 0, 0]
    assert world.crm.calls["whereabouts"] == 2
    assert len(world.referrers()) == 3


def test_it_leaves_somebody_alone_of_whom_the_crm_makes_no_sense_and_goes_on() -> None:
    world = ongoing("remove")
    world.crm.people["c1"].values[LINK] = "lost"
    audience(world, "c1")
    world.run()
    world.crm.people["c1"].values[LINK] = "lost"
    world.crm.at("whereabouts", 1, nonsense())

    run = world.run()

    assert (run.status, run.error, run.left, run.written) == ("succeeded", None, 1, 1)
    assert sorted(world.referrers()) == ["p1@example.com", "p2@example.com"]


def test_it_asks_after_them_again_once_two_readings_more_have_missed_them() -> None:
    world = ongoing("remove")
    world.crm.at("whereabouts", 1, nonsense())
    leave(world, "c1", "c2")
    kept = len(world.referrers())

    runs = [world.run(), world.run()]

    assert (kept, [run.left for run in runs], len(world.referrers())) == (3, [0, 1], 2)


def test_it_says_what_to_do_when_the_crm_forbids_to_ask_after_somebody() -> None:
    world = ongoing("remove")
    world.crm.at("whereabouts", 1, forbidden())

    run = leave(world, "c1", "c2")

    assert (run.status, run.left, len(world.referrers())) == ("partial", 0, 3)
    assert (run.error or {})["code"] == "permission_missing"
    assert "they stay as they are" in (run.error or {})["message"]


@pytest.mark.parametrize(
    ("trouble", "code"), [(revoked(), "token_revoked"), (unavailable(), "crm_unavailable")]
)
def test_it_ends_when_nobody_can_be_asked_after(trouble: SyncError, code: str) -> None:
    world = ongoing("remove")
    world.crm.at("whereabouts", 1, trouble)

    run = leave(world, "c1", "c2")

    assert (run.status, (run.error or {})["code"], len(world.referrers())) == ("failed", code, 3)


def test_it_goes_on_with_a_run_about_somebody_named_of_whom_the_crm_makes_no_sense() -> None:
    world = ongoing("remove")
    audience(world, "c1", "c2")
    world.crm.at("whereabouts", 1, nonsense())

    run = hinted(world, "c3")

    assert (run.status, run.left, len(world.referrers())) == ("succeeded", 0, 3)


def test_it_treats_somebody_archived_by_the_rule_and_says_so() -> None:
    world = ongoing("deactivate")
    world.crm.gone = {"c3"}

    run = leave(world, "c1", "c2")

    assert left(run)["c3"][0] == "contact_gone"
    assert left(run)["c3"][1].startswith("This contact was archived or deleted in Nasty.")
    assert status(world) == "inactive"


def test_it_keeps_somebody_who_was_merged_into_another_contact() -> None:
    world = ongoing("remove")
    world.crm.merged = {"c3": ""}

    run = leave(world, "c1", "c2")

    assert left(run)["c3"][0] == "contact_merged"
    assert status(world) == "active"


def test_it_goes_on_with_the_contact_that_somebody_was_merged_into() -> None:
    world = ongoing("remove")
    code = world.referrer("p3@example.com").code
    world.crm.people["c9"] = Person("c9", "nine@example.com", "Nine")
    world.crm.merged = {"c3": "c9"}

    run = leave(world, "c1", "c2")

    said = "This contact was merged into another one in Nasty. "
    assert left(run)["c3"] == ("contact_merged", said + "Their referrer is linked to that one from now on.")
    assert world.links() == {"c1": "p1@example.com", "c2": "p2@example.com", "c9": "p3@example.com"}
    assert status(world) == "active"
    wish = WriteBack.objects.get(external_id="c9")
    assert (wish.pending, wish.remote, wish.sent) == (True, {"custom_attributes.Link": None}, {})
    assert Member.objects.filter(sync=world.sync, external_id="c9", missed=0).count() == 1
    audience(world, "c1", "c2", "c9")
    world.run()
    assert (world.referrer("nine@example.com").code, len(world.referrers())) == (code, 3)


def test_it_merges_two_referrers_whose_contacts_were_merged() -> None:
    world = ongoing("remove")
    first = world.referrer("p2@example.com")
    world.crm.merged = {"c3": "c2"}

    run = leave(world, "c1", "c2")

    assert world.links() == {"c1": "p1@example.com", "c2": "p2@example.com"}
    assert world.referrers() == {"p1@example.com": "P1", "p2@example.com": "P2"}
    assert (world.referrer("p2@example.com").pk, status(world, "p2@example.com")) == (first.pk, "active")
    assert (run.left, run.status) == (1, "succeeded")
    assert Campaign.everywhere.get(pk=world.campaign.pk).referrers_count == 2
    assert (world.run().left, world.run().left) == (0, 0)


def test_it_acts_on_somebody_who_is_left_out_on_purpose_now() -> None:
    world = ongoing("deactivate")
    world.crm.parts = [Part([["c1", "c2", "c3"]]), Part([["c3"]], "exclude")]
    world.run()

    run = world.run()

    assert (counts(run), run.left, status(world)) == (
        {"read": 3, "unchanged": 2, "skipped": 1},
        0,
        "inactive",
    )
    record = RunRecord.objects.get(run=run, external_id="c3")
    assert record.message.endswith("Their referral link was deactivated, and comes back when they do.")


def test_it_takes_nobody_for_gone_after_an_empty_reading_however_often() -> None:
    world = ongoing("remove")
    audience(world)

    runs = [world.run() for _ in range(3)]

    assert [(run.status, (run.error or {})["code"], run.left) for run in runs] == [
        ("partial", "audience_empty", 0)
    ] * 3
    assert len(world.referrers()) == 3


def test_it_finds_nothing_wrong_with_an_audience_that_was_always_empty() -> None:
    world = World(Crm())
    change(world, type="ongoing")

    assert (world.run().status, world.run().error) == ("succeeded", None)


def test_it_takes_nobody_for_gone_after_a_short_reading() -> None:
    world = ongoing("remove")
    audience(world, "c1", "c2")
    world.crm.total_off_by = 1

    runs = [world.run() for _ in range(3)]

    assert [(run.status, run.left) for run in runs] == [("partial", 0)] * 3
    assert len(world.referrers()) == 3


def test_it_takes_nobody_for_gone_after_a_reading_that_failed() -> None:
    world = ongoing("remove")
    audience(world, "c1", "c2")
    for nth in (2, 3, 4):
        world.crm.at("page", nth, nonsense())

    runs = [world.run() for _ in range(3)]

    assert [(run.status, run.left) for run in runs] == [("failed", 0)] * 3
    assert set(Member.objects.filter(sync=world.sync).values_list("missed", flat=True)) == {0}


def test_it_does_not_count_a_retry_as_a_reading() -> None:
    world = ongoing("remove")
    world.crm.missing_fields = {"custom_attributes.Link"}
    Referrer.everywhere.filter(email="p1@example.com").update(code="changed")
    failed = world.run()
    audience(world, "c1", "c2")
    with in_workspace(world.workspace_id):
        runs = [work(services.retry_run(failed)) for _ in range(2)]

    assert [run.left for run in runs] == [0, 0]
    assert set(Member.objects.filter(sync=world.sync).values_list("missed", flat=True)) == {0}


def test_it_takes_nobody_for_gone_in_a_one_time_sync() -> None:
    world = World(crm())
    world.run()

    run = leave(world, "c1", "c2")

    assert (run.left, Member.objects.filter(sync=world.sync).count()) == (0, 0)


def test_it_previews_without_counting_anybody_out() -> None:
    world = ongoing("remove")
    audience(world, "c1", "c2")
    world.run()

    world.preview()

    assert (world.crm.calls["whereabouts"], len(world.referrers())) == (0, 3)


def test_it_ends_the_same_wherever_its_worker_dies() -> None:
    def killed(nth: int, *, before: bool) -> tuple[object, ...]:
        world = ongoing("deactivate")
        audience(world, "c1", "c2")
        world.run()
        run, added_up = survive(world, [Kill(nth, before)])
        return run.left, list(left(run)), status(world), run.status, added_up, adds_up(run)

    ends = [killed(nth, before=before) for nth in range(1, 16) for before in (True, False)]

    assert set(map(repr, ends)) == {repr((1, ["c3"], "inactive", "succeeded", True, True))}


def test_it_counts_in_whom_a_run_met_that_ended_before_it_was_tallied() -> None:
    world = ongoing("deactivate")
    world.crm.people["c4"] = Person("c4", "p4@example.com", "P4")
    world.crm.parts = [Part([["c1", "c2", "c3", "c4"], ["c1"]])]

    def fail_once_the_first_page_is_applied() -> None:
        until(lambda: "p4@example.com" in world.referrers() or None, 20, "the first page")
        raise nonsense()

    world.crm.at("page", world.crm.calls["page"] + 2, fail_once_the_first_page_is_applied)
    assert world.run().status == "failed"
    leave(world, "c1", "c2", "c3")
    assert status(world, "p4@example.com") == "inactive"


def test_it_lets_another_contact_speak_for_somebody_whose_leading_one_is_gone() -> None:
    made = crm()
    made.people["c3"].email = "p2@example.com"
    made.people["c3"].seen = 9
    world = ongoing("deactivate", made)
    assert world.referrers()["p2@example.com"] == "P3"
    made.gone.add("c3")
    made.people["c2"].name = "Now I speak"
    leave(world, "c1", "c2")
    world.run()
    assert world.referrers()["p2@example.com"] == "Now I speak"
