"""People who left the audience of an ongoing sync: counted, confirmed one by one, then treated by its rule.

A reading that does not meet somebody proves nothing: search lags, segments are worked out anew, a service
has a bad day. So a contact must be missing from two whole readings in a row, and the CRM must then say of
that one contact that it is outside. A reading that met nobody, or fewer than the CRM counted, counts for
nothing at all.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec
import structlog
from django.db import connection as database
from django.db import transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F

from passalong.accounts.scope import in_workspace
from passalong.core.clock import now
from passalong.core.dbthread import DbThread
from passalong.referrers.models import Referrer, ReferrerStatus
from passalong.referrers.services import delete_referrers
from passalong.sync import checkpoints
from passalong.sync import rows as sql
from passalong.sync.errors import ConfigError, CredentialsError, Retriable, SyncError
from passalong.sync.instruction import Instruction
from passalong.sync.lease import Claim, keep
from passalong.sync.models import ACTIVE, ContactLink, Member, OnLeave, Outcome, RunRecord, Sync, SyncType
from passalong.sync.moves import follow_merge
from passalong.sync.port import Session
from passalong.sync.records import Whereabouts

log = structlog.get_logger(__name__)

MISSES = 2
BATCH = 100
DEACTIVATED = "deactivated"

MET = "r.outcome <> 'left' AND r.reason <> 'excluded'"
JOINED = f"""
INSERT INTO sync_member (sync_id, external_id, missed, acted)
SELECT %(sync)s, r.external_id, 0, '' FROM sync_runrecord r
WHERE r.run_id = %(run)s AND {MET} AND NOT EXISTS (
    SELECT 1 FROM sync_member m WHERE m.sync_id = %(sync)s AND m.external_id = r.external_id)
ORDER BY r.id
ON CONFLICT DO NOTHING
"""  # noqa: S608 - constants
# Runs that ended before they were tallied have made referrers, too.
JOINED_BEFORE = f"""
INSERT INTO sync_member (sync_id, external_id, missed, acted)
SELECT DISTINCT %(sync)s::uuid, r.external_id, 0, '' FROM sync_run x
JOIN sync_runrecord r ON r.run_id = x.id AND {MET}
JOIN sync_contactlink l ON l.campaign_id = %(campaign)s AND l.connection_id = %(connection)s
    AND l.external_id = r.external_id
WHERE x.sync_id = %(sync)s AND x.kind = 'run' AND x.id < %(run)s AND NOT x.tallied AND x.id > coalesce((
    SELECT max(t.id::text)::uuid FROM sync_run t
    WHERE t.sync_id = %(sync)s AND t.tallied AND t.id <> %(run)s),
    '00000000-0000-0000-0000-000000000000')
ON CONFLICT DO NOTHING
"""  # noqa: S608 - constants
STILL_THERE = f"""
UPDATE sync_member AS m SET missed = 0, missed_in = NULL
WHERE m.sync_id = %(sync)s AND m.missed > 0 AND EXISTS (
    SELECT 1 FROM sync_runrecord r WHERE r.run_id = %(run)s AND r.external_id = m.external_id AND {MET})
"""  # noqa: S608 - constants
MISSED = f"""
UPDATE sync_member AS m SET missed = least(m.missed, 1000) + 1, missed_in = %(run)s
WHERE m.sync_id = %(sync)s AND m.acted = '' AND m.missed_in IS DISTINCT FROM %(run)s AND NOT EXISTS (
    SELECT 1 FROM sync_runrecord r WHERE r.run_id = %(run)s AND r.external_id = m.external_id AND {MET})
"""  # noqa: S608 - constants
NOT_THERE = f"""
SELECT m.external_id FROM sync_member m
WHERE m.sync_id = %(sync)s AND m.acted = '' AND m.external_id = ANY(%(ids)s) AND NOT EXISTS (
    SELECT 1 FROM sync_runrecord r WHERE r.run_id = %(run)s AND r.external_id = m.external_id AND {MET})
ORDER BY m.id
"""  # noqa: S608 - constants
# Who is only skipped now (unsubscribed, say) is in the audience, but the sync would not make them a referrer.
BACK = """
WITH back AS (
    UPDATE sync_member AS m SET acted = '' FROM sync_runrecord r
    WHERE m.sync_id = %(sync)s AND m.acted <> '' AND r.run_id = %(run)s AND r.external_id = m.external_id
        AND r.outcome IN ('created', 'updated', 'unchanged', 'duplicate')
    RETURNING r.referrer_id)
UPDATE referrers_referrer SET status = 'active', updated_at = now()
WHERE id IN (SELECT referrer_id FROM back) AND status = 'inactive'
"""

# A referrer is held by a contact that an ongoing sync has in its audience, other than those who leave now,
# and by one that another run has just met.
HELD = """
SELECT k.id::text FROM unnest(%(referrers)s::uuid[]) AS k(id) WHERE EXISTS (
    SELECT 1 FROM sync_contactlink l
    JOIN sync_sync s ON s.campaign_id = l.campaign_id AND s.connection_id = l.connection_id
    JOIN sync_member m ON m.sync_id = s.id AND m.external_id = l.external_id
    WHERE l.referrer_id = k.id AND s.type = 'ongoing' AND m.acted = ''
        AND NOT (m.sync_id = %(sync)s AND m.external_id = ANY(%(leaving)s)))
OR EXISTS (
    SELECT 1 FROM sync_contactlink l
    JOIN sync_sync s ON s.campaign_id = l.campaign_id AND s.connection_id = l.connection_id
    JOIN sync_run x ON x.sync_id = s.id AND x.kind = 'run' AND x.status = ANY(%(active)s) AND x.id <> %(run)s
    JOIN sync_runrecord r ON r.run_id = x.id AND r.external_id = l.external_id
    WHERE l.referrer_id = k.id AND r.outcome IN ('created', 'updated', 'unchanged', 'duplicate'))
"""
NOTE = """
INSERT INTO sync_runrecord (run_id, external_id, mark, email, role, last_seen_at, mapped, referrer_id,
    outcome, reason, message, write_back)
SELECT %s, x.external_id, 0, x.email, x.role, x.last_seen_at, x.mapped, x.referrer, 'left', x.reason,
    x.message, 'none'
FROM jsonb_to_recordset(%s::jsonb) AS x(external_id text, email text, role text, last_seen_at bigint,
    mapped jsonb, referrer uuid, reason text, message text)
ON CONFLICT (run_id, external_id) DO UPDATE SET message = EXCLUDED.message
RETURNING CASE WHEN xmax = 0 THEN outcome ELSE '' END
"""

WHERE_NOW: dict[str, tuple[str, str]] = {
    "left": ("not_in_audience", "This contact is no longer in the audience."),
    "gone": ("contact_gone", "This contact was archived or deleted in {crm}."),
    "merged": ("contact_merged", "This contact was merged into another one in {crm}."),
}
DEEDS = {
    "followed": "Their referrer is linked to that one from now on.",
    "kept": "Their referral link goes on working.",
    "not_synced": "They did not become a referrer through a sync, so they stay as they are.",
    "held": "Another contact or sync still counts them in, so they stay as they are.",
    "inactive": "Their referral link was inactive before.",
    "deactivated": "Their referral link was deactivated, and comes back when they do.",
    "has_referrals": "They have referrals, so their link was deactivated instead of removing them.",
    "removed": "They were removed here, as this sync's settings say.",
}
UNDONE_ON_RETURN = ("deactivated", "has_referrals")


async def look_for_leavers(
    held: Claim, plan: Instruction, session: Session, db: DbThread, calls: Callable[[], int]
) -> ConfigError | None:
    """After a whole reading: tally who was not met, ask after those missing twice, and act on the answers.
    Who was asked for by name and is not in the audience is asked after at once.

    Safe to repeat from any point: a run counts a miss once, and whoever was dealt with is no suspect.
    Returns why when the CRM will not speak of somebody until a person acts: they stay, and so does the run.
    """
    if held.preview or held.retry_of or not await db(tally, held):
        return None
    asking = _Asking(session, plan, held)

    async def ask(ids: Sequence[str]) -> None:
        found = await asking.after(ids)
        await db(follow, held, found)
        await db(act, held, found, calls())

    if held.hinted:
        absent = await db(not_there, held)
        for at in range(0, len(absent), BATCH):
            await ask(absent[at : at + BATCH])
        return asking.refused
    while ids := await db(suspects, held):
        await ask(ids)
    return asking.refused


@dataclass
class _Asking:
    """Asks the CRM where contacts are. `refused` is the first answer that a person can do something about."""

    session: Session
    plan: Instruction
    held: Claim
    refused: ConfigError | None = None

    async def after(self, ids: Sequence[str]) -> dict[str, Whereabouts]:
        """Where each of them is; the session decides how many are asked for at once."""
        async with asyncio.TaskGroup() as group:
            tasks = {one: group.create_task(self._one(one)) for one in ids}
        return {one: task.result() for one, task in tasks.items()}

    async def _one(self, contact: str) -> Whereabouts:
        try:
            return await self.session.whereabouts(contact, self.plan.audience)
        except (CredentialsError, Retriable):
            raise
        except SyncError as error:
            # One odd contact must not end this run and every later one. Who is not clearly outside is inside.
            log.warning(
                "contact not asked after", run=str(self.held.run_id), contact=contact, code=error.code
            )
            if isinstance(error, ConfigError):
                self.refused = self.refused or error
            return Whereabouts("member")


def met_nobody(held: Claim) -> bool:
    """Whether an ongoing sync that had people in its audience has just read an empty one."""
    ongoing = not held.preview and not held.retry_of and held.sync.type == SyncType.ONGOING
    if not ongoing or not checkpoints.whole(held.run_id):
        return False
    return not _met(held) and Member.objects.filter(sync=held.sync).exists()


def tally(held: Claim) -> bool:
    """Bring the list of members up to this reading; False when the reading proves nothing about absence."""
    if Sync.everywhere.values_list("type", flat=True).get(pk=held.sync.pk) != SyncType.ONGOING:
        return False
    whole = checkpoints.whole(held.run_id)
    if (whole and not _met(held)) or checkpoints.short_slices(held.run_id):
        return False
    names = {"sync": held.sync.pk, "run": held.run_id, "campaign": held.sync.campaign_id}
    names["connection"] = held.connection.pk
    with transaction.atomic(), database.cursor() as cursor:
        sql.prefer_keys(cursor)
        for statement in (BACK, JOINED_BEFORE, JOINED, STILL_THERE, *([MISSED] if whole else [])):
            cursor.execute(statement, names)
        keep(held, tallied=True)
    return whole or held.hinted


def suspects(held: Claim) -> list[str]:
    """The next contacts that two whole readings in a row have not met, this one being the second or later."""
    rows = Member.objects.filter(sync=held.sync, missed__gte=MISSES, missed_in=held.run_id, acted="")
    return list(rows.order_by("id").values_list("external_id", flat=True)[:BATCH])


def not_there(held: Claim) -> list[str]:
    """Members that the CRM told of and that this run, which asked for each of them by id, has not met."""
    with database.cursor() as cursor:
        names = {"sync": held.sync.pk, "run": held.run_id, "ids": list(held.only)}
        return [row[0] for row in sql.select(cursor, NOT_THERE, **names)]


def follow(held: Claim, found: Mapping[str, Whereabouts]) -> None:
    """Whoever was merged into another contact is that contact from now on, and their referrer with them."""
    with in_workspace(held.workspace_id):
        for one, where in found.items():
            if where.state == "merged" and where.survivor is not None:
                follow_merge(held.connection, one, where.survivor, who=held.sync.name)


def act(held: Claim, found: Mapping[str, Whereabouts], api_calls: int) -> None:
    """Store what the CRM said of these contacts and what the rule, as it is now, makes of it."""
    with transaction.atomic(), database.cursor() as cursor, in_workspace(held.workspace_id):
        sql.prefer_keys(cursor)
        members = Member.objects.filter(sync=held.sync)
        inside = [one for one, where in found.items() if where.state == "member"]
        members.filter(external_id__in=inside).update(missed=0, missed_in=None)
        outside = {one: where for one, where in found.items() if where.state != "member"}
        left = _Leaving(held, cursor, outside)
        left.apply(Sync.objects.values_list("on_leave", flat=True).get(pk=held.sync.pk))
        undone = left.by_deed(UNDONE_ON_RETURN)
        members.filter(external_id__in=undone).update(acted=DEACTIVATED, missed=0, missed_in=None)
        members.filter(external_id__in=left.found.keys() - undone).delete()
        left.step_back()
        keep(held, left=F("left") + left.note(), api_calls=api_calls)


class _Leaving:
    """Contacts found outside, in one transaction. Their referrers are locked from here on."""

    def __init__(self, held: Claim, cursor: CursorWrapper, found: Mapping[str, Whereabouts]) -> None:
        self.held, self.cursor, self.found = held, cursor, found
        # What hung on a merged contact hangs on the one it is part of.
        now_in = {one: where.survivor or one for one, where in found.items()}
        ids = (held.sync.campaign_id, held.connection.pk, list(set(now_in.values())))
        links = sql.links_of_contacts(cursor, *ids)
        self.links = {one: links[contact] for one, contact in now_in.items() if contact in links}
        wanted = {link[0] for link in self.links.values()}
        self.people = sql.lock_referrers(cursor, list(wanted))
        self.deeds: dict[str, str] = {}
        self.removed: list[UUID] = []

    def by_deed(self, deeds: Sequence[str]) -> set[str]:
        """The contacts whose referrers this was done to."""
        return {one for one, link in self.links.items() if self.deeds.get(link[0]) in deeds}

    def apply(self, rule: str) -> None:
        """Do to each referrer what the rule says, and remember what was done."""
        held = {row[0] for row in sql.select(self.cursor, HELD, **self._names())}
        made = Referrer.objects.filter(pk__in=self.people, source=self.held.connection.provider)
        synced = {str(one) for one in made.values_list("pk", flat=True)}
        merged = {link[0]: self.found[one] for one, link in self.links.items() if self._is_merged(one)}
        for referrer in self.people:
            if referrer in merged and merged[referrer].survivor:
                self.deeds[referrer] = "followed"
            elif rule == OnLeave.KEEP or referrer in merged:
                self.deeds[referrer] = "kept"
            elif referrer not in synced:
                self.deeds[referrer] = "not_synced"
            elif referrer in held:
                self.deeds[referrer] = "held"
            else:
                self.deeds[referrer] = self._do(rule, referrer)
        delete_referrers(self.held.sync.campaign, self.removed)

    def step_back(self) -> None:
        """Contacts that are gone speak for nobody any more: whoever else is the same person leads."""
        gone = [one for one, where in self.found.items() if where.state == "gone"]
        links = ContactLink.objects.filter(
            campaign=self.held.sync.campaign_id, connection=self.held.connection
        )
        links.filter(external_id__in=gone).update(role="lead", last_seen_at=None)

    def _is_merged(self, contact: str) -> bool:
        return self.found[contact].state == "merged"

    def _names(self) -> dict[str, object]:
        return {
            "referrers": list(self.people),
            "leaving": list(self.found),
            "sync": self.held.sync.pk,
            "run": self.held.run_id,
            "active": [str(status) for status in ACTIVE],
        }

    def _do(self, rule: str, referrer: str) -> str:
        rows = Referrer.objects.filter(pk=referrer)
        if rule == OnLeave.REMOVE and not self.people[referrer]["referrals_count"]:
            self.removed.append(UUID(referrer))
            return "removed"
        active = rows.filter(status=ReferrerStatus.ACTIVE)
        if not active.update(status=ReferrerStatus.INACTIVE, updated_at=now()):
            return "inactive"
        return "has_referrals" if rule == OnLeave.REMOVE else "deactivated"

    def note(self) -> int:
        """Give each a record in the run; returns how many had none. Who is left out on purpose has one."""
        rows = [self._row(one, where) for one, where in self.found.items()]
        if not rows:
            return 0
        body = msgspec.json.encode(rows).decode()
        noted = sql.select(self.cursor, NOTE, self.held.run_id, body)
        return sum(1 for row in noted if row[0] == Outcome.LEFT)

    def _row(self, contact: str, where: Whereabouts) -> dict[str, object]:
        referrer, role, seen = self.links.get(contact, (None, "user", None))
        person = self.people.get(referrer or "", {})
        deed = self.deeds.get(referrer or "", "")
        reason, message = WHERE_NOW[where.state]
        said = [message.format(crm=self.held.crm), DEEDS.get(deed, "")]
        names = {key: person[key] for key in ("first_name", "last_name") if person.get(key)}
        return {
            "external_id": contact,
            "email": person.get("email", ""),
            "role": role,
            "last_seen_at": seen,
            "mapped": names or None,
            "referrer": None if deed == "removed" else referrer,
            "reason": reason,
            "message": " ".join(filter(None, said)),
        }


def _met(held: Claim) -> bool:
    """Whether the reading found anybody in the audience, even if only to skip them."""
    return RunRecord.objects.filter(run=held.run_id).exclude(outcome=Outcome.LEFT).exists()
