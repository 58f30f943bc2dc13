"""`passalong doctor`: is this installation in order? One line for each thing that could be wrong."""

import ipaddress
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db import DatabaseError, connection

from passalong.config.health import database_answers, live_workers
from passalong.config.schema import pending
from passalong.config.secret_key import FILE_NAME, WeakSecretKeyError, secret_keys
from passalong.config.settings import settings
from passalong.core.clock import now

OLDEST_DATABASE = 15
CLOCK_SECONDS = 5


@dataclass(frozen=True)
class Finding:
    """`ok` lines tell a fact; others tell what is wrong and, in `next_step`, how to mend it."""

    level: str
    text: str
    next_step: str = ""

    def __str__(self) -> str:
        return f"{self.level} {self.text}" + (f" Next step: {self.next_step}" if self.next_step else "")


def examine() -> list[Finding]:
    """Every check, each on its own: one that fails does not hide the others."""
    if database_answers():
        return [_guarded(check) for check in CHECKS]
    step = "Check that it runs and that DATABASE_URL is right."
    return [_fail("database: it does not answer.", step), *(check() for check in CHECKS_WITHOUT_DATABASE)]


def _guarded(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except DatabaseError as error:
        reason = str(error).splitlines()[0]
        return _fail(f"{_name(check)}: the database said: {reason}", "See to the database first.")


def _name(check: Callable[[], Finding]) -> str:
    return check.__name__.removeprefix("_check_").replace("_", " ")


def _ok(text: str) -> Finding:
    return Finding("ok", text)


def _fail(text: str, next_step: str) -> Finding:
    return Finding("FAIL", text, next_step)


def _check_database() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        number = int(cursor.fetchone()[0])
    if number // 10000 < OLDEST_DATABASE:
        step = f"Upgrade it to {OLDEST_DATABASE} or newer."
        return _fail(f"database: PostgreSQL {number // 10000} is too old.", step)
    return _ok(f"database: PostgreSQL {number // 10000}.{number % 10000} answers")


def _check_migrations() -> Finding:
    missing = pending()
    if missing:
        return _fail(
            f"migrations: {len(missing)} are not applied ({missing[0]} …).", "Run: passalong migrate"
        )
    return _ok("migrations: all applied")


def _check_secret_key() -> Finding:
    try:
        secret_keys(settings())
    except WeakSecretKeyError as error:
        return _fail("secret key: too short.", str(error))
    if settings().secret_key is not None:
        return _ok("secret key: from PASSALONG_SECRET_KEY, long enough")
    path = settings().data_path / FILE_NAME
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return _fail(f"secret key: {path} may be read by others (mode {mode:o}).", f"Run: chmod 600 {path}")
    return _ok(f"secret key: {path}, mode {mode:o}")


def _check_data_folder() -> Finding:
    path = settings().data_path
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        step = "Run as its owner, or choose another with PASSALONG_DATA_DIR."
        return _fail(f"data folder: {path} cannot be written ({error.strerror}).", step)
    return _ok(f"data folder: {path} can be written")


def _check_worker() -> Finding:
    count = live_workers()
    if not count:
        return _fail("worker: none has given a sign of life in 20 seconds.", "Run: passalong up (or worker)")
    return _ok(f"worker: {count} alive")


def _check_base_url() -> Finding:
    url = settings().base_url
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        step = "Set PASSALONG_BASE_URL to an address like https://refer.example.com"
        return _fail(f"base URL: {url!r} is not a web address.", step)
    if _loopback(parts.hostname):
        text = f"base URL: {url} works on this machine only; friends could not open referral links."
        return Finding("warn", text, "Set PASSALONG_BASE_URL to the public address before inviting anybody.")
    return _ok(f"base URL: {url}")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _check_counts() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM campaigns_campaign AS campaign WHERE referrers_count <> "
            "(SELECT count(*) FROM referrers_referrer WHERE campaign_id = campaign.id)"
        )
        wrong = cursor.fetchone()[0]
    if wrong:
        step = "Run doctor again; if it stays, report it with the output of this command."
        return _fail(f"counts: {wrong} campaigns count other than their referrers.", step)
    return _ok("counts: every campaign counts what it has")


LEAD_COUNTS = """
SELECT f.code FROM referrers_referrer f
LEFT JOIN (
    SELECT referrer_id, count(*) AS leads, count(*) FILTER (WHERE status = 'qualified') AS qualified
    FROM leads_lead GROUP BY referrer_id) AS l ON l.referrer_id = f.id
WHERE (f.referrals_count, f.converted_referrals_count) <> (coalesce(l.leads, 0), coalesce(l.qualified, 0))
LIMIT 4
"""


def _check_leads() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(LEAD_COUNTS)
        wrong = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "SELECT count(*) FROM campaigns_campaign AS campaign WHERE leads_count <> "
            "(SELECT count(*) FROM leads_lead WHERE campaign_id = campaign.id)"
        )
        campaigns = cursor.fetchone()[0]
    if wrong or campaigns:
        whose = f"the referrers with the codes {', '.join(wrong[:3])}" if wrong else f"{campaigns} campaigns"
        more = " and more" if len(wrong) > 3 else ""
        step = "Report it with the output of this command; the leads themselves are complete."
        return _fail(f"leads: {whose}{more} count other than their leads.", step)
    return _ok("leads: every referrer and campaign counts the leads it has")


def _check_clock() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        seconds = abs((cursor.fetchone()[0] - now()).total_seconds())
    if seconds > CLOCK_SECONDS:
        step = "Set both clocks by NTP."
        return _fail(f"clock: {seconds:.0f} seconds away from the database's.", step)
    return _ok("clock: agrees with the database's")


CHECKS_WITHOUT_DATABASE = (_check_secret_key, _check_data_folder, _check_base_url)
CHECKS = (
    _check_database,
    _check_migrations,
    _check_secret_key,
    _check_data_folder,
    _check_worker,
    _check_base_url,
    _check_counts,
    _check_leads,
    _check_clock,
)
