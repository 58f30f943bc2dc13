"""Verbs for connections, and the live questions a person asks of one while setting up a sync."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from django.db import transaction

from passalong.accounts.scope import current_workspace_id
from passalong.core.clock import now
from passalong.core.crypto import UndecryptableError
from passalong.core.problems import FieldProblem, Problem, invalid
from passalong.integrations.registry import integration
from passalong.sync.errors import ConfigError, CredentialsError, SyncError
from passalong.sync.models import WORKABLE, Connection, ConnectionStatus, Run, RunStatus
from passalong.sync.port import Session
from passalong.sync.records import Account, Check, Field, FieldType, Segment

T = TypeVar("T")

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
    connection, _ = Connection.objects.update_or_create(
        provider=provider,
        account_id=account.id,
        defaults={
            "workspace_id": current_workspace_id(),
            **_found(account, checks),
            "secret": _sealed(access_token),
        },
    )
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
    for key, value in _found(account, checks).items():
        setattr(connection, key, value)
    connection.secret = _sealed(access_token)
    connection.save()
    return connection


@transaction.atomic
def disconnect(connection: Connection) -> None:
    """Forget the credentials and stop what runs; syncs and their settings stay."""
    Connection.objects.filter(pk=connection.pk).update(
        status=ConnectionStatus.DISCONNECTED, secret="", fields_cache=[], segments_cache=[], cached_at=None
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


def create_field(connection: Connection, label: str, type: FieldType) -> tuple[Field, bool]:  # noqa: A002
    """Make a field in the CRM, or find it there; the flag says whether it is new."""
    made = ask(connection, lambda session: session.create_field(label, type))
    _remember(connection.pk, fields_cache=[], cached_at=None)
    return made


def recheck(connection: Connection) -> Connection:
    """Ask the CRM again what the connection may do, and keep the answer."""
    account, checks = ask(connection, lambda session: session.check())
    healthy = account is not None and all(check.ok for check in checks if check.required)
    connection.checks = msgspec.to_builtins(checks)
    connection.status = ConnectionStatus.CONNECTED if healthy else ConnectionStatus.NEEDS_ATTENTION
    connection.save(update_fields=["checks", "status", "updated_at"])
    return connection


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
    """Mark a connection whose credentials stopped working."""
    Connection.everywhere.filter(pk=connection_id, status=ConnectionStatus.CONNECTED).update(
        status=ConnectionStatus.NEEDS_ATTENTION, updated_at=now()
    )


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
        "status": ConnectionStatus.CONNECTED,
        "account_id": account.id,
        "account_name": account.name,
        "region": account.region,
        "timezone": account.timezone,
        "checks": msgspec.to_builtins(checks),
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
