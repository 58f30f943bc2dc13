"""Reads the slices of an audience side by side and hands their pages on, one transaction at a time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from passalong.core.dbthread import DbThread
from passalong.referrers.services import normal_email
from passalong.sync import checkpoints
from passalong.sync.checkpoints import PageRead
from passalong.sync.desk import Desk
from passalong.sync.errors import ConfigError, Fatal
from passalong.sync.instruction import Instruction
from passalong.sync.lease import Claim
from passalong.sync.models import Partition
from passalong.sync.port import Session
from passalong.sync.records import Page, Slice
from passalong.sync.upsert import apply_pages

# Transactions at once: while PostgreSQL writes one, Python prepares the other.
APPLIERS = 2
# Pages read ahead of each of them: enough to hide latency, few enough to be small.
AHEAD = 8
# Pages applied in one transaction when the database lags behind the CRM.
TOGETHER = 8


async def read_audience(
    held: Claim, plan: Instruction, session: Session, db: DbThread, calls: Callable[[], int]
) -> None:
    """Read every unfinished slice to its end: first the people to leave out, then the people to take."""
    parts = await db(checkpoints.unfinished, held.run_id)
    for purpose in ("exclude", "include"):
        chosen = [part for part in parts if part.spec["purpose"] == purpose]
        if chosen:
            await _Reading(held, plan, session, db, calls).read(chosen)
        short = await db(checkpoints.short_slices, held.run_id, purpose)
        if short and purpose == "exclude":
            raise _exclusion_incomplete(held.crm)


@dataclass(slots=True)
class _Read:
    page: PageRead
    restart: asyncio.Future[bool] | None


Pages = asyncio.Queue[_Read | None]


class _Reading:
    def __init__(
        self, held: Claim, plan: Instruction, session: Session, db: DbThread, calls: Callable[[], int]
    ) -> None:
        self.held, self.plan, self.session, self.db, self.calls = held, plan, session, db, calls
        self.queues: list[Pages] = [asyncio.Queue(AHEAD) for _ in range(APPLIERS)]
        self.desk = Desk()

    async def read(self, parts: list[Partition]) -> None:
        """Readers fill the queues, a slice always the same one, so that its checkpoint moves in order."""
        second = self.db.beside()
        try:
            async with asyncio.TaskGroup() as group:
                for queue, db in zip(self.queues, (self.db, second), strict=True):
                    group.create_task(self._apply(queue, db))
                async with asyncio.TaskGroup() as readers:
                    for part in parts:
                        readers.create_task(self._slice(part))
                for queue in self.queues:
                    await queue.put(None)
        finally:
            if second is not self.db:
                await second.close()

    async def _slice(self, part: Partition) -> None:
        """Walk one slice, again while the applier says it came short."""
        attempt, cursor = part.attempt, part.cursor
        while True:
            try:
                again = await self._walk(part, attempt, cursor)
            except (ConfigError, _CircleError) as error:
                if isinstance(error, ConfigError) and error.code != "cursor_rejected":
                    raise
                if not await self.db(checkpoints.restart_walk, self.held, part.position):
                    raise Fatal(error.code, error.message, error.next_step) from error
                again = True
            if not again:
                return
            attempt, cursor = attempt + 1, None

    async def _walk(self, part: Partition, attempt: int, cursor: str | None) -> bool:
        """One walk from `cursor` to the last page; True when the slice must be walked again."""
        spec = msgspec.convert(part.spec, Slice)
        queue = self.queues[part.position % APPLIERS]
        met = {cursor}
        shown = 0
        while True:
            page = await self.session.page(spec, cursor, self.plan.keys)
            read = self._read(part.position, attempt, spec, page)
            if page.next_cursor is None:
                restart: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
                await queue.put(_Read(read, restart))
                return await restart
            shown += max(1, len(page.contacts))
            if page.next_cursor in met:
                raise _loop(_CircleError, self.held.crm)
            if shown > 3 * page.total + 1000:
                raise _loop(Fatal, self.held.crm)
            met.add(page.next_cursor)
            await queue.put(_Read(read, None))
            cursor = page.next_cursor

    def _read(self, position: int, attempt: int, spec: Slice, page: Page) -> PageRead:
        """The page with its contacts judged: here, because the database's thread has enough to do."""
        exclude = spec.purpose == "exclude"
        ids = list(dict.fromkeys(contact.id for contact in page.contacts))
        judge = self.plan.judge
        judged = [] if exclude else [judge(contact, usable=normal_email) for contact in page.contacts]
        changes = spec.changed_since is not None
        return PageRead(position, attempt, exclude, ids, judged, page.next_cursor, page.total, changes)

    async def _apply(self, queue: Pages, db: DbThread) -> None:
        last = False
        while not last:
            batch, last = await self._batch(queue)
            if not batch:
                continue
            pages = [read.page for read in batch]
            progress = await db(apply_pages, self.held, self.plan, pages, self.calls(), self.desk)
            for read in batch:
                if read.restart is not None and not read.restart.done():
                    read.restart.set_result(read.page.position in progress.restart)

    @staticmethod
    async def _batch(queue: Pages) -> tuple[list[_Read], bool]:
        """What is waiting, at most one transaction's worth; the flag says that nothing more comes."""
        batch: list[_Read] = []
        item = await queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) == TOGETHER or queue.empty():
                return batch, False
            item = queue.get_nowait()
        return batch, True


class _CircleError(Fatal):
    """A page pointed back to an earlier one of this walk. Another walk may be told better."""


def _loop(kind: type[Fatal], crm: str) -> Fatal:
    return kind(
        "crm_paging_loop",
        f"{crm} led us in a circle: a page it gave pointed back to an earlier one.",
        f"Run the sync again. If it happens again, tell the support of {crm}; what was read is saved.",
    )


def _exclusion_incomplete(crm: str) -> Fatal:
    return Fatal(
        "exclusion_incomplete",
        f"{crm} gave fewer people of an excluded segment than it counted, so nobody was taken in.",
        "Run the sync again in a few minutes, or take the exclusion out.",
    )
