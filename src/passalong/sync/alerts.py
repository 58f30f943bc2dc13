"""A connection that stopped working reaches the team by email: once for each loss, tried until it is sent.

`Connection.alert_due_at` says when; it is set in the transaction that marks the loss and emptied by sending,
or by mending. Whoever sends moves it on first, so that two workers send one message. Only a worker that dies
between the mail server's word and ours can send a second.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from passalong.accounts.services import emails_of_writers
from passalong.core.clock import now
from passalong.core.ids import public_id
from passalong.integrations.registry import integration
from passalong.sync.models import Connection, ConnectionStatus, Sync

# Longer the longer it has been tried: a mail server that is down for a night is not asked every minute.
SOONEST, LATEST = timedelta(minutes=1), timedelta(hours=6)
MOST = 50

log = structlog.get_logger(__name__)


def on_connection_lost(connection_id: UUID, **_signal: object) -> None:
    """In the transaction that marks the loss: the job appears with its commit."""
    from passalong.sync.tasks import enqueue_alert

    enqueue_alert(connection_id)


def waiting() -> list[UUID]:
    """Connections whose team is to be told and whose job may be gone, or failed."""
    due = Connection.everywhere.filter(alert_due_at__lte=now()).order_by("alert_due_at")
    return list(due.values_list("pk", flat=True)[:MOST])


def tell(connection_id: UUID) -> bool:
    """Send the message about one connection if it is due; returns whether it was sent."""
    due = _take(connection_id)
    if due is None:
        return False
    connection = Connection.everywhere.select_related("workspace").get(pk=connection_id)
    recipients = emails_of_writers(connection.workspace_id)
    if recipients:
        try:
            _message(connection, recipients).send()
        except (OSError, ValueError) as error:
            # What a mail server says is an OSError. The time for another try stands in the row.
            log.warning("email not sent", connection=str(connection_id), error=type(error).__name__)
            return False
    Connection.everywhere.filter(pk=connection_id, alert_due_at=due).update(alert_due_at=None)
    return bool(recipients)


def _take(connection_id: UUID) -> datetime | None:
    """Move the time on, for whoever is first; the new time, or None when nothing is due."""
    moment = now()
    rows = Connection.everywhere.filter(pk=connection_id, status=ConnectionStatus.NEEDS_ATTENTION)
    found = rows.filter(alert_due_at__lte=moment).first()
    if found is None:
        return None
    tried_for = moment - (found.lost_at or moment)
    again = moment + min(max(tried_for, SOONEST), LATEST)
    taken = rows.filter(alert_due_at=found.alert_due_at).update(alert_due_at=again)
    return again if taken else None


def _message(connection: Connection, recipients: Sequence[str]) -> EmailMessage:
    crm = integration(connection.provider).title
    # A name from outside must not end a header early.
    account = " ".join(connection.account_name.split())
    named = {"crm": crm, "account": account, "workspace": connection.workspace.name}
    subject = _("%(crm)s needs you: %(account)s no longer lets Passalong in") % named
    body = "\n\n".join(
        [
            _("%(crm)s no longer accepts the access token of %(account)s (workspace %(workspace)s).") % named,
            _waits(Sync.everywhere.filter(connection=connection).count()),
            _("Give the connection a new token here:") + "\n" + address(connection),
            _("You get this message once, because you can change things in this workspace."),
        ]
    )
    return EmailMessage(subject, body + "\n", to=list(recipients))


def _waits(syncs: int) -> str:
    said = ngettext(
        "%(n)d sync waits. Nobody is lost: it catches up by itself once the token works again.",
        "%(n)d syncs wait. Nobody is lost: they catch up by themselves once the token works again.",
        syncs,
    )
    return said % {"n": syncs}


def address(connection: Connection) -> str:
    """Where a person mends it."""
    return f"{settings.BASE_URL}/connections/{public_id('connection', connection.pk)}#token"
