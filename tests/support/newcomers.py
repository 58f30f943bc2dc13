"""A campaign whose newcomers go into a nasty CRM, and hands to let people join and to send them."""

import asyncio
from datetime import timedelta
from typing import Any

from passalong.accounts.scope import in_workspace
from passalong.core.clock import now
from passalong.leads.models import Lead
from passalong.leads.services import add_lead
from passalong.sync.models import Connection
from passalong.sync.newcomers import send as sending
from passalong.sync.newcomers import services
from passalong.sync.newcomers.models import Newcomer, PeopleRule
from tests.support.crm import Crm
from tests.support.syncing import World

EMAIL_ROW = {"to": "email", "from": "email"}
AS_LEAD: dict[str, Any] = {"create": "lead", "fields": [EMAIL_ROW]}
AS_USER: dict[str, Any] = {"create": "user", "fields": [EMAIL_ROW]}


class Arrivals(World):
    """A world without a run, where some things are wished for of who joins."""

    def __init__(self, crm: Crm | None = None, *, beside: World | None = None, **wishes: Any) -> None:
        super().__init__(crm or Crm(), beside=beside)
        if wishes:
            self.wish(**wishes)

    def wish(self, **wishes: Any) -> PeopleRule:
        with in_workspace(self.workspace_id):
            return services.change_rule(self.campaign, self.connection, wishes)

    def befriend(self, email: str, referrer: str = "dana@example.com", **more: Any) -> Lead:
        """Somebody whom dana invited joins."""
        with in_workspace(self.workspace_id):
            return add_lead(self.campaign, referrer, email, **more)[0]

    def send(self) -> None:
        """What a worker does."""
        asyncio.run(sending.send(self.connection.pk))

    def send_later(self, wait: timedelta = timedelta(minutes=1)) -> None:
        """The same, after a while."""
        self.pass_time(wait)
        self.send()

    def pass_time(self, wait: timedelta) -> None:
        """Everything of the outbox happened longer ago."""
        for row in Newcomer.everywhere.filter(connection=self.connection):
            row.due_at -= wait
            row.created_at -= wait
            row.posting_at = row.posting_at - wait if row.posting_at else None
            row.save(update_fields=["due_at", "created_at", "posting_at"])

    def heal(self) -> None:
        Connection.everywhere.filter(pk=self.connection.pk).update(status="connected")

    def states(self) -> dict[str, str]:
        """email → how far, with the problem if there is one; events by their name."""
        rows = Newcomer.everywhere.filter(connection=self.connection).order_by("pk")
        return {self._name(row): f"{row.state} {(row.problem or {}).get('code', '')}".strip() for row in rows}

    @staticmethod
    def _name(row: Newcomer) -> str:
        return f"{row.kind} {row.email}" if row.is_event else row.email

    def in_crm(self) -> dict[str, str]:
        """email → role, of everybody in the CRM; several of one email joined."""
        found: dict[str, str] = {}
        for one in self.crm.people.values():
            key = str(one.email)
            found[key] = f"{found[key]} {one.role}" if key in found else one.role
        return found

    def row_states(self) -> list[str]:
        rows = Newcomer.everywhere.filter(connection=self.connection).order_by("pk")
        return list(rows.values_list("state", flat=True))

    def row(self, email: str) -> Newcomer:
        return Newcomer.everywhere.get(connection=self.connection, email=email)


def long_ago() -> Any:
    """A moment when every lease has run out."""
    return now() - timedelta(hours=1)
