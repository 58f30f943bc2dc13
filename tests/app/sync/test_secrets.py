"""The token stays where it is, whatever goes wrong; and nobody sees another workspace's rows."""

import json

import pytest
from django.apps import apps
from django.db import models

from passalong.accounts.models import Member
from passalong.accounts.scope import NoWorkspaceError, WorkspaceModel, in_workspace
from passalong.campaigns.models import Campaign
from passalong.referrers.models import Referrer
from passalong.sync.models import Connection, Run, RunRecord, Sync, SyncDraft
from tests.support.crm import EVERY_ERROR, Crm, Method, Person
from tests.support.syncing import World

pytestmark = pytest.mark.django_db(transaction=True)

SCOPED: list[type[WorkspaceModel]] = [Campaign, Referrer, Connection, Sync, SyncDraft, Run, Member]
BROKEN: list[BaseException] = [
    *(error() for error in EVERY_ERROR),
    RuntimeError("a bug, with Authorization: Bearer abcdefghijk in its message"),
    KeyError("surprise"),
]


def crowd() -> Crm:
    return Crm(*(Person(f"c{one}", f"p{one}@example.com", f"P{one}") for one in range(1, 6)))


def everything_stored(world: World) -> str:
    """Every row of a run as text."""
    run = Run.everywhere.filter(sync=world.sync).values().latest("id")
    return json.dumps([run, list(RunRecord.objects.filter(run_id=run["id"]).values())], default=str)


@pytest.mark.parametrize("method", ["open", "plan", "page", "write"])
@pytest.mark.parametrize("error", BROKEN, ids=lambda error: getattr(error, "code", type(error).__name__))
def test_it_keeps_the_token_to_itself(
    method: Method,
    error: BaseException,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World(crowd())
    world.crm.at(method, 1, error)

    run = world.run()

    # What a person must change for writing leaves the reading as it is.
    read_all_the_same = method == "write" and getattr(error, "code", "") == "segment_not_found"
    assert run.status == ("partial" if read_all_the_same else "failed")
    assert run.error is not None
    assert run.error["code"] == getattr(error, "code", "internal_error")
    told = everything_stored(world) + caplog.text + "".join(capsys.readouterr())
    assert world.crm.token not in told
    assert world.crm.token not in str(Connection.everywhere.filter(pk=world.connection.pk).values())


def test_it_says_nothing_of_a_bug_to_people() -> None:
    world = World(crowd())
    world.crm.at("page", 1, RuntimeError("the password is hunter2"))

    world.run()

    assert "hunter2" not in everything_stored(world)


def test_it_says_what_to_do_when_the_token_cannot_be_read() -> None:
    world = World(crowd())
    Connection.everywhere.filter(pk=world.connection.pk).update(secret="not of this installation")

    run = world.run()

    assert run.error is not None
    assert (run.status, run.error["code"]) == ("failed", "secret_unreadable")
    assert Connection.everywhere.get(pk=world.connection.pk).status == "needs_attention"


@pytest.mark.parametrize("model", SCOPED, ids=lambda model: model.__name__)
def test_it_refuses_a_query_outside_of_a_workspace(model: type[WorkspaceModel]) -> None:
    with pytest.raises(NoWorkspaceError):
        model.objects.count()


def test_it_has_a_scope_on_every_model_that_has_a_workspace() -> None:
    found = {model for model in apps.get_models() if issubclass(model, WorkspaceModel)}
    assert found >= set(SCOPED)
    for model in found:
        with pytest.raises(NoWorkspaceError):
            model.objects.exists()


@pytest.mark.parametrize("model", [Campaign, Referrer, Connection, Sync, Run], ids=lambda one: one.__name__)
def test_it_shows_nothing_of_another_workspace(model: type[models.Model]) -> None:
    mine, other = World(crowd()), World(crowd())
    mine.run()
    other.run()

    with in_workspace(mine.workspace_id):
        shown = set(model.objects.values_list("workspace_id", flat=True))  # type: ignore[attr-defined]

    assert shown == {mine.workspace_id}


def test_it_reaches_no_other_workspace_with_the_same_people_and_contact_ids() -> None:
    mine, other = World(crowd()), World(crowd())

    mine.run()
    run = other.run()

    assert run.created == 5
    assert Referrer.everywhere.count() == 10
    assert set(mine.linked_to().values()) == set(other.linked_to().values())
