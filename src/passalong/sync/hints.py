"""What a CRM tells of by itself: kept as hints, then looked at by runs that ask for just those contacts.

A notification is never taken at its word. It may come late, twice, in any order or not at all, so all it
does is name contacts: a run reads each of them by its id and goes the way of every run. Ours are among them
(what we write is told to us, too); such a run finds nothing changed and writes nothing.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import connection as database
from django.db import transaction
from django.db.models import Q, QuerySet

from passalong.accounts.models import OnContactDeleted
from passalong.accounts.scope import in_workspace
from passalong.core.clock import now
from passalong.core.crypto import UndecryptableError, decrypt, encrypt
from passalong.core.dbthread import DbThread
from passalong.core.ids import new_id
from passalong.core.problems import FieldProblem, Problem, invalid
from passalong.integrations.registry import integration
from passalong.sync import connections, erase, services
from passalong.sync import rows as sql
from passalong.sync.errors import CredentialsError, Retriable, SyncError
from passalong.sync.models import (
    ACTIVE,
    Connection,
    ConnectionStatus,
    Hint,
    Notification,
    Run,
    RunKind,
    Sync,
    SyncType,
    Trigger,
)
from passalong.sync.newcomers.tasks import enqueue_watch
from passalong.sync.port import Integration
from passalong.sync.records import Audience, Notice

# Above this many at once a run over what changed costs less than asking for each.
MOST_NAMED = 300
KEPT = timedelta(days=7)
SECRET_LIMIT = 200
# Longer than a search may go on showing whom the CRM has deleted.
CONFIRM_EVERY = timedelta(minutes=15)
PATIENCE_SECONDS = 30

log = structlog.get_logger(__name__)

NOTE = """
INSERT INTO sync_notification (id, workspace_id, connection_id, uid, topic, contact_ids, deleted, received_at)
VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s, now())
ON CONFLICT (connection_id, uid) DO NOTHING
"""
TAKE = """
UPDATE sync_notification AS n SET handled_at = now()
WHERE connection_id = %(connection)s AND handled_at IS NULL RETURNING contact_ids
"""
# Everybody who may be concerned: whether they are is for the run to find out.
HINT = """
INSERT INTO sync_hint (sync_id, external_id)
SELECT s.id, c.id FROM unnest(%(ids)s::text[]) AS c(id)
JOIN sync_sync s ON s.connection_id = %(connection)s AND s.type = 'ongoing' AND s.next_run_at IS NOT NULL
ORDER BY s.id, c.id
ON CONFLICT DO NOTHING
"""


def receive(provider: str, headers: Mapping[str, str], body: bytes) -> int:
    """Check and keep a notification; returns for how many connections. Problem 401 `signature_rejected`,
    400 `malformed_notification`. One about an account that nobody has connected is taken and dropped."""
    from passalong.sync.tasks import enqueue_hints

    crm = integration(provider)
    shared = crm.proves(headers, body, None)
    try:
        notice = crm.notice(body)
    except ValueError:
        raise (_malformed() if shared else _unsigned()) from None
    rows = Connection.everywhere.filter(provider=provider, account_id=notice.account_id)
    known = list(rows.exclude(status=ConnectionStatus.DISCONNECTED))
    proven = [one for one in known if shared or _proves_itself(crm, headers, body, one)]
    if not shared and not proven:
        raise _unsigned()
    for connection in proven:
        with transaction.atomic():
            _note(connection, notice)
            enqueue_hints(connection.pk)
    return len(proven)


def _proves_itself(crm: Integration, headers: Mapping[str, str], body: bytes, connection: Connection) -> bool:
    """Signed with the secret that this connection was given."""
    if not connection.hook_secret:
        return False
    try:
        return crm.proves(headers, body, decrypt(connection.hook_secret))
    except UndecryptableError:
        return False


def _note(connection: Connection, notice: Notice) -> None:
    with database.cursor() as cursor:
        ids = json.dumps(notice.contact_ids)
        row = (new_id(), connection.workspace_id, connection.pk, notice.uid, notice.topic, ids)
        cursor.execute(NOTE, (*row, notice.deleted))
    Connection.everywhere.filter(pk=connection.pk).update(noticed_at=now())


def set_secret(connection: Connection, secret: str) -> Connection:
    """Keep the secret with which this CRM account signs what it tells; empty forgets it."""
    secret = secret.strip()
    if len(secret) > SECRET_LIMIT or not secret.isascii() or any(letter.isspace() for letter in secret):
        said = "Paste the client secret of your app: letters and digits, no spaces."
        raise invalid([FieldProblem("client_secret", said)])
    connection.hook_secret = encrypt(secret) if secret else ""
    connection.save(update_fields=["hook_secret", "updated_at"])
    return connection


def latest(connection: Connection, limit: int = 20) -> list[Notification]:
    """What was received last, newest first."""
    return list(Notification.objects.filter(connection=connection).order_by("-id")[:limit])


# Following


def follow(connection_id: UUID) -> int:
    """Make hints of what a CRM told, and start a run for each sync that has some; returns how many began.

    A sync that runs at the moment, is paused or whose connection needs attention keeps its hints for later.
    """
    with transaction.atomic(), database.cursor() as cursor:
        told = sql.select(cursor, TAKE, connection=connection_id)
        ids = sorted({one for (contact_ids,) in told for one in sql.decoded(contact_ids)})
        cursor.execute(HINT, {"connection": connection_id, "ids": ids})
        enqueue_watch(connection_id, ids)
    rows = _hinted().filter(sync__connection=connection_id)
    return sum(_start(one) for one in rows.values_list("sync", flat=True).distinct())


def _hinted() -> QuerySet[Hint]:
    """Hints of syncs that may run."""
    return Hint.objects.filter(
        sync__connection__status=ConnectionStatus.CONNECTED,
        sync__paused_at=None,
        sync__type=SyncType.ONGOING,
        sync__next_run_at__gt=now(),
    )


def on_run_finished(run_id: UUID, **_signal: object) -> None:
    """What was told meanwhile need not wait for the next look, in the transaction that ends the run."""
    from passalong.sync.tasks import enqueue_hints

    hinted = Hint.objects.filter(sync__in=Run.everywhere.filter(pk=run_id).values("sync"))
    connection_id = hinted.values_list("sync__connection", flat=True).first()
    if connection_id is not None:
        enqueue_hints(connection_id)


def waiting() -> list[UUID]:
    """Connections with something that no job may be about to follow, as after a crash."""
    confirm = Q(deleted=True) & (Q(connection__confirm_at=None) | Q(connection__confirm_at__lt=now()))
    told = Notification.everywhere.filter(
        Q(handled_at=None) | confirm, connection__status=ConnectionStatus.CONNECTED
    )
    active = Run.everywhere.filter(kind=RunKind.RUN, status__in=ACTIVE)
    hinted = _hinted().exclude(sync__in=active.values("sync"))
    found = {*told.values_list("connection", flat=True).distinct()}
    return list(found | {*hinted.values_list("sync__connection", flat=True).distinct()})


def _start(sync_id: UUID) -> bool:
    try:
        return _take_up(sync_id)
    except Problem:
        # Somebody paused it or disconnected the account in this very moment: its hints are still there.
        return False


@transaction.atomic
def _take_up(sync_id: UUID) -> bool:
    """One transaction takes the hints and queues the run: none is lost, none is followed twice."""
    rows = Sync.everywhere.select_for_update(of=("self",), skip_locked=True).select_related("connection")
    # A turn of the schedule that is due goes first: it may be the one that reads everybody.
    sync = rows.filter(pk=sync_id, paused_at=None, type=SyncType.ONGOING, next_run_at__gt=now()).first()
    if sync is None or Run.everywhere.filter(sync=sync, kind=RunKind.RUN, status__in=ACTIVE).exists():
        return False
    hints = list(Hint.objects.filter(sync=sync).order_by("id").values_list("id", "external_id"))
    if not hints:
        return False
    Hint.objects.filter(sync=sync, pk__lte=hints[-1][0]).delete()
    ids: Sequence[str] = [external_id for _, external_id in hints] if len(hints) <= MOST_NAMED else ()
    with in_workspace(sync.workspace_id):
        services.start_run(sync, trigger=Trigger.WEBHOOK, only=ids)
    return True


async def confirm_deleted(connection_id: UUID) -> None:
    """Ask after the contacts that the CRM says it deleted for good, and erase those who are gone, where the
    workspace wants that: at once, and once more when no search can show them any longer, as a run may have
    met them meanwhile. One job at a time does it for a connection; what failed waits for the next time."""
    db = DbThread()
    try:
        connection, ids = await db(_said_deleted, connection_id)
        if ids:
            await _confirm(connection, ids, db)
    except (UndecryptableError, CredentialsError):
        await db(connections.needs_attention, connection_id)
    except SyncError as error:
        log.warning("erasing waits", connection=str(connection_id), code=error.code)
    finally:
        await db.close()


async def _confirm(connection: Connection, ids: Sequence[str], db: DbThread) -> None:
    opened = integration(connection.provider).open(
        connection.credentials,
        interactive=False,
        timezone=connection.timezone,
        patience=PATIENCE_SECONDS,
    )
    async with opened as session:
        for one in ids:
            try:
                where = await session.whereabouts(one, Audience("all"))
            except (CredentialsError, Retriable):
                raise
            except SyncError as error:
                log.warning("a deletion is not confirmed", contact=one, code=error.code)
                continue
            await db(_dealt_with, connection, one, is_gone=where.state == "gone")


def _said_deleted(connection_id: UUID) -> tuple[Connection, list[str]]:
    connection = Connection.everywhere.select_related("workspace").get(pk=connection_id)
    told = Notification.everywhere.filter(connection=connection, deleted=True)
    free = Q(confirm_at=None) | Q(confirm_at__lt=now())
    mine = (
        Connection.everywhere.filter(free, pk=connection_id)
        if told.exists()
        else Connection.everywhere.none()
    )
    if not mine.update(confirm_at=now() + CONFIRM_EVERY):
        return connection, []
    if connection.workspace.on_contact_deleted != OnContactDeleted.ERASE:
        told.update(deleted=False)
        return connection, []
    if connection.status != ConnectionStatus.CONNECTED:
        return connection, []
    return connection, sorted({one for ids in told.values_list("contact_ids", flat=True) for one in ids})


def _dealt_with(connection: Connection, contact_id: str, *, is_gone: bool) -> None:
    told = Notification.everywhere.filter(
        connection=connection, deleted=True, contact_ids__contains=[contact_id]
    )
    if is_gone:
        erase.erase_contact(connection, contact_id)
        told = told.filter(received_at__lt=now() - CONFIRM_EVERY)
    keys = list(told.values_list("pk", flat=True))
    Notification.everywhere.filter(pk__in=keys).update(deleted=False, contact_ids=[])


def tidy() -> None:
    """Drop what was received long ago."""
    Notification.everywhere.filter(received_at__lt=now() - KEPT).exclude(
        Q(handled_at=None) | Q(deleted=True)
    ).delete()


def _unsigned() -> Problem:
    return Problem(
        401,
        "signature_rejected",
        "Signature rejected",
        "The signature of this notification is missing or wrong.",
        "Give Passalong the client secret of the app that sends it: on the connection's page, or as "
        "PASSALONG_INTERCOM_CLIENT_SECRET.",
    )


def _malformed() -> Problem:
    said = "This is not a notification as the CRM describes it."
    return Problem(400, "malformed_notification", "Malformed notification", said, "Send it as JSON.")
