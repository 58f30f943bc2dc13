"""Where each slice of a run's audience stands: planned once, moved with every page."""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Q

from passalong.sync.instruction import Judged
from passalong.sync.lease import Claim, Orders, keep
from passalong.sync.models import Partition, Phase
from passalong.sync.records import Slice

WALKS = 3


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page as a reader brings it: the ids of its contacts and, unless they are to be left out, what each
    says. `attempt` is its walk; `next_cursor` None marks the last page. `changes` says that the slice is of
    contacts changed since some moment.
    """

    position: int
    attempt: int
    exclude: bool
    ids: list[str]
    judged: list[Judged]
    next_cursor: str | None
    total: int
    changes: bool = False

    @property
    def mark(self) -> int:
        """A number for this walk of this slice, unique within the run."""
        return _mark(self.position, self.attempt, changes=self.changes)


@dataclass(frozen=True, slots=True)
class Progress:
    """What came of applying pages: people's orders, and the slices that must be walked once more."""

    orders: Orders
    restart: set[int]


def _mark(position: int, attempt: int, *, changes: bool) -> int:
    """All walks of changes are one: whoever changes during a walk moves to pages it has passed, so that only
    several together meet everybody."""
    return position * 100 + (1 if changes else attempt)


def _of_changes(part: Partition) -> bool:
    return part.spec.get("changed_since") is not None


def plan_partitions(held: Claim, slices: list[Slice], api_calls: int, newest: int | None = None) -> None:
    """Store the plan, once: a worker that takes over reads the same slices.

    How many contacts changed is known to nobody before they are read, so such a run has no total yet.
    """
    since = next((part.changed_since for part in slices if part.changed_since is not None), None)
    counted = sum(part.total for part in slices if part.purpose == "include")
    with transaction.atomic():
        keep(
            held,
            phase=Phase.READ,
            total=counted if since is None else None,
            since=since,
            newest=newest,
            api_calls=api_calls,
        )
        Partition.objects.bulk_create(
            (
                Partition(run_id=held.run_id, position=position, spec=msgspec.to_builtins(part))
                for position, part in enumerate(slices)
            ),
            ignore_conflicts=True,
        )


def unfinished(run_id: UUID) -> list[Partition]:
    """The slices that still have pages to read."""
    return list(Partition.objects.filter(run_id=run_id, complete=None).order_by("position"))


def short_slices(run_id: UUID, purpose: str = "include") -> int:
    """How many slices stayed short of the CRM's own count after every walk."""
    return Partition.objects.filter(run_id=run_id, spec__purpose=purpose).exclude(complete=True).count()


def whole(run_id: UUID) -> bool:
    """Whether the run reads its whole audience, so that whom it does not meet may be gone."""
    parts = Partition.objects.filter(run_id=run_id)
    return not parts.filter(Q(spec__changed_since__gte=0) | Q(spec__ids__0__isnull=False)).exists()


def restart_walk(held: Claim, position: int) -> bool:
    """Begin a slice again because the CRM refused its cursor; False when it has been walked often enough."""
    with transaction.atomic():
        keep(held)
        part = Partition.objects.select_for_update().get(run_id=held.run_id, position=position)
        if part.attempt >= WALKS:
            return False
        _begin_again(part)
        part.save()
    return True


def checkpoint(run_id: UUID, pages: list[PageRead], newly_seen: Counter[int]) -> set[int]:
    """Move the checkpoints past these pages; returns the slices to be walked again.

    `newly_seen` counts contacts by walk (`PageRead.mark`): a page may still come from a walk given up.
    """
    restart = set()
    parts = {
        part.position: part
        for part in Partition.objects.filter(run_id=run_id, position__in={page.position for page in pages})
    }
    for page in pages:
        part = parts[page.position]
        if part.attempt != page.attempt or part.complete is not None:
            if page.next_cursor is None and part.complete is None:
                # The commit that began the next walk was never acknowledged: say it again.
                restart.add(page.position)
            continue
        part.pages += 1
        part.cursor = page.next_cursor
        part.total_first = page.total if part.total_first is None else part.total_first
    for position, part in parts.items():
        part.seen += newly_seen[_mark(position, part.attempt, changes=_of_changes(part))]
        last = next((page for page in reversed(pages) if page.position == position), None)
        ended = last is not None and last.next_cursor is None and last.attempt == part.attempt
        if last is not None and ended and _finish(part, last.total):
            restart.add(position)
        part.save()
    return restart


def _finish(part: Partition, total_last: int) -> bool:
    """Close a walk; True when it saw too few people and should be repeated.

    People join and leave while we read, so a walk is complete when it saw as many as the smaller of the
    counts at its beginning and its end. A walk of changes that met somebody too old says 0 at its end.
    """
    expected = min(part.total_first or 0, total_last)
    if part.seen >= expected or part.attempt >= WALKS:
        part.complete = part.seen >= expected
        return False
    _begin_again(part)
    return True


def _begin_again(part: Partition) -> None:
    part.attempt += 1
    part.cursor = None
    part.total_first = None
    if not _of_changes(part):
        part.seen = 0
