"""What every step's form has in common."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from passalong.core.problems import FieldProblem, Problem
from passalong.sync import connections
from passalong.sync.models import Connection, SyncDraft
from passalong.sync.records import Field, Segment
from passalong.sync.setup.drafts import connection_of

Answer = dict[str, Any]
Posted = Mapping[str, Any]


@dataclass
class Setup:
    """A draft with what its CRM says; `trouble` is why the CRM could not be asked."""

    draft: SyncDraft
    trouble: Problem | None = None
    _fields: list[Field] | None = field(default=None, repr=False)

    @property
    def connection(self) -> Connection | None:
        """The connection chosen in the first step."""
        return connection_of(self.draft)

    def fields(self, *, refresh: bool = False) -> list[Field]:
        """The CRM's fields; none when it cannot be asked, and `trouble` then says why."""
        if self._fields is None or refresh:
            try:
                self._fields = connections.fields(self._connected(), refresh=refresh)
            except Problem as problem:
                self.trouble, self._fields = problem, []
        return self._fields

    @property
    def crm(self) -> str:
        """What people call the other side, such as "Intercom"."""
        return connections.title(self._connected())

    def segments(self, *, refresh: bool = False) -> list[Segment]:
        """The CRM's segments: the last ones known at once, live ones when asked for or none are known."""
        connection = self._connected()
        known = msgspec.convert(connection.segments_cache, list[Segment])
        if known and not refresh:
            return known
        try:
            return connections.segments(connection)
        except Problem as problem:
            self.trouble = problem
            return known

    def _connected(self) -> Connection:
        connection = self.connection
        if connection is None:
            raise Problem(
                409,
                "no_connection",
                "No connection",
                "No account is chosen.",
                "Choose one in the first step.",
            )
        return connection


class Form(Protocol):
    """One step. `typed` never refuses; `problems` says everything wrong at once."""

    def typed(self, setup: Setup, posted: Any) -> Answer:
        """The answer as it was typed, in the shape the draft keeps."""

    def act(self, setup: Setup, answer: Answer, action: str, posted: Any) -> tuple[Answer, str]:
        """Do what a button other than Next and Back says; the new answer and the id to scroll to."""

    def problems(self, setup: Setup, answer: Answer) -> Sequence[FieldProblem]:
        """What must be mended before the next step."""

    def context(self, setup: Setup, answer: Answer, problems: Sequence[FieldProblem]) -> dict[str, Any]:
        """What the template shows."""


def at(problems: Iterable[FieldProblem], place: str) -> list[str]:
    """The messages about one place, `inbound[2]` including `inbound[2].to`."""
    return [p.message for p in problems if p.field == place or p.field.startswith(f"{place}.")]


def text(posted: Any, name: str, limit: int = 1000) -> str:
    """One typed value, without NUL."""
    return str(posted.get(name, "")).replace("\0", "")[:limit]
