"""Two transactions of one run keep off the same people."""

import pytest

from passalong.sync.desk import BusyError, Desk


def test_it_refuses_what_the_other_has() -> None:
    desk = Desk()
    desk.ticket().take(["e:a@example.com"])

    with pytest.raises(BusyError):
        desk.ticket().take(["e:b@example.com", "e:a@example.com"])

    assert desk.taken == {"e:a@example.com"}


def test_it_lets_the_same_one_take_again() -> None:
    desk = Desk()
    ticket = desk.ticket()
    ticket.take(["r:1"])

    ticket.take(["r:1", "r:2"])

    assert desk.taken == {"r:1", "r:2"}


def test_it_gives_everything_back_when_closed() -> None:
    desk = Desk()
    ticket = desk.ticket()
    ticket.take(["r:1", "r:2"])

    ticket.close()

    assert desk.taken == set()
