"""Opens referral links as fast as wrk can, with the visits recorded: redirects a second, p99, counts."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from typing import Any

from _bench import Watched, figure, machine, product, wait_for

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
LUA = """
local paths = {%s}
math.randomseed(%d)
request = function()
  return wrk.format("GET", paths[math.random(#paths)], {["User-Agent"] = "%s"})
end
done = function(summary, latency, requests)
  local wrong = summary.errors.connect + summary.errors.read + summary.errors.write
    + summary.errors.timeout + summary.errors.status
  io.write(string.format('\\nJSON {"requests": %%d, "seconds": %%f, "p50": %%f, "p99": %%f, "wrong": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    wrong))
end
"""


def main() -> None:
    """Print one line a figure."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--referrers", type=int, default=10_000)
    ask.add_argument("--seconds", type=int, default=15)
    ask.add_argument("--connections", type=int, default=16)
    ask.add_argument("--port", type=int, default=8899)
    options = ask.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk_missing: this benchmark needs wrk. Run: apt-get install wrk")
    machine()
    with product():
        codes = add_referrers(options.referrers)
        for way in ("batch", "direct"):
            os.environ["PASSALONG_VISIT_WRITE"] = way
            measure(way, codes, options)


def add_referrers(count: int) -> list[str]:
    """A campaign with this many referrers; their codes."""
    from django.db import connection

    from passalong.accounts.scope import in_workspace
    from passalong.accounts.services import set_up
    from passalong.campaigns.services import create_campaign
    from passalong.core.ids import new_id_text
    from passalong.referrers.codes import new_code
    from passalong.sync import rows as sql

    member, _ = set_up("bench@example.com", "Bench")
    with in_workspace(member.workspace_id), connection.cursor() as cursor:
        campaign = create_campaign("Bench", "https://example.com/welcome?lang=en")
        names = {"first_name": "", "last_name": "", "phone": "", "fields": {}, "search_words": ""}
        rows = [
            {"id": new_id_text(), "email": f"p{number}@example.com", "code": new_code(), **names}
            for number in range(count)
        ]
        sql.add_referrers(cursor, member.workspace_id, campaign.pk, "api", rows)
        cursor.execute("ANALYZE referrers_referrer")
    return [str(row["code"]) for row in rows]


def measure(way: str, codes: list[str], options: Any) -> None:
    """A web process of its own under load, first at an address that does nothing, then at the links."""
    base = f"http://127.0.0.1:{options.port}"
    before = recorded()
    web = Watched("web", "--port", str(options.port))
    try:
        wait_for(lambda: answers(base), seconds=60)
        wrk(base, ["/healthz"], options, seconds=2)
        nothing = wrk(base, ["/healthz"], options)
        wrk(base, [f"/r/{code}" for code in codes], options, seconds=2)
        links = wrk(base, [f"/r/{code}" for code in codes], options)
        web.look()
    finally:
        web.stop()
    opened = links["requests"] / links["seconds"]
    print(f"\nvisits written: {way}")
    figure("redirects a second", opened)
    figure("p50", links["p50"], "ms")
    figure("p99", links["p99"], "ms")
    figure("answers other than 2xx and 3xx, and errors", f"{links['wrong']:,}")
    figure("/healthz a second", nothing["requests"] / nothing["seconds"])
    figure("share of /healthz", 100 * opened * nothing["seconds"] / nothing["requests"], "%")
    rows, counted = (now - then for now, then in zip(recorded(), before, strict=True))
    figure("visits recorded, and counted on referrers", f"{rows:,} {counted:,}")
    figure("web memory", web.peak / 1e6, "MB")


def answers(base: str) -> bool:
    """Whether the web process is there."""
    try:
        with urllib.request.urlopen(f"{base}/healthz", timeout=2) as response:  # noqa: S310
            return bool(response.status == 200)
    except OSError:
        return False


def wrk(base: str, paths: list[str], options: Any, seconds: int = 0) -> dict[str, float]:
    """One burst; requests, seconds, latencies in ms, and what went wrong."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA % (",".join(f'"{path}"' for path in paths), time.time(), BROWSER))
        script.flush()
        command = ["wrk", "-t", "1", "-c", str(options.connections), "-d", f"{seconds or options.seconds}s"]
        said = subprocess.run(
            [*command, "-s", script.name, base], check=True, capture_output=True, text=True
        ).stdout
    found: dict[str, float] = json.loads(said.rpartition("JSON ")[2])
    return found


def recorded() -> tuple[int, int]:
    """Visits as rows, and as referrers count them."""
    from django.db.models import Sum

    from passalong.referrers.models import Referrer
    from passalong.tracking.models import Visit

    counted = Referrer.everywhere.aggregate(sum=Sum("visits_count", default=0))["sum"]
    return Visit.everywhere.count(), counted


if __name__ == "__main__":
    main()
