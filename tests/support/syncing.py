"""A workspace with a campaign, a nasty CRM and a sync between them, and hands to run it and look at it."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import msgspec
from django.db.models import Sum

from passalong.accounts.models import Workspace
from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.campaigns.services import create_campaign
from passalong.core.clock import now
from passalong.core.dbthread import DbThread
from passalong.referrers.models import Referrer, ReferrerAlias
from passalong.referrers.services import add_referrer
from passalong.sync import services
from passalong.sync.lease import claim
from passalong.sync.models import Connection, ContactLink, Partition, Run, RunRecord, Sync
from passalong.sync.run import Conductor, conduct
from tests.support.crm import FIELDS, LINK, PROVIDER, Crm

P = ParamSpec("P")
T = TypeVar("T")
_accounts = itertools.count(1)

NAME: dict[str, Any] = {
    "from": "name",
    "to": "first_name",
    "mode": "overwrite",
    "name_format": None,
    "default": None,
}
EMAIL: dict[str, Any] = {
    "from": "email",
    "to": "email",
    "mode": "overwrite",
    "name_format": None,
    "default": None,
}
LINK_BACK = {"from": "referral_link", "to": LINK}
COUNTS = ("read", "created", "updated", "unchanged", "duplicate", "skipped", "failed")


class World:
    """One sync of `crm` into a campaign. `campaign` and `connection` may be shared with another world, the
    latter alone where a campaign is named."""

    def __init__(
        self,
        crm: Crm,
        *,
        inbound: list[dict[str, Any]] | None = None,
        outbound: list[dict[str, Any]] | None = None,
        policy: Mapping[str, str] | None = None,
        beside: "World | None" = None,
        campaign: str = "",
    ) -> None:
        self.crm = crm
        self.campaign: Campaign = beside.campaign if beside else _campaign()
        if campaign:
            with in_workspace(self.campaign.workspace_id):
                self.campaign = create_campaign(campaign, "https://shop.example.com/")
        self.workspace_id = self.campaign.workspace_id
        shared = beside.connection if beside and beside.crm is crm else None
        self.connection: Connection = shared or self._connection()
        body = {
            "audience": {"kind": "all", "exclude_segment_ids": ["left out"]},
            "inbound": inbound or [NAME, EMAIL],
            "outbound": [LINK_BACK] if outbound is None else outbound,
            "contact_policy": policy or {},
        }
        with in_workspace(self.workspace_id):
            self.sync = services.create_sync(self.campaign, self.connection, body, who="alice@example.com")
        crm.applied = self._pages

    def _connection(self) -> Connection:
        connection = Connection(
            workspace_id=self.workspace_id,
            provider=PROVIDER,
            account_id=f"account {next(_accounts)}",
            account_name="Nasty Inc",
            fields_cache=msgspec.to_builtins(FIELDS),
            cached_at=now(),
        )
        connection.set_token(self.crm.token)
        connection.save(force_insert=True)
        return connection

    def _pages(self) -> int:
        """How many pages have been applied in all runs."""
        pages = Partition.objects.filter(run__sync=self.sync).aggregate(pages=Sum("pages", default=0))
        return int(pages["pages"])

    def start(self) -> Run:
        with in_workspace(self.workspace_id):
            return services.start_run(Sync.objects.get(pk=self.sync.pk))

    def run(self, db: DbThread | None = None) -> Run:
        """Start a run and conduct it as a worker does: outside of any workspace."""
        return work(self.start(), db)

    def preview(self) -> Run:
        with in_workspace(self.workspace_id):
            run = services.start_preview(self.sync)
        return work(run)

    def add(self, email: str, **values: Any) -> Referrer:
        with in_workspace(self.workspace_id):
            return add_referrer(self.campaign, email, **values)[0]

    # Looking at it

    def referrers(self) -> dict[str, str]:
        """email → first name."""
        rows = Referrer.everywhere.filter(campaign=self.campaign)
        return dict(rows.values_list("email", "first_name"))

    def referrer(self, email: str) -> Referrer:
        return Referrer.everywhere.get(campaign=self.campaign, email=email)

    def links(self) -> dict[str, str]:
        """contact id → email of its referrer."""
        rows = ContactLink.objects.filter(campaign=self.campaign, connection=self.connection)
        return dict(rows.values_list("external_id", "referrer__email"))

    def linked_to(self) -> dict[str, str]:
        """contact id → email of the referrer whose link it shows in the CRM, or showed before a merge."""
        owners = {row.referral_link: row.email for row in Referrer.everywhere.filter(campaign=self.campaign)}
        for alias in ReferrerAlias.everywhere.filter(campaign=self.campaign).select_related("referrer"):
            link = alias.referrer.referral_link.replace(alias.referrer.code, alias.code)
            owners[link] = f"once, now {alias.referrer.email}"
        return {key: owners.get(str(link), str(link)) for key, link in self.crm.values(LINK).items() if link}


def work(run: Run, db: DbThread | None = None) -> Run:
    """Conduct a run to its end and read it again."""
    asyncio.run(conduct(run.pk) if db is None else _conduct(run.pk, db))
    return Run.everywhere.get(pk=run.pk)


async def _conduct(run_id: UUID, db: DbThread) -> None:
    try:
        held = await db(claim, run_id)
        if held is not None:
            await Conductor(held, db).work()
    finally:
        await db.close()


def expire(run: Run) -> None:
    """Let the lease of a dead worker run out."""
    Run.everywhere.filter(pk=run.pk).update(lease_until=now() - timedelta(seconds=1))


def counts(run: Run) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: getattr(run, name) for name in COUNTS if getattr(run, name)}


def numbers(run: Run) -> dict[str, Any]:
    """Everything a preview must get right."""
    return {name: getattr(run, name) for name in (*COUNTS, "write_backs_due", "total", "status")}


def adds_up(run: Run) -> bool:
    """Whether everybody who was read has one outcome."""
    outcomes: int = sum(getattr(run, name) for name in COUNTS[1:])
    return run.read == outcomes


def outcomes(run: Run) -> dict[str, str]:
    """contact id → outcome, with the reason if there is one."""
    rows = RunRecord.objects.filter(run=run).values_list("external_id", "outcome", "reason")
    return {key: f"{outcome} {reason}".strip() for key, outcome, reason in rows}


def write_backs(run: Run) -> dict[str, str]:
    """contact id → how far the way back is."""
    return dict(RunRecord.objects.filter(run=run).values_list("external_id", "write_back"))


def picture(world: World, run: Run) -> dict[str, Any]:
    """Everything a run leaves behind but codes, ids and times."""
    referrers = Referrer.everywhere.filter(campaign=world.campaign)
    fields = ("first_name", "last_name", "phone", "fields", "status", "source")
    links = ContactLink.objects.filter(campaign=world.campaign)
    return {
        "referrers": {row["email"]: row for row in referrers.values("email", *fields)},
        "links": {
            row["external_id"]: row
            for row in links.values("external_id", "referrer__email", "role", "last_seen_at")
        },
        "referrers_count": Campaign.everywhere.get(pk=world.campaign.pk).referrers_count,
        "outcomes": outcomes(run),
        "write_backs": write_backs(run),
        "counts": counts(run),
        "status": run.status,
        "error": run.error,
        "crm": world.linked_to(),
    }


class Killed(BaseException):
    """The worker is dead; nothing of it runs any more."""


@dataclass(frozen=True)
class Kill:
    """Pull the plug right before or after the nth thing the worker does with the database."""

    nth: int
    before: bool


class MortalDb(DbThread):
    """A database thread whose worker dies when told to, and that looks at the run after every commit."""

    def __init__(self, run: Run, kill: Kill | None = None) -> None:
        super().__init__()
        self.run, self.kill = run, kill
        self.done, self.dead = 0, False
        self.always_added_up = True

    def beside(self) -> DbThread:
        return self

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.done += 1
        last = self.kill is not None and self.done == self.kill.nth
        self.dead = self.dead or (last and self.kill is not None and self.kill.before)
        if self.dead:
            raise Killed
        result = await super().__call__(function, *args, **kwargs)
        self.always_added_up &= adds_up(await super().__call__(Run.everywhere.get, pk=self.run.pk))
        if last:
            self.dead = True
            raise Killed
        return result


def survive(world: World, kills: list[Kill]) -> tuple[Run, bool]:
    """A run whose workers die one after the other; and whether its counts added up at every commit."""
    run, added_up = world.start(), True
    for kill in [*kills, None]:
        db = MortalDb(run, kill)
        try:
            run = work(run, db)
        except Killed:
            expire(run)
        added_up = added_up and db.always_added_up
    return Run.everywhere.get(pk=run.pk), added_up


def _campaign() -> Campaign:
    workspace = Workspace.objects.create(name=f"Acme {next(_accounts)}")
    with in_workspace(workspace.pk):
        return create_campaign("Spring", "https://shop.example.com/welcome")
