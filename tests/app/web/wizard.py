"""Hands on the wizard: walks it as a browser without scripts does."""

from typing import Any
from uuid import UUID

from django.test import Client

from passalong.core.ids import public_id
from passalong.sync.models import Connection, SyncDraft

MAP_IN = {
    "rows": "2",
    "from-0": "name",
    "to-0": "first_name",
    "format-0": "first_word",
    "mode-0": "overwrite",
    "from-1": "email",
    "to-1": "email",
    "mode-1": "overwrite",
}


class Wizard:
    """One draft in one browser."""

    def __init__(self, client: Client, campaign_id: UUID) -> None:
        self.client = client
        answer = client.post(f"/campaigns/{public_id('campaign', campaign_id)}/syncs/new")
        self.draft_id = answer["Location"].removeprefix("/setup/")

    def address(self, step: str) -> str:
        return f"/setup/{self.draft_id}/{step}"

    @property
    def draft(self) -> SyncDraft:
        return SyncDraft.everywhere.get(pk=self.draft_id)

    def see(self, step: str) -> Any:
        return self.client.get(self.address(step))

    def send(self, step: str, do: str = "next", **typed: Any) -> Any:
        fields = {"version": str(self.draft.version), "do": do, **typed}
        return self.client.post(self.address(step), fields)

    def source(self, connection: Connection) -> Any:
        return self.send("source", connection_id=str(connection.pk))

    def up_to_review(self, connection: Connection) -> None:
        """Every step answered plainly: all contacts, name and email, nothing back."""
        self.source(connection)
        self.send("contacts", kind="all")
        self.send("map-in", **MAP_IN)
        self.send("map-back", on="no")
        answer = self.send("type", type="one_time")
        assert answer["Location"] == self.address("review")

    def start(self, **more: Any) -> Any:
        fields = {"version": str(self.draft.version), **more}
        return self.client.post(self.address("start"), fields)
