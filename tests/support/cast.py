"""The people every test knows: alice owns Acme, bob edits there, charlie works for somebody else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from passalong.accounts.models import Member, Role, TokenScope, User, Workspace
from passalong.accounts.scope import in_workspace
from passalong.accounts.services import create_token, set_up
from passalong.campaigns.models import Campaign
from passalong.campaigns.services import create_campaign
from passalong.core.clock import now
from passalong.leads.models import Lead
from passalong.leads.services import add_lead
from passalong.referrers.models import Referrer
from passalong.referrers.services import add_referrer
from passalong.sync.models import Connection, Sync
from passalong.webhooks.models import Delivery, Webhook

DESTINATION = "https://shop.example.com/welcome"
CRM_FIELDS: list[dict[str, Any]] = [
    {"key": "email", "label": "Email", "type": "string"},
    {"key": "name", "label": "Name", "type": "string"},
    {"key": "custom_attributes.Link", "label": "Link", "type": "string", "writable": True, "custom": True},
]
PLAIN: dict[str, Any] = {"mode": "overwrite", "default": None}
INSTRUCTION: dict[str, Any] = {
    "audience": {"kind": "all", "segment_ids": [], "exclude_segment_ids": []},
    "inbound": [
        {
            "from": "name",
            "to": "first_name",
            "mode": "overwrite",
            "name_format": "first_word",
            "default": None,
        },
        {"from": "email", "to": "email", "mode": "overwrite", "name_format": None, "default": None},
    ],
    "outbound": [{"from": "referral_link", "to": "custom_attributes.Link"}],
    "contact_policy": {"unsubscribed": "include", "bounced": "include", "spam": "skip"},
}


@dataclass
class Person:
    """A member of a workspace with a token that may write and one that may only read."""

    member: Member
    token: str
    reading_token: str

    @property
    def workspace(self) -> Workspace:
        return self.member.workspace


def alice() -> Person:
    """The owner of Acme."""
    return _person(set_up("alice@example.com", "Acme", "alice's long password")[0])


def bob(workspace: Workspace) -> Person:
    """An editor of alice's workspace."""
    user = User.objects.create_user("bob@example.com", "bob's long password")
    return _person(Member.everywhere.create(workspace=workspace, user=user, role=Role.EDITOR))


def charlie() -> Person:
    """The owner of another workspace, who may see nothing of alice's."""
    return _person(set_up("charlie@example.com", "Umbrella", "charlie's long password")[0])


def campaign_of(person: Person, name: str = "Spring", destination_url: str = DESTINATION) -> Campaign:
    """A live campaign."""
    with in_workspace(person.workspace.pk):
        return create_campaign(name, destination_url)


def referrer_of(campaign: Campaign, email: str = "dana@example.com", **values: Any) -> Referrer:
    """A referrer of this campaign."""
    with in_workspace(campaign.workspace_id):
        return add_referrer(campaign, email, **values)[0]


def lead_of(referrer: Referrer, email: str = "frida@example.com") -> Lead:
    """A friend whom this referrer brought."""
    with in_workspace(referrer.workspace_id):
        return add_lead(referrer.campaign, referrer.code, email)[0]


def connection_of(person: Person, account_id: str = "acct_1") -> Connection:
    """A connection as it is after connecting, without a CRM behind it; its fields are known for a while."""
    connection = Connection(
        workspace=person.workspace,
        provider="intercom",
        account_id=account_id,
        account_name="Acme Intercom",
        region="eu",
        timezone="Europe/Dublin",
        checks=[{"name": "Read contacts", "ok": True, "detail": "", "required": True}],
        fields_cache=CRM_FIELDS,
        cached_at=now(),
        looked_up_at=now(),
    )
    connection.set_token("dG9rOmE=")
    connection.save(force_insert=True)
    return connection


def sync_of(campaign: Campaign, connection: Connection, name: str = "Everyone") -> Sync:
    """A sync of everybody in this connection."""
    with in_workspace(campaign.workspace_id):
        sync = Sync(workspace=campaign.workspace, campaign=campaign, connection=connection, name=name)
        for key, value in INSTRUCTION.items():
            setattr(sync, key, value)
        sync.save(force_insert=True)
        return sync


def webhook_of(person: Person) -> tuple[Webhook, Delivery]:
    """A webhook and something it was told."""
    url, workspace = "https://example.com/hooks", person.workspace
    webhook = Webhook.everywhere.create(workspace=workspace, url=url, events=["lead.created"], secret="x")
    told = Delivery.everywhere.create(workspace=workspace, webhook=webhook, event="lead.created", payload={})
    return webhook, told


def _person(member: Member) -> Person:
    workspace = member.workspace_id
    writing = create_token(workspace, f"{member.user.email} writes")[1]
    reading = create_token(workspace, f"{member.user.email} reads", TokenScope.READ)[1]
    return Person(member, writing, reading)


@dataclass
class Api:
    """A program that speaks to the API with one token; bodies go as JSON."""

    token: str
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1{path}", query, headers=self._headers())

    def post(self, path: str, body: Any = None, key: str | None = None) -> Any:
        return self._send("post", path, body, {"Idempotency-Key": key} if key is not None else {})

    def patch(self, path: str, body: Any) -> Any:
        return self._send("patch", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self._send("put", path, body)

    def delete(self, path: str) -> Any:
        return self._send("delete", path, None)

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Any:
        call = getattr(self.client, method)
        sent = b"" if body is None else body
        every = {**self._headers(), **(headers or {})}
        return call(f"/api/v1{path}", sent, content_type="application/json", headers=every)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}
