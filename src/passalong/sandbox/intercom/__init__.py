"""An Intercom workspace on localhost: docs/reference/intercom.md come alive, its traps included."""

from __future__ import annotations


def serve(  # noqa: PLR0913 - the options of the command line
    port: int,
    contacts: int = 500,
    seed: int = 1,
    rate_limit: int | None = None,
    latency_ms: int = 0,
    host: str = "127.0.0.1",
    *,
    now: int | None = None,
    timezone: str = "America/Los_Angeles",
) -> None:
    """Serve a workspace made from `seed` until SIGTERM or SIGINT.

    `rate_limit`: calls per window of ten seconds, 1,666 if not given. `now`: the unix seconds from which
    the people's past is counted back, midnight UTC of today if not given.
    """
    # late: whoever imports the package to read a constant does not pay for a web server
    from passalong.sandbox.intercom.limits import DEFAULT_LIMIT
    from passalong.sandbox.intercom.serve import build, run
    from passalong.sandbox.intercom.settings import Settings

    settings = Settings(
        rate_limit=DEFAULT_LIMIT if rate_limit is None else rate_limit,
        latency_ms=latency_ms,
        timezone=timezone,
    )
    run(build(contacts, seed, now, settings), host, port)
