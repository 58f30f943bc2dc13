"""What is dropped after a while: an ongoing sync says "unchanged" of everybody many times a day."""

from datetime import timedelta

from django.db import connection as database

from passalong.core.clock import now
from passalong.sync import hints
from passalong.sync.models import ACTIVE, Run, RunKind, RunStatus, Trigger

PREVIEWS_KEPT = timedelta(days=1)
# The latest runs of a sync whose every contact can be looked up; of older ones, what happened to somebody.
WHOLE_RUNS_KEPT = 3
BATCH = 20_000
MOST = 25

# Looked at from the oldest run on; a run has no `unchanged` records left once it was here.
_OLD = """
SELECT r.id FROM (
    SELECT id, status, row_number() OVER (PARTITION BY sync_id, trigger = 'webhook' ORDER BY id DESC) AS place
    FROM sync_run WHERE kind = 'run') AS r
WHERE r.place > %s AND r.status <> ALL(%s) AND EXISTS (
    SELECT 1 FROM sync_runrecord x WHERE x.run_id = r.id AND x.outcome = 'unchanged'
        AND x.write_back IN ('none', 'unchanged'))
ORDER BY r.id LIMIT %s
"""
_DROP = """
DELETE FROM sync_runrecord WHERE id IN (
    SELECT id FROM sync_runrecord WHERE run_id = %s AND outcome = 'unchanged'
        AND write_back IN ('none', 'unchanged') LIMIT %s)
"""


def tidy() -> None:
    """One round; what is left over waits for the next."""
    previews = Run.everywhere.filter(kind=RunKind.PREVIEW, created_at__lt=now() - PREVIEWS_KEPT)
    previews.exclude(status__in=ACTIVE).delete()
    drop_unchanged()
    drop_idle()
    hints.tidy()


def drop_unchanged() -> int:
    """Records of older runs that say that nothing happened; the runs keep their counts."""
    with database.cursor() as cursor:
        cursor.execute(_OLD, (WHOLE_RUNS_KEPT, [str(status) for status in ACTIVE], MOST))
        dropped = 0
        for (run_id,) in cursor.fetchall():
            cursor.execute(_DROP, (run_id, BATCH))
            dropped += cursor.rowcount
    return dropped


def drop_idle() -> None:
    """Runs a day old that the CRM's own word started and that found nothing new: mostly of our own writes."""
    old = Run.everywhere.filter(trigger=Trigger.WEBHOOK, status=RunStatus.SUCCEEDED)
    idle = old.filter(created=0, updated=0, left=0, written=0, created_at__lt=now() - PREVIEWS_KEPT)
    idle.filter(pk__in=list(idle.values_list("pk", flat=True)[:1000])).delete()
