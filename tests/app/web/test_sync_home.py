"""A sync's home: its four tabs, and what can be changed there."""

from datetime import timedelta

import pytest
from django.test import Client

from passalong.accounts import audit
from passalong.accounts.models import AuditEntry
from passalong.accounts.scope import in_workspace
from passalong.core.clock import now
from passalong.core.ids import public_id
from passalong.sync import services
from passalong.sync.models import Connection, Run, Sync, SyncDraft
from tests.app.web.conftest import browser
from tests.app.web.test_runs import done, run_of
from tests.support import cast
from tests.support.cast import Person

pytestmark = pytest.mark.django_db

LINK = "custom_attributes.Link"
TABS = ("", "/runs", "/mapping", "/settings")
MAP_IN = {
    "rows": "2",
    "from-0": "name",
    "to-0": "first_name",
    "format-0": "first_word",
    "mode-0": "overwrite",
    "from-1": "email",
    "to-1": "email",
    "mode-1": "overwrite",
}
SETTINGS = {
    "name": "Everyone",
    "type": "one_time",
    "unsubscribed": "include",
    "bounced": "include",
    "spam": "skip",
}


def at(sync: Sync, rest: str = "") -> str:
    return f"/syncs/{public_id('sync', sync.pk)}{rest}"


def seen(page: Client, sync: Sync, rest: str = "") -> str:
    answer = page.get(at(sync, rest))
    assert answer.status_code == 200
    return answer.content.decode()


def change(sync: Sync, **changes: object) -> None:
    with in_workspace(sync.workspace_id):
        services.change_sync(Sync.objects.get(pk=sync.pk), changes, who="bob@example.com")


def entries(sync: Sync) -> list[tuple[str, str]]:
    return list(AuditEntry.everywhere.filter(subject=sync.pk).order_by("id").values_list("verb", "who"))


@pytest.mark.parametrize("tab", TABS)
def test_it_shows_every_tab_to_viewers_without_buttons(viewer: Client, sync: Sync, tab: str) -> None:
    text = seen(viewer, sync, tab)

    assert text.count('aria-current="page"') >= 3
    assert "Run again" not in text
    assert ">Save<" not in text
    assert ">Edit<" not in text


@pytest.mark.parametrize("tab", [*TABS, "/mapping/map-in"])
def test_it_hides_syncs_of_others(stranger: Client, sync: Sync, tab: str) -> None:
    assert stranger.get(at(sync, tab)).status_code == 404


# Status


def test_it_says_that_it_has_not_run(page: Client, sync: Sync) -> None:
    assert "It has not run yet" in seen(page, sync)


def test_it_says_what_went_wrong_last(page: Client, sync: Sync) -> None:
    done(sync)

    text = seen(page, sync)

    assert "The last run had problems" in text
    assert "1 contact failed." in text


def test_it_says_that_all_is_well(page: Client, sync: Sync) -> None:
    change(sync, type="ongoing", interval_minutes=60)
    run_of(sync, status="succeeded", phase="done", read=3, unchanged=3, finished_at=now())
    Sync.everywhere.update(next_run_at=now() + timedelta(minutes=59))

    text = seen(page, sync)

    assert "Healthy" in text
    assert "from now" in text
    assert "Ongoing sync, every hour" in text


def test_it_says_that_a_failed_run_failed_and_why(page: Client, sync: Sync) -> None:
    error = {"code": "segment_not_found", "message": "The segment is gone.", "next_step": "Choose another."}
    run_of(sync, status="failed", error=error)

    text = seen(page, sync)

    assert "The last run failed" in text
    assert "The segment is gone." in text
    assert "Choose another." in text


def test_it_says_that_a_run_is_overdue(page: Client, sync: Sync) -> None:
    change(sync, type="ongoing")
    Sync.everywhere.update(next_run_at=now() - timedelta(hours=1))

    assert "A run is overdue" in seen(page, sync)


def test_it_says_that_the_connection_needs_somebody(page: Client, sync: Sync) -> None:
    Connection.everywhere.update(status="needs_attention")

    text = seen(page, sync)

    assert "The connection to Intercom needs you" in text
    assert "Open the connection" in text


def test_it_says_that_it_is_paused(page: Client, sync: Sync) -> None:
    page.post(at(sync, "/pause"))

    text = seen(page, sync)

    assert "This sync is paused" in text
    assert "when it is resumed" in text


def test_it_links_to_the_run_under_way(page: Client, sync: Sync) -> None:
    run = run_of(sync, status="running", phase="read")

    text = seen(page, sync)

    assert "Running now" in text
    assert f"/runs/{public_id('run', run.pk)}" in text


def test_it_adds_up_all_runs(page: Client, sync: Sync) -> None:
    for _ in range(2):
        run_of(sync, status="succeeded", created=1500, updated=7, written=3, left=1, api_calls=11)

    text = seen(page, sync)

    for words, number in (
        ("Referrers created", "3,000"),
        ("Updated", "14"),
        ("Written back", "6"),
        ("API calls", "22"),
    ):
        assert f"<dt>{words}</dt><dd>{number}</dd>" in text


# Runs


def test_it_lists_runs_with_who_and_what_they_did(page: Client, sync: Sync) -> None:
    run_of(sync, status="succeeded", trigger="schedule", read=1234, unchanged=1234, api_calls=9)
    run_of(sync, status="succeeded", started_by="alice@example.com", read=2, created=2)

    text = seen(page, sync, "/runs")

    assert text.index("alice@example.com") < text.index("By schedule")
    assert "1,234" in text


def test_it_says_that_there_are_no_runs(page: Client, sync: Sync) -> None:
    assert "It has not run yet" in seen(page, sync, "/runs")


# Settings


def test_it_changes_the_settings_and_notes_who_did(page: Client, sync: Sync) -> None:
    form = {
        **SETTINGS,
        "name": "Everybody <b>",
        "type": "ongoing",
        "every": "other",
        "minutes": "45",
        "on_leave": "deactivate",
        "bounced": "skip",
    }

    answer = page.post(at(sync, "/settings"), form, follow=True)

    sync.refresh_from_db()
    assert (sync.name, sync.type, sync.interval_minutes, sync.on_leave) == (
        "Everybody <b>",
        "ongoing",
        45,
        "deactivate",
    )
    assert sync.contact_policy == {"unsubscribed": "include", "bounced": "skip", "spam": "skip"}
    text = answer.content.decode()
    assert "Everybody &lt;b&gt;" in text
    assert "Settings changed" in text
    assert "alice@example.com" in text
    assert "<del>One-time sync</del>" in text
    assert "Deactivate their link" in text
    assert entries(sync) == [("sync.changed", "alice@example.com")]


def test_it_notes_nothing_when_nothing_changed(page: Client, sync: Sync) -> None:
    page.post(at(sync, "/settings"), SETTINGS)

    assert entries(sync) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": " "}, "Give the sync a name of at most 150 characters."),
        ({"type": "ongoing", "every": "other", "minutes": "4"}, "Choose between 5 minutes and 31 days."),
        ({"type": "ongoing", "every": "other", "minutes": "soon"}, "Choose between 5 minutes and 31 days."),
        ({"type": "sometimes"}, "Say one_time or ongoing."),
    ],
)
def test_it_says_what_is_wrong_and_keeps_what_was_typed(
    page: Client, sync: Sync, wrong: dict[str, str], sentence: str
) -> None:
    answer = page.post(at(sync, "/settings"), {**SETTINGS, "name": "Typed", **wrong})

    text = answer.content.decode()
    assert answer.status_code == 422
    assert text.count(sentence) >= 2
    if "name" not in wrong:
        assert 'value="Typed"' in text
    sync.refresh_from_db()
    assert (sync.name, sync.type) == ("Everyone", "one_time")


def test_it_shows_an_unusual_interval_as_one(page: Client, sync: Sync) -> None:
    change(sync, type="ongoing", interval_minutes=45)

    text = seen(page, sync, "/settings")

    assert 'name="every" value="other" checked' in text
    assert 'name="minutes" value="45"' in text


def test_it_says_what_stays_before_it_deletes(page: Client, sync: Sync) -> None:
    text = seen(page, sync, "/delete")
    assert "All referrers stay, with their links and counts." in text

    page.post(at(sync, "/delete"))

    assert not Sync.everywhere.exists()


# Mapping


def test_it_shows_both_maps_in_words(page: Client, sync: Sync) -> None:
    text = seen(page, sync, "/mapping")

    assert "First name" in text
    assert "Referral link" in text
    assert "It has not been changed since the sync was created." in text


def test_it_changes_the_map_and_says_who_did(page: Client, sync: Sync) -> None:
    page.get(at(sync, "/mapping/map-in"))
    form = {**MAP_IN, "rows": "3", "from-2": LINK, "to-2": "phone", "mode-2": "fill_if_empty"}

    answer = page.post(at(sync, "/mapping/map-in"), {"version": "1", "do": "save", **form}, follow=True)

    sync.refresh_from_db()
    assert [(row["from"], row["to"]) for row in sync.inbound][-1] == (LINK, "phone")
    text = answer.content.decode()
    assert "Mapping changed" in text
    assert "alice@example.com" in text
    assert "Only fill it when empty here" in text
    assert not SyncDraft.everywhere.exists()


def test_it_keeps_what_was_acted_on_for_whoever_leaves_the_page(page: Client, sync: Sync) -> None:
    page.get(at(sync, "/mapping/map-in"))
    page.post(at(sync, "/mapping/map-in"), {"version": "1", "do": "add", **MAP_IN})

    assert 'id="row-2"' in page.get(at(sync, "/mapping/map-in")).content.decode()
    assert "You have begun to change this mapping" in seen(page, sync, "/mapping")


def test_it_forgets_what_was_cancelled(page: Client, sync: Sync) -> None:
    page.get(at(sync, "/mapping/map-in"))
    page.post(at(sync, "/mapping/map-in"), {"version": "1", "do": "add", **MAP_IN})

    page.post(at(sync, "/mapping/discard"))

    assert "You have begun" not in seen(page, sync, "/mapping")
    assert 'id="row-2"' not in page.get(at(sync, "/mapping/map-in")).content.decode()


def test_it_says_what_is_wrong_at_the_row(page: Client, sync: Sync) -> None:
    page.get(at(sync, "/mapping/map-in"))

    answer = page.post(at(sync, "/mapping/map-in"), {"version": "1", "do": "save", **MAP_IN, "from-0": ""})

    assert answer.status_code == 422
    assert "Choose the Intercom field that First name comes from." in answer.content.decode()
    assert entries(sync) == []


def test_it_tells_whoever_saves_second_and_keeps_what_they_typed(
    page: Client, sync: Sync, alice: Person
) -> None:
    bob = browser(cast.bob(alice.workspace).member.user)
    for one in (page, bob):
        one.get(at(sync, "/mapping/map-in"))
    theirs = {**MAP_IN, "rows": "3", "from-2": LINK, "to-2": "phone", "mode-2": "overwrite"}
    bob.post(at(sync, "/mapping/map-in"), {"version": "1", "do": "save", **theirs})
    mine = {**MAP_IN, "from-0": "name", "format-0": "whole"}

    answer = page.post(at(sync, "/mapping/map-in"), {"version": "1", "do": "save", **mine})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "bob@example.com has changed this mapping since you began." in text
    assert 'value="whole" selected' in text

    version = text.partition('name="version" value="')[2].partition('"')[0]
    page.post(at(sync, "/mapping/map-in"), {"version": version, "do": "save", **mine})
    sync.refresh_from_db()
    assert len(sync.inbound) == 2
    assert sync.inbound[0]["name_format"] == "whole"


def test_it_tells_of_somebody_elses_unsaved_changes(page: Client, sync: Sync, alice: Person) -> None:
    bob = browser(cast.bob(alice.workspace).member.user)
    bob.get(at(sync, "/mapping/map-in"))
    bob.post(at(sync, "/mapping/map-in"), {"version": "1", "do": "add", **MAP_IN})

    assert "bob@example.com is changing this mapping, too" in seen(page, sync, "/mapping")


def test_it_says_that_a_run_under_way_keeps_the_old_mapping(page: Client, sync: Sync) -> None:
    run_of(sync, status="running")

    text = page.get(at(sync, "/mapping/map-in")).content.decode()

    assert "The run under way keeps the old mapping." in text


def test_it_lets_viewers_change_no_mapping(viewer: Client, sync: Sync) -> None:
    assert viewer.get(at(sync, "/mapping/map-in")).status_code == 403
    assert viewer.post(at(sync, "/mapping/map-in"), MAP_IN).status_code == 403


def test_it_knows_no_other_maps(page: Client, sync: Sync) -> None:
    assert page.get(at(sync, "/mapping/map-up")).status_code == 404


def test_it_shows_only_changes_of_the_mapping_there(page: Client, sync: Sync) -> None:
    change(sync, name="Another name")
    with in_workspace(sync.workspace_id):
        audit.note(sync.pk, "sync.paused", "bob@example.com")

    text = seen(page, sync, "/mapping")

    assert "Sync paused" not in text
    assert "Settings changed" not in text
    assert "Sync paused" in seen(page, sync, "/settings")


def test_it_counts_runs_of_this_sync_only(page: Client, sync: Sync) -> None:
    other = cast.sync_of(sync.campaign, sync.connection, "Other")
    run_of(other, status="succeeded", created=5)

    assert "<dt>Runs</dt><dd>0</dd>" in seen(page, sync)
    assert Run.everywhere.count() == 1
