"""Starting a run from a terminal, and watching it from there."""

import sys
import time

from passalong.accounts.scope import in_workspace
from passalong.core.ids import parse_id, public_id
from passalong.core.problems import not_found
from passalong.sync.models import Run, RunStatus, Sync
from passalong.sync.services import start_run

POLL_SECONDS = 0.5
COUNTS = ("read", "created", "updated", "unchanged", "duplicate", "skipped", "failed", "written")


def start_and_follow(sync_id: str, *, wait: bool) -> int:
    """Queue a run and print its id; with `wait`, follow it to its end. The exit status says how it went."""
    key = parse_id("sync", sync_id)
    sync = Sync.everywhere.filter(pk=key).first() if key else None
    if sync is None:
        raise not_found("sync")
    with in_workspace(sync.workspace_id):
        run = start_run(sync, trigger="manual")
        print(public_id("run", run.pk), flush=True)
        return _follow(run) if wait else 0


def _follow(run: Run) -> int:
    told = ""
    while not run.is_finished:
        time.sleep(POLL_SECONDS)
        run.refresh_from_db()
        if (line := f"{run.status} {run.phase}") != told:
            print(line, file=sys.stderr, flush=True)
            told = line
    print(", ".join([run.status, *(f"{getattr(run, name)} {name}" for name in COUNTS)]))
    return 0 if run.status == RunStatus.SUCCEEDED else 1
