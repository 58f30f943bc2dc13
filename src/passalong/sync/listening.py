"""What a team must do to have a CRM tell of changes by itself, and whether it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from passalong.core.http import looks_public
from passalong.integrations.registry import integration
from passalong.sync import hints
from passalong.sync.models import Connection, Notification


@dataclass(frozen=True)
class Listening:
    """Where a CRM is to send what, and what came so far.

    `secret_set` says whether its signature can be checked at all, `secret_shared` whether the installation
    has a secret for every connection. `reachable` is a guess from the address alone.
    """

    address: str
    topics: Sequence[str]
    reachable: bool
    secret_set: bool
    secret_shared: bool
    last_received_at: datetime | None
    recent: list[Notification]

    @property
    def latest(self) -> Notification | None:
        """What was told last, unless it is too long ago to be kept."""
        return self.recent[0] if self.recent else None


def listening(connection: Connection) -> Listening:
    """How things are with a connection."""
    crm = integration(connection.provider)
    shared = crm.has_secret()
    return Listening(
        address=f"{settings.BASE_URL}/hooks/{connection.provider}",
        topics=crm.topics,
        reachable=looks_public(settings.BASE_URL),
        secret_set=shared or bool(connection.hook_secret),
        secret_shared=shared,
        last_received_at=connection.noticed_at,
        recent=hints.latest(connection),
    )


def can_listen(connection: Connection) -> bool:
    """Whether this CRM tells of anything by itself."""
    return bool(integration(connection.provider).topics)
