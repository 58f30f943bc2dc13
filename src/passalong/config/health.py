"""What monitoring asks: may traffic come here (`/readyz`), and how are things (`/metrics`)."""

from collections.abc import Callable

import psycopg
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django_prometheus.exports import ExportToDjangoView

from passalong.config.schema import pending
from passalong.config.settings import settings

_GAUGES = {
    "passalong_workers": (
        "Workers with a recent heartbeat.",
        # Each has two loops with a heartbeat, see worker.py; one that is just starting may have one.
        """SELECT NULL, ceil(count(*) / 2.0)::int FROM procrastinate_workers
        WHERE last_heartbeat > now() - interval '20 s'""",
    ),
    "passalong_jobs": (
        "Jobs in the queue, by status.",
        "SELECT status::text, count(*) FROM procrastinate_jobs WHERE status <> 'succeeded' GROUP BY 1",
    ),
    "passalong_runs": (
        "Runs of syncs, by status.",
        "SELECT status, count(*) FROM sync_run WHERE kind = 'run' GROUP BY 1",
    ),
}


def ready(_request: HttpRequest) -> JsonResponse:
    """200 when database, migrations and a worker are there; 503 naming what is not."""
    parts = {"database": "ok" if database_answers() else "no answer"}
    if parts["database"] == "ok":
        parts |= {name: _outcome(check) for name, check in _CHECKS.items()}
    fine = all(outcome == "ok" for outcome in parts.values())
    return JsonResponse({"status": "ok" if fine else "not ready", **parts}, status=200 if fine else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format: requests and responses of this process, and the work of all workers."""
    response: HttpResponse = ExportToDjangoView(request)
    if database_answers():
        response.content += "".join(_gauges()).encode()
    return response


def live_workers() -> int:
    """How many workers have given a sign of life lately."""
    return int(_rows(_GAUGES["passalong_workers"][1])[0][1])


def _outcome(check: Callable[[], str]) -> str:
    try:
        return check()
    except DatabaseError:
        return "no answer"


def database_answers() -> bool:
    """Whether a connection can be made now."""
    # Past the pool, which waits for a connection longer than any monitoring does.
    try:
        psycopg.connect(settings().database_url or "", connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


def _migrations() -> str:
    missing = pending()
    return f"{len(missing)} pending" if missing else "ok"


def _worker() -> str:
    return "ok" if live_workers() else "no live worker"


_CHECKS = {"migrations": _migrations, "worker": _worker}


def _gauges() -> list[str]:
    lines = []
    for name, (meaning, query) in _GAUGES.items():
        try:
            rows = _rows(query)
        except DatabaseError:
            continue  # tables that are still to come; what this process knows is worth telling all the same
        lines += [f"# HELP {name} {meaning}\n", f"# TYPE {name} gauge\n"]
        lines += [f"{name}{_label(status)} {count}\n" for status, count in rows]
    return lines


def _label(status: str | None) -> str:
    return "" if status is None else f'{{status="{status}"}}'


def _rows(query: str) -> list[tuple[str | None, int]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())
