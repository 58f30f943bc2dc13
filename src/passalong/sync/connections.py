"""Verbs for connections, and the live questions a person asks of one while setting up a sync."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from passalong.accounts.scope import current_workspace_id
from passalong.core.clock import now
from passalong.core.crypto import UndecryptableError
from passalong.core.problems import FieldProblem, Problem, invalid
from passalong.integrations.registry import integration
from passalong.sync import schedule
from passalong.sync.errors import ConfigError, CredentialsError, SyncError
from passalong.sync.models import (
    ACTIVE,
    WORKABLE,
    Connection,
    ConnectionStatus,
    Run,
    RunKind,
    RunStatus,
    Sync,
)
from passalong.sync.port import Session
from passalong.sync.records import Account, Check, Field, FieldType, Role, Segment
from passalong.sync.signals import connection_lost

T = TypeVar("T")

_HEALTHY: dict[str, Any] = {"status": ConnectionStatus.CONNECTED, "lost_at": None, "alert_due_at": None}
REGIONS = ("us", "eu", "au")
CACHE_FOR = timedelta(minutes=10)


def title(connection: Connection) -> str:
    """What people call the system behind a connection, such as "Intercom"."""
    return integration(connection.provider).title


def connect(provider: str, access_token: str, region: str | None = None) -> Connection:
    """Check a token and keep it. Refused: Problem 422 `connection_rejected`, and nothing is stored.

    Connecting an account that is there already renews its token and status instead of doubling it.
    """
    account, checks = _checked(provider, access_token, region)
    known = Connection.objects.filter(provider=provider, account_id=account.id)
    ill = known.exclude(status=ConnectionStatus.CONNECTED).exists()
    with transaction.atomic():
        connection, _ = Connection.objects.update_or_create(
            provider=provider,
            account_id=account.id,
            defaults={
                "workspace_id": current_workspace_id(),
                **_found(account, checks),
                "secret": _sealed(access_token),
            },
        )
        _go_on(connection, ill=ill)
    return connection


def replace_token(connection: Connection, access_token: str) -> Connection:
    """Give a connection a new token for the same account; it is connected again if the CRM takes it."""
    account, checks = _checked(connection.provider, access_token, connection.region)
    if account.id != connection.account_id:
        raise Problem(
            422,
            "other_account",
            "Another account",
            f"This token belongs to {account.name}, but the connection is to {connection.account_name}.",
            "Use a token of the same workspace, or connect the other one as a connection of its own.",
        )
    ill = connection.status != ConnectionStatus.CONNECTED
    for key, value in _found(account, checks).items():
        setattr(connection, key, value)
    connection.secret = _sealed(access_token)
    with transaction.atomic():
        connection.save()
        _go_on(connection, ill=ill)
    return connection


@transaction.atomic
def disconnect(connection: Connection) -> None:
    """Forget the credentials and stop what runs; syncs and their settings stay."""
    Connection.objects.filter(pk=connection.pk).update(
        status=ConnectionStatus.DISCONNECTED,
        secret="",
        lost_at=None,
        alert_due_at=None,
        fields_cache=[],
        segments_cache=[],
        sizes_cache={},
        cached_at=None,
        wanted_at=None,
        looked_up_at=None,
        lookup_error=None,
    )
    runs = Run.objects.filter(sync__connection=connection)
    runs.filter(status=RunStatus.PAUSED).update(status=RunStatus.CANCELLED, finished_at=now())
    runs.filter(status__in=WORKABLE).update(cancel_requested=True)


def segments(connection: Connection) -> list[Segment]:
    """The CRM's segments with their counts at this moment."""
    found = ask(connection, lambda session: session.segments())
    _remember(connection.pk, segments_cache=msgspec.to_builtins(found))
    return found


def fields(connection: Connection, *, refresh: bool = True) -> list[Field]:
    """The CRM's contact fields with samples; without `refresh` an answer up to ten minutes old will do."""
    fresh_enough = connection.cached_at is not None and connection.cached_at > now() - CACHE_FOR
    if not refresh and fresh_enough and connection.fields_cache:
        return msgspec.convert(connection.fields_cache, list[Field])
    found = ask(connection, lambda session: session.fields())
    _remember(connection.pk, fields_cache=msgspec.to_builtins(found), cached_at=now())
    return found


def known_fields(connection: Connection) -> list[Field]:
    """The fields as last read, however long ago; none when they never were."""
    return msgspec.convert(connection.fields_cache, list[Field])


def known_segments(connection: Connection) -> list[Segment]:
    """The segments as last read, however long ago; none when they never were."""
    return msgspec.convert(connection.segments_cache, list[Segment])


def known_sizes(connection: Connection) -> dict[Role, int]:
    """How many leads and users there were when last read; empty when they never were counted."""
    return msgspec.convert(connection.sizes_cache, dict[Role, int])


def want_look_up(connection: Connection, older_than: timedelta) -> None:
    """Have a worker read fields and segments anew unless they are newer than this. Asks no CRM itself."""
    from passalong.sync.tasks import enqueue_look_up

    moment = now()
    if is_looking(connection) and connection.wanted_at and connection.wanted_at > moment - older_than:
        return
    if (
        not is_looking(connection)
        and connection.looked_up_at
        and connection.looked_up_at > moment - older_than
    ):
        return
    with transaction.atomic():
        connection.wanted_at = moment
        _remember(connection.pk, wanted_at=moment)
        enqueue_look_up(connection.pk)


def is_looking(connection: Connection) -> bool:
    """Whether a look-up that was asked for has not begun and ended since."""
    wanted, done = connection.wanted_at, connection.looked_up_at
    return wanted is not None and (done is None or done < wanted)


def look_up(connection_id: UUID) -> None:
    """Read fields, segments and sizes into the caches, or note why that did not work. For the job."""
    connection = Connection.everywhere.filter(pk=connection_id).first()
    if connection is None:
        return
    began = now()

    async def everything(session: Session) -> tuple[list[Field], list[Segment], dict[Role, int]]:
        return await session.fields(), await session.segments(), await session.sizes()

    try:
        found, groups, sizes = ask(connection, everything)
    except Problem as problem:
        _remember(connection_id, looked_up_at=began, lookup_error=_noted(problem))
        return
    read = {"fields_cache": found, "segments_cache": groups, "sizes_cache": sizes}
    caches = {name: msgspec.to_builtins(said) for name, said in read.items()}
    _remember(connection_id, **caches, cached_at=began, looked_up_at=began, lookup_error=None)


def trouble_of(connection: Connection) -> Problem | None:
    """Why the last look-up did not work."""
    return Problem(**connection.lookup_error) if connection.lookup_error else None


def _noted(problem: Problem) -> dict[str, Any]:
    keys = ("status", "code", "title", "detail", "next_step")
    return {key: getattr(problem, key) for key in keys}


def create_field(connection: Connection, label: str, type: FieldType) -> tuple[Field, bool]:  # noqa: A002
    """Make a field in the CRM, or find it there; the flag says whether it is new."""
    made = ask(connection, lambda session: session.create_field(label, type))
    others = [row for row in connection.fields_cache if row["key"] != made[0].key]
    # The cache lives on with the new field, and counts as old for whoever wants it as it is now.
    _remember(connection.pk, fields_cache=[*others, msgspec.to_builtins(made[0])], cached_at=None)
    return made


def recheck(connection: Connection) -> Connection:
    """Ask the CRM again what the connection may do, and keep the answer."""
    account, checks = ask(connection, lambda session: session.check())
    healthy = account is not None and all(check.ok for check in checks if check.required)
    ill = connection.status != ConnectionStatus.CONNECTED
    connection.checks = msgspec.to_builtins(checks)
    with transaction.atomic():
        connection.save(update_fields=["checks", "updated_at"])
        if healthy:
            Connection.objects.filter(pk=connection.pk).update(**_HEALTHY)
            _go_on(connection, ill=ill)
        else:
            needs_attention(connection.pk)
    connection.refresh_from_db()
    return connection


def _go_on(connection: Connection, *, ill: bool) -> None:
    """The CRM lets us in: what waits for a person need not wait longer."""
    schedule.hurry(connection)
    if ill:
        schedule.catch_up(connection)


def ask(connection: Connection, question: Callable[[Session], Awaitable[T]]) -> T:
    """One interactive question to the CRM, its failures as Problems, dead credentials remembered."""
    require_connected(connection)

    async def conversation() -> T:
        crm = integration(connection.provider)
        async with crm.open(
            connection.credentials, interactive=True, timezone=connection.timezone
        ) as session:
            return await question(session)

    try:
        return asyncio.run(conversation())
    except UndecryptableError as error:
        needs_attention(connection.pk)
        raise _unreadable_secret() from error
    except SyncError as error:
        if isinstance(error, CredentialsError):
            needs_attention(connection.pk)
        raise as_problem(error) from error


def require_connected(connection: Connection) -> None:
    """Refuse work on a connection that has no credentials."""
    if connection.status == ConnectionStatus.DISCONNECTED:
        raise Problem(
            409,
            "disconnected",
            "Disconnected",
            f"{connection.account_name} is disconnected.",
            "Connect it again with an access token; its syncs are still here.",
        )


def needs_attention(connection_id: UUID) -> None:
    """Mark a connection whose credentials stopped working, and tell whoever listens, once."""
    fine = Connection.everywhere.filter(pk=connection_id, status=ConnectionStatus.CONNECTED)
    moment = now()
    with transaction.atomic():
        if fine.update(
            status=ConnectionStatus.NEEDS_ATTENTION, lost_at=moment, alert_due_at=moment, updated_at=moment
        ):
            connection_lost.send(sender=Connection, connection_id=connection_id)


def in_trouble() -> list[Connection]:
    """Connections of this workspace that need a person, each with `syncs`, how many wait. Counts
    only where there is trouble, as every page asks."""
    waiting = Sync.objects.filter(connection=OuterRef("pk")).values("connection").annotate(n=Count("pk"))
    rows = Connection.objects.filter(status=ConnectionStatus.NEEDS_ATTENTION).order_by("pk")
    if not rows.exists():
        return []
    return list(rows.annotate(syncs=Coalesce(Subquery(waiting.values("n")), 0))[:3])


def catching_up(connection: Connection) -> list[Sync]:
    """Syncs of a connection that run, or are about to, without waiting for their next turn."""
    running = Run.objects.filter(sync=OuterRef("pk"), kind=RunKind.RUN, status__in=ACTIVE)
    syncs = Sync.objects.filter(connection=connection, paused_at=None)
    return list(syncs.filter(Exists(running) | Q(next_run_at__lte=now())).order_by("-pk")[:20])


def as_problem(error: SyncError) -> Problem:
    """A CRM failure as the API and the pages show it."""
    conflicts = ("field_type_conflict",)
    if isinstance(error, CredentialsError):
        status = 409
    elif isinstance(error, ConfigError):
        status = 409 if error.code in conflicts else 422
    else:
        status = 503
    title = error.code.replace("_", " ").capitalize()
    return Problem(status, error.code, title, error.message, error.next_step)


def _checked(provider: str, access_token: str, region: str | None) -> tuple[Account, list[Check]]:
    token = access_token.strip()
    problems = []
    if not token or not token.isascii() or any(letter.isspace() for letter in token):
        problems.append(
            FieldProblem("access_token", "Paste the access token: letters and digits, no spaces.")
        )
    if region is not None and region not in REGIONS:
        problems.append(FieldProblem("region", "Region is us, eu or au."))
    if problems:
        raise invalid(problems)

    async def conversation() -> tuple[Account | None, list[Check]]:
        crm = integration(provider)
        async with crm.open({"access_token": token, "region": region}, interactive=True) as session:
            return await session.check()

    try:
        account, checks = asyncio.run(conversation())
    except SyncError as error:
        raise as_problem(error) from error
    failed = [check for check in checks if check.required and not check.ok]
    if failed or account is None:
        raise _rejected(failed)
    return account, checks


def _rejected(failed: list[Check]) -> Problem:
    first = failed[0] if failed else None
    return Problem(
        422,
        "connection_rejected",
        "Connection rejected",
        f"{first.name}: no." if first else "The CRM did not say which workspace this token belongs to.",
        first.detail if first else "Make a new access token and try again.",
        [FieldProblem(f"checks.{check.name}", check.detail) for check in failed],
    )


def _found(account: Account, checks: list[Check]) -> dict[str, Any]:
    return {
        **_HEALTHY,
        "account_id": account.id,
        "account_name": account.name,
        "region": account.region,
        "timezone": account.timezone,
        "checks": msgspec.to_builtins(checks),
        "lookup_error": None,
    }


def _sealed(access_token: str) -> str:
    scratch = Connection()
    scratch.set_token(access_token.strip())
    return scratch.secret


def _remember(connection_id: UUID, **columns: Any) -> None:
    Connection.everywhere.filter(pk=connection_id).update(**columns)


def _unreadable_secret() -> Problem:
    return Problem(
        409,
        "secret_unreadable",
        "Stored token unreadable",
        "The stored access token was encrypted with a key this installation no longer has.",
        "Give the connection its access token again, or add the old key to PASSALONG_SECRET_KEY.",
    )
