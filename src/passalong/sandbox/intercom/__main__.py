"""`python -m passalong.sandbox.intercom`: the sandbox without the rest of the product."""

from __future__ import annotations

import argparse
import os

from passalong.sandbox.intercom import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="passalong.sandbox.intercom", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--contacts", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate-limit", type=int, help="calls per 10 seconds (1666)")
    parser.add_argument("--latency-ms", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    given = os.environ.get("PASSALONG_SANDBOX_NOW")
    parser.add_argument("--now", type=int, default=int(given) if given else None, help="unix seconds")
    parser.add_argument("--timezone", default="America/Los_Angeles")
    options = parser.parse_args()
    serve(
        options.port,
        options.contacts,
        options.seed,
        options.rate_limit,
        options.latency_ms,
        options.host,
        now=options.now,
        timezone=options.timezone,
    )


if __name__ == "__main__":
    main()
