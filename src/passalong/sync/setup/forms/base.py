"""What every step's form has in common."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

from passalong.core.problems import FieldProblem, Problem
from passalong.sync import connections
from passalong.sync.models import Connection, SyncDraft
from passalong.sync.records import Field, Role, Segment
from passalong.sync.setup import samples
from passalong.sync.setup.drafts import connection_of

# How old what the CRM said may be: its fields, and the counts of its segments.
LOOK_AGAIN = timedelta(minutes=10)
COUNT_AGAIN = timedelta(minutes=1)

ROLE_OF: dict[str, Role] = {"leads": "lead", "users": "user"}

Answer = dict[str, Any]
Posted = Mapping[str, Any]


@dataclass
class Setup:
    """A draft with what is known of its CRM. Nothing here asks the CRM: a job does, see connections.py."""

    draft: SyncDraft
    _fields: list[Field] | None = field(default=None, repr=False)

    @cached_property
    def connection(self) -> Connection | None:
        """The connection chosen in the first step."""
        return connection_of(self.draft)

    def fields(self) -> list[Field]:
        """The CRM's fields as last read; none when they never were."""
        if self._fields is None:
            self._fields = connections.known_fields(self.connected)
        return self._fields

    def segments(self) -> list[Segment]:
        """The CRM's segments as last read, with their counts then."""
        return connections.known_segments(self.connected)

    def sizes(self) -> dict[str, int]:
        """How many people each kind of audience had when last counted, by kind; "segments" has no number."""
        known = connections.known_sizes(self.connected)
        if len(known) < len(ROLE_OF):
            return {}
        return {kind: known[role] for kind, role in ROLE_OF.items()} | {"all": sum(known.values())}

    @property
    def crm(self) -> str:
        """What people call the other side, such as "Intercom"."""
        return connections.title(self.connected)

    @property
    def is_unread(self) -> bool:
        """Whether the CRM's fields and segments have never been read."""
        found = self.connection
        return found is not None and (found.looked_up_at is None or not found.fields_cache)

    def waits_since(self, step: str) -> datetime | None:
        """Since when this step's page waits for a job that asks the CRM something; None when it does not."""
        found = self.connection
        read = found.wanted_at if found and connections.is_looking(found) else None
        sampled = samples.waits_since(self.draft) if step == "map-in" else None
        return min(filter(None, [read, sampled]), default=None)

    @property
    def trouble(self) -> Problem | None:
        """Why the CRM could not be read the last time."""
        return connections.trouble_of(self.connection) if self.connection else None

    def look_again(self, older_than: timedelta = timedelta(0)) -> None:
        """Have the CRM's fields and segments read anew unless they are newer than this."""
        connections.want_look_up(self.connected, older_than)

    @property
    def connected(self) -> Connection:
        """The connection; Problem 409 `no_connection` before one is chosen."""
        if self.connection is None:
            raise Problem(
                409,
                "no_connection",
                "No connection",
                "No account is chosen.",
                "Choose one in the first step.",
            )
        return self.connection


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
