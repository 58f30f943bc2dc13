"""Nobody is made twice: whatever dies, whatever lags, however many workers there are."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from passalong.core.clock import now
from passalong.core.dbthread import DbThread
from passalong.sync.newcomers import store
from passalong.sync.newcomers.models import Newcomer, Turn
from tests.support.crm import Crm, Person, unclear
from tests.support.newcomers import AS_LEAD, AS_USER, Arrivals
from tests.support.syncing import Killed

pytestmark = pytest.mark.django_db(transaction=True)

FRIDA = "frida@example.com"


def arrived(crm: Crm | None = None, wish: dict[str, object] | None = None) -> Arrivals:
    world = Arrivals(crm, leads=wish or AS_LEAD)
    world.add("dana@example.com")
    world.befriend(FRIDA)
    return world


def die(world: Arrivals, method: str, nth: int = 1) -> None:
    """The worker dies at this call, and its lease runs out."""
    world.crm.at(method, nth, RuntimeError("the worker died"))  # type: ignore[arg-type]
    with pytest.raises(RuntimeError):
        world.send()


@pytest.mark.parametrize("wish", [AS_LEAD, AS_USER])
@pytest.mark.parametrize("lags", [True, False])
def test_it_makes_one_although_it_died_after_the_crm_had_made_it(
    wish: dict[str, object], *, lags: bool
) -> None:
    world = arrived(wish=wish)
    world.crm.lags = lags
    die(world, "created")
    for minute in range(4):
        world.send_later(timedelta(minutes=minute))
    world.crm.unseen.clear()
    world.send_later()
    assert (len(world.crm.people), world.states()) == (1, {FRIDA: "created"})


def test_it_does_not_ask_again_before_the_search_must_show_it() -> None:
    world = arrived()
    world.crm.at("create", 1, unclear())
    world.send()
    for _ in range(9):
        world.send_later()
    assert (world.crm.calls["create"], world.states()) == (1, {FRIDA: "waiting crm_unavailable"})


def test_it_asks_again_when_the_search_must_show_it_and_does_not() -> None:
    world = arrived()
    world.crm.at("create", 1, unclear())
    world.send()
    world.send_later(timedelta(minutes=11))
    assert (world.in_crm(), world.states()) == ({FRIDA: "lead"}, {FRIDA: "created"})


def test_it_finds_what_a_lost_answer_made() -> None:
    world = arrived()
    world.crm.at("created", 1, unclear())
    world.send()
    world.send_later()
    assert (world.crm.calls["create"], world.in_crm(), world.states()) == (
        1,
        {FRIDA: "lead"},
        {FRIDA: "created"},
    )


def test_it_tells_what_it_made_from_what_was_there() -> None:
    world = arrived(Crm(Person("old", FRIDA, role="lead", values={"created_at": 1})))
    world.crm.unseen.add("old")
    world.crm.at("create", 1, unclear())
    world.send()
    world.crm.unseen.clear()
    world.send_later()
    assert (len(world.crm.people), world.states()) == (1, {FRIDA: "left_alone"})


def test_it_asks_for_one_email_once_although_two_wait_for_it() -> None:
    world = arrived()
    world.wish(referrers=AS_USER)
    world.crm.lags = True
    die(world, "created")
    world.add(FRIDA)
    for _ in range(3):
        world.send_later()
    world.crm.unseen.clear()
    world.send_later()
    assert (world.in_crm(), world.row_states()) == ({FRIDA: "lead"}, ["created", "left_alone"])


def test_it_goes_on_with_the_tag_when_it_died_before_it() -> None:
    world = arrived(wish={**AS_LEAD, "tag": "Friends"})
    die(world, "tag")
    world.send()
    assert (world.crm.calls["create"], world.crm.tags, world.states()) == (
        1,
        [("new0", "Friends")],
        {FRIDA: "created"},
    )


def test_it_makes_each_once_with_four_workers_at_once() -> None:
    world = Arrivals(leads=AS_LEAD)
    world.crm.lags = True
    world.add("dana@example.com")
    for number in range(30):
        world.befriend(f"friend{number}@example.com")
    at_once(world, 4)
    world.send()
    assert (len(world.crm.people), set(world.in_crm().values())) == (30, {"lead"})


def test_it_makes_each_once_although_no_lease_keeps_the_workers_apart() -> None:
    world = Arrivals(leads=AS_LEAD)
    world.crm.lags = True
    world.add("dana@example.com")
    for number in range(20):
        world.befriend(f"friend{number}@example.com")
    for nth in range(1, 20, 3):
        world.crm.at("create", nth, lambda: Turn.objects.update(until=now() - timedelta(seconds=1)))
    at_once(world, 4)
    world.send_later(timedelta(seconds=10))
    assert (len(world.crm.people), set(world.in_crm().values())) == (20, {"lead"})


def at_once(world: Arrivals, workers: int) -> None:
    """So many workers start together; a turn that is taken sends a worker home."""

    def work() -> None:
        try:
            world.send()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_it_lets_one_of_two_claim_a_person() -> None:
    world = arrived()
    [mine] = store.take(world.connection.pk)
    [theirs] = store.take(world.connection.pk)
    assert [store.claim(mine.row), store.claim(theirs.row)] == [True, False]


def test_it_keeps_the_id_of_somebody_cancelled_while_they_were_made() -> None:
    world = arrived()
    world.crm.at("create", 1, lambda: world.wish(leads={"create": "nothing"}))
    world.send()
    assert world.row(FRIDA).contact_id == "new0"


@pytest.mark.parametrize("nth", range(1, 9))
@pytest.mark.parametrize("before", [True, False])
def test_it_survives_death_at_any_step(nth: int, monkeypatch: pytest.MonkeyPatch, *, before: bool) -> None:
    """Before and after each thing it does with the database."""
    world = arrived(wish={**AS_LEAD, "tag": "Friends"})
    world.crm.lags = True
    mortal = Mortal(nth, before=before)
    try:
        mortal.work(world)
    except Killed:
        Turn.objects.update(until=now() - timedelta(seconds=1))
    world.send_later()
    world.crm.unseen.clear()
    world.send_later(timedelta(minutes=2))
    world.send_later(timedelta(minutes=11))
    assert (len(world.crm.people), world.crm.tags, world.states()) == (
        1,
        [("new0", "Friends")],
        {FRIDA: "created"},
    )
    assert Newcomer.everywhere.filter(connection=world.connection).count() == 1


class Mortal(DbThread):
    """A database thread whose worker dies at the nth call."""

    def __init__(self, nth: int, *, before: bool) -> None:
        super().__init__()
        self.left, self.before = nth, before

    async def __call__(self, function, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.left -= 1
        if self.left == 0 and self.before:
            raise Killed
        result = await super().__call__(function, *args, **kwargs)
        if self.left == 0:
            raise Killed
        return result

    def work(self, world: Arrivals) -> None:
        import asyncio

        from passalong.sync.newcomers.deliver import Postman
        from tests.support.crm import NastySession

        async def deliver() -> None:
            try:
                postman = Postman(NastySession(world.crm), self)
                while parcels := await self(store.take, world.connection.pk):
                    await postman.deliver(parcels)
            finally:
                await DbThread.close(self)

        asyncio.run(deliver())
