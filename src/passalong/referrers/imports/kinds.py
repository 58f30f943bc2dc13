"""What an uploaded list can be for: each kind says what columns mean to it and what becomes of rows.

An app that takes lists registers its kinds when Django starts, so that this one knows of none but its own.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.utils import CursorWrapper

from passalong.referrers.imports.models import Import
from passalong.referrers.imports.table import Row


@dataclass(frozen=True)
class Kind:
    """One thing that lists are for."""

    name: str
    #: The columns of the file that is given to be filled in.
    template: tuple[str, ...]
    #: Columns → the target of each by what its name says, "" where it says nothing.
    suggested: Callable[[Sequence[str]], list[str]]
    #: Columns and the target of each; Problem 422 where that does not work.
    check: Callable[[list[str], list[str]], None]
    #: Rows become what they say, with records; gives how many had which outcome. Runs in the transaction that
    #: moves the checkpoint, in the workspace of the import; CollisionError or IntegrityError: look again.
    apply: Callable[[Import, CursorWrapper, list[Row]], Counter[str]]


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Take lists of this kind."""
    _KINDS[kind.name] = kind


def kind_named(name: str) -> Kind:
    """A kind that was registered."""
    return _KINDS[name]


class CollisionError(Exception):
    """Somebody else added or removed one of these people, or drew one of these codes. Look again."""


@dataclass
class Made:
    """What becomes of a row. One that is created, updated or unchanged decides about the person with this
    email: later rows about them are repeats (see rows.record)."""

    number: int
    email: str
    outcome: str
    referrer: Any = None
    lead: Any = None
    reason: str = ""
    message: str = ""


def repeated(number: int, email: str, same: str = "has the same address", **about: Any) -> Made:
    """A row about somebody whom an earlier row has decided about."""
    message = f"An earlier row of this file {same}; that one was used."
    return Made(number, email, "duplicate", reason="duplicate_row", message=message, **about)
