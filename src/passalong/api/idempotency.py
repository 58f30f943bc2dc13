"""The same POST sent twice is done once: the key is kept in the transaction that does the work."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from psycopg.errors import LockNotAvailable

from passalong.accounts.models import ApiToken
from passalong.api import multipart
from passalong.api.models import IdempotencyKey
from passalong.core.clock import now
from passalong.core.problems import FieldProblem, Problem, invalid

KEPT_FOR = timedelta(hours=24)
WAIT_SECONDS = 10
KEY_LIMIT = 255
REPLAYED = "Idempotent-Replayed"
# These say something about the caller or about us, not about the request.
_NEVER_KEPT = (401, 403, 429)


def once(request: HttpRequest, token: ApiToken, work: Callable[[], HttpResponse]) -> HttpResponse:
    """The answer of `work`, or the one a request with the same key got before."""
    key = _key(request)
    if key is None:
        return work()
    with transaction.atomic():
        entry, is_new = _claim(token, key, _fingerprint(request))
        if not is_new:
            return _replay(entry, _fingerprint(request))
        response = work()
        if response.status_code >= 500 or response.status_code in _NEVER_KEPT:
            transaction.set_rollback(True)
        else:
            _keep(entry, response)
    return response


def replace_answer(request: HttpRequest, token: ApiToken, response: HttpResponse) -> None:
    """Keep this answer for the request's key instead of the one given first."""
    entry = IdempotencyKey.objects.filter(token=token, key=_key(request) or "").first()
    if entry is not None:
        _keep(entry, response)


def forget_old_keys() -> int:
    """Delete the keys of every workspace whose day is over; returns how many."""
    deleted, _ = IdempotencyKey.everywhere.filter(created_at__lt=now() - KEPT_FOR).delete()
    return deleted


def _key(request: HttpRequest) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or key is None:
        return None
    if not 1 <= len(key) <= KEY_LIMIT:
        raise invalid([FieldProblem("Idempotency-Key", f"Use 1 to {KEY_LIMIT} characters.")])
    return key


def _fingerprint(request: HttpRequest) -> str:
    digest = hashlib.sha256()
    for part in (request.method or "", request.get_full_path(), request.content_type or ""):
        digest.update(part.encode(errors="surrogateescape") + b"\0")
    digest.update(multipart.digest(request) if multipart.is_multipart(request) else request.body)
    return digest.hexdigest()


def _claim(token: ApiToken, key: str, fingerprint: str) -> tuple[IdempotencyKey, bool]:
    """This request's row and whether it is new. While another request with the key is at work, the insert
    waits for it to commit (then its row is found) or to fail (then ours goes in)."""
    entry = IdempotencyKey(
        workspace_id=token.workspace_id, token=token, key=key, fingerprint=fingerprint, created_at=now()
    )
    mine = IdempotencyKey.objects.filter(token=token, key=key)
    _set_lock_timeout(f"'{WAIT_SECONDS}s'")
    try:
        mine.filter(created_at__lt=now() - KEPT_FOR).delete()
        IdempotencyKey.objects.bulk_create([entry], ignore_conflicts=True)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise _in_progress() from error
        raise
    _set_lock_timeout("DEFAULT")
    kept = mine.get()
    return kept, kept.pk == entry.pk


def _set_lock_timeout(value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout TO {value}")


def _keep(entry: IdempotencyKey, response: HttpResponse) -> None:
    IdempotencyKey.objects.filter(pk=entry.pk).update(
        status=response.status_code,
        content_type=response.headers.get("Content-Type", ""),
        body=response.content.decode(),
    )


def _replay(entry: IdempotencyKey, fingerprint: str) -> HttpResponse:
    if entry.fingerprint != fingerprint:
        raise _conflict()
    response = HttpResponse(entry.body, status=entry.status, content_type=entry.content_type)
    response.headers[REPLAYED] = "true"
    return response


def _conflict() -> Problem:
    return Problem(
        409,
        "idempotency_conflict",
        "Idempotency key used before",
        "This Idempotency-Key was used for another request in the last 24 hours.",
        "Use a new key for a new request.",
    )


def _in_progress() -> Problem:
    return Problem(
        409,
        "idempotency_in_progress",
        "Still being worked on",
        "A request with this Idempotency-Key is still being worked on.",
        "Send the same request again in a moment.",
    )
