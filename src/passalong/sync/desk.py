"""Lets two transactions of one run work at once, as long as they are about different people."""

import threading
from collections.abc import Iterable


class BusyError(Exception):
    """The other transaction is working on one of these people: give way, and try again when it is done."""


class Desk:
    """Which groups of contacts are being worked on by this run's transactions.

    A run belongs to one worker (its lease sees to that), so memory is the right place for it.
    """

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.changed = threading.Condition()

    def ticket(self) -> "Ticket":
        """For one attempt at one transaction."""
        return Ticket(self)

    def wait(self) -> None:
        """Until somebody has finished, or a moment has passed."""
        with self.changed:
            self.changed.wait(0.1)


class Ticket:
    """The groups one transaction has taken; they are free again when it is closed, after the commit."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.keys: set[str] = set()

    def take(self, keys: Iterable[str]) -> None:
        """Take these groups too. Raises BusyError when the other transaction has one of them."""
        with self.desk.changed:
            wanted = set(keys) - self.keys
            if wanted & self.desk.taken:
                raise BusyError
            self.desk.taken |= wanted
            self.keys |= wanted

    def close(self) -> None:
        """Let the others have them."""
        with self.desk.changed:
            self.desk.taken -= self.keys
            self.keys = set()
            self.desk.changed.notify_all()
