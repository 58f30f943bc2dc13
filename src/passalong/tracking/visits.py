"""Visits, written down: together a few times a second, or each at once where none may be lost.

The bound: a process that is killed loses the visits of its last quarter of a second. One that is stopped
properly, or whose database is away for a while, loses none (up to 100,000 wait).
"""

import atexit
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from multiprocessing.util import Finalize
from typing import NamedTuple
from uuid import UUID

import structlog
from django.db import DatabaseError, IntegrityError, InterfaceError, transaction
from django.db import connection as database

from passalong.config.settings import settings
from passalong.core.clock import now
from passalong.core.ids import new_id

EVERY_SECONDS = 0.25
MOST_AT_ONCE = 2_000
MOST_WAITING = 100_000

# Locked in the order that syncs lock referrers in. Referrers deleted meanwhile take their visits along.
LOCK = "SELECT id FROM referrers_referrer WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
ADD = """
WITH opened AS (SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[]) AS x(id, referrer, moment)),
kept AS (
    INSERT INTO tracking_visit (id, workspace_id, referrer_id, created_at)
    SELECT x.id, f.workspace_id, f.id, x.moment FROM opened x JOIN referrers_referrer f ON f.id = x.referrer
    ON CONFLICT (id) DO NOTHING
    RETURNING referrer_id, created_at),
noted AS (
    INSERT INTO tracking_tally (campaign_id, referrer_id, day, source, visits, leads, qualified)
    SELECT f.campaign_id, f.id, (k.created_at AT TIME ZONE 'UTC')::date, '', count(*), 0, 0
    FROM kept k JOIN referrers_referrer f ON f.id = k.referrer_id GROUP BY 1, 2, 3)
UPDATE referrers_referrer AS f SET visits_count = visits_count + k.visits
FROM (SELECT referrer_id, count(*) AS visits FROM kept GROUP BY 1) AS k WHERE f.id = k.referrer_id
"""

MERGED = "SELECT merged, referrer_id FROM referrers_referreralias WHERE merged = ANY(%s)"

log = structlog.get_logger(__name__)


class Opened(NamedTuple):
    """One opening of a link. Its id makes writing it twice harmless."""

    id: UUID
    referrer: UUID
    moment: datetime


def record(referrer: UUID) -> None:
    """A person opened this referrer's link."""
    visit = Opened(new_id(), referrer, now())
    if settings().visit_write == "direct":
        write([visit])
    else:
        _waiting.add(visit)


def write(visits: Sequence[Opened]) -> None:
    """Rows and counts in one transaction."""
    try:
        _write(visits)
    except IntegrityError:
        # Somebody was merged or removed between our look and our commit.
        _write(visits)


def _write(visits: Sequence[Opened]) -> None:
    """Who was merged into somebody else is looked for only when somebody is missing."""
    with transaction.atomic():
        people = {visit.referrer for visit in visits}
        if _add(visits) == len(people):
            return
        with database.cursor() as cursor:
            cursor.execute(MERGED, (list(people),))
            merged = dict(cursor.fetchall())
        moved = [one._replace(referrer=merged[one.referrer]) for one in visits if one.referrer in merged]
        if moved:
            _add(moved)


def _add(visits: Sequence[Opened]) -> int:
    """Returns how many referrers count more now."""
    with database.cursor() as cursor:
        if len(visits) > 1:
            cursor.execute(LOCK, (list({visit.referrer for visit in visits}),))
        cursor.execute(ADD, tuple(map(list, zip(*visits, strict=True))))
        return int(cursor.rowcount)


class Waiting:
    """Visits of this process that are not written yet, and the thread that writes them."""

    def __init__(
        self,
        write: Callable[[Sequence[Opened]], None],
        every: float = EVERY_SECONDS,
        most: int = MOST_WAITING,
    ) -> None:
        self._write, self._every, self._most = write, every, most
        self._visits: list[Opened] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, visit: Opened) -> None:
        """Keep a visit until the next writing; beyond the bound new ones are dropped, and the log says so."""
        with self._lock:
            if len(self._visits) >= self._most:
                log.error("visit dropped", reason="the database has been away for too long")
                return
            self._visits.append(visit)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="visits", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Write what waits. Raises what the database raises, and then all of it still waits."""
        with self._writing:
            while self._visits:
                batch = self._visits[:MOST_AT_ONCE]
                self._write(batch)
                with self._lock:
                    del self._visits[: len(batch)]

    def _work(self) -> None:
        pause = self._every
        while True:
            time.sleep(pause)
            try:
                self.flush()
                pause = self._every
            except (DatabaseError, InterfaceError) as error:
                database.close()
                pause = min(pause * 2, 5)
                log.warning("visits not written yet", waiting=len(self._visits), error=type(error).__name__)

    def finish(self) -> None:
        """The process ends properly: nothing may stay behind."""
        try:
            self.flush()
        except (DatabaseError, InterfaceError) as error:
            log.error("visits lost", visits=len(self._visits), error=type(error).__name__)


_waiting = Waiting(write)
flush = _waiting.flush
# The web server's process is a child of multiprocessing, which runs its own finalizers and not atexit's.
Finalize(None, _waiting.finish, exitpriority=10)
atexit.register(_waiting.finish)
