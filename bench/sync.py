"""Reads, matches and upserts a whole sandbox with a real worker: contacts a second, calls, memory."""

import argparse
import os
from typing import Any

from _bench import Watched, figure, machine, product, wait_for

INBOUND = [
    {"from": "name", "to": "first_name", "name_format": "first_word"},
    {"from": "name", "to": "last_name", "name_format": "rest"},
    {"from": "email", "to": "email"},
]
MAPPED_BACK = [
    {"from": "referral_link", "to": "custom_attributes.Referral Link"},
    {"from": "referrals_count", "to": "custom_attributes.Referrals Count"},
]


def main() -> None:
    """Print one line a figure."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--contacts", type=int, default=100_000)
    ask.add_argument("--latency-ms", type=int, default=0)
    ask.add_argument("--write-back", action="store_true", help="write link and count back, too")
    ask.add_argument("--ongoing", action="store_true", help="keep track of who leaves, too")
    ask.add_argument("--repeat", type=int, default=2, help="runs after the first")
    options = ask.parse_args()
    machine()

    from tests.support.sandbox import start_sandbox

    with start_sandbox(
        contacts=options.contacts, latency_ms=options.latency_ms, rate_limit=10_000_000
    ) as sandbox:
        os.environ["PASSALONG_INTERCOM_API_URL"] = sandbox.url
        with product():
            measure(options)


def measure(options: Any) -> None:
    """One first run and its repetitions, each by a worker process of its own kind."""
    from passalong.accounts.scope import in_workspace
    from passalong.accounts.services import set_up

    member, _ = set_up("bench@example.com", "Bench")
    with in_workspace(member.workspace_id):
        sync = make_sync(write_back=options.write_back, ongoing=options.ongoing)
        worker = Watched("worker")
        try:
            for number in range(1 + options.repeat):
                one_run(sync, worker, "first run" if number == 0 else f"run {number + 1}, nothing changed")
        finally:
            worker.stop()


def make_sync(*, write_back: bool, ongoing: bool) -> Any:
    """All contacts into one campaign."""
    from passalong.campaigns.services import create_campaign
    from passalong.sync import connections, services

    campaign = create_campaign("Bench", "https://example.com/")
    connection = connections.connect("intercom", "sandbox-token", "us")
    connections.create_field(connection, "Referral Link", "string")
    connections.create_field(connection, "Referrals Count", "integer")
    body = {
        "audience": {"kind": "all"},
        "inbound": INBOUND,
        "outbound": MAPPED_BACK if write_back else [],
        "type": "ongoing" if ongoing else "one_time",
    }
    return services.create_sync(campaign, connection, body, who="bench")


def one_run(sync: Any, worker: Watched, title: str) -> None:
    """Start it, watch it, print it."""
    from passalong.sync import services
    from passalong.sync.models import Run

    run = services.start_run(sync)

    def ended() -> bool:
        run.refresh_from_db()
        return run.is_finished

    wait_for(ended, seconds=3600, meanwhile=worker.look)
    assert isinstance(run, Run)
    assert run.started_at
    assert run.finished_at
    seconds = (run.finished_at - run.started_at).total_seconds()
    print(f"\n{title}: {run.status}")
    figure("contacts", f"{run.read:,}")
    figure("created, updated, unchanged", f"{run.created:,} {run.updated:,} {run.unchanged:,}")
    figure("duplicate, skipped, failed", f"{run.duplicate:,} {run.skipped:,} {run.failed:,}")
    figure("written back", f"{run.written:,}")
    figure("seconds", seconds)
    figure("contacts a second", run.read / seconds)
    figure("API calls", f"{run.api_calls:,}")
    figure("worker memory, most so far", worker.peak / 1e6, "MB")


if __name__ == "__main__":
    main()
