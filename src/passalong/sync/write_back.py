"""What the CRM should say, sent contact by contact from the outbox, and only where it says something else."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F

from passalong.sync import owners
from passalong.sync import rows as sql
from passalong.sync.errors import ConfigError, CredentialsError, SkipContact, SyncError, first_of
from passalong.sync.instruction import Instruction
from passalong.sync.lease import Claim, keep
from passalong.sync.mapping import Values, facts_of, outgoing, storable, to_send
from passalong.sync.models import Phase, Run
from passalong.sync.port import Session

BATCH = 200
GATHER_SECONDS = 2.5
AGAIN_SECONDS = 60
AGAIN_AFTER_PERSON_SECONDS = 900

WISHED = """w.id, w.external_id, w.version, w.remote, w.sent, f.code, f.referrals_count,
    f.converted_referrals_count, extract(epoch FROM f.last_referral_at)::bigint"""
PENDING = f"""
SELECT {WISHED}
FROM sync_writeback w JOIN referrers_referrer f ON f.id = w.referrer_id
WHERE w.sync_id = %s AND w.run_id = %s AND w.pending AND w.id > %s ORDER BY w.id LIMIT %s
"""  # noqa: S608 - a constant
# A wish newer than what was sent stays, and goes out by itself after waiting for others once more.
SETTLED = """
UPDATE sync_writeback AS w SET remote = x.remote, sent = x.sent, problem = x.problem, updated_at = now(),
    pending = w.version <> x.version,
    due_at = CASE WHEN w.version <> x.version THEN now() + make_interval(secs => %s) END
FROM jsonb_to_recordset(%s::jsonb) AS x(id bigint, version int, remote jsonb, sent jsonb, problem jsonb)
WHERE w.id = x.id
"""
# The wishes of a run that cannot write go out by themselves once that is possible again.
WAIT = """
UPDATE sync_writeback SET due_at = now() + make_interval(secs => %s), problem = %s::jsonb
WHERE id IN (SELECT id FROM sync_writeback WHERE sync_id = %s AND run_id = %s AND pending
    ORDER BY external_id FOR UPDATE)
"""
RECORDED = """
UPDATE sync_runrecord AS r SET write_back = x.state,
    reason = CASE WHEN x.reason <> '' THEN x.reason ELSE r.reason END,
    message = CASE WHEN x.message <> '' THEN x.message ELSE r.message END
FROM jsonb_to_recordset(%s::jsonb) AS x(external_id text, state text, reason text, message text)
WHERE r.run_id = %s AND r.external_id = x.external_id AND r.write_back = 'pending'
RETURNING x.state
"""


@dataclass(slots=True)
class Wish:
    """One contact that should say something else, and what became of it."""

    id: int
    external_id: str
    version: int
    remote: Values
    sent: Values
    wanted: Values
    state: str = "pending"
    reason: str = ""
    message: str = ""


@dataclass(slots=True)
class Courier:
    """Sends wishes through one session. `missing` are CRM fields found to be gone during this run."""

    session: Session
    missing: dict[str, SkipContact] = field(default_factory=dict)

    async def deliver(self, wishes: list[Wish]) -> None:
        """Send all of them; the session decides how many at once. Raises what stops the whole run."""
        async with asyncio.TaskGroup() as group:
            for wish in wishes:
                group.create_task(self._deliver(wish))

    async def _deliver(self, wish: Wish) -> None:
        refused: dict[str, SkipContact] = {}
        while True:
            values = to_send(wish.wanted, wish.remote, sent=wish.sent, answered=wish.remote)
            known = {**self.missing, **refused}
            gone = [known[key] for key in values if key in known]
            values = {key: value for key, value in values.items() if key not in known}
            try:
                if values:
                    answer = await self.session.write(wish.external_id, values)
                    wish.sent = {**wish.sent, **values}
                    wish.remote = {**wish.remote, **{key: storable(said) for key, said in answer.items()}}
            except SkipContact as error:
                if error.field in values:
                    # The whole write is refused for one field: remember it and send the rest.
                    about = self.missing if error.code == "field_missing" else refused
                    about[error.field] = error
                    continue
                gone.append(error)
            self._conclude(wish, gone, written=bool(values))
            return

    @staticmethod
    def _conclude(wish: Wish, failures: list[SkipContact], *, written: bool) -> None:
        if failures:
            first = failures[0]
            wish.state, wish.reason = "failed", first.code
            wish.message = f"{first.message} {first.next_step}".strip()
        else:
            wish.state = "written" if written else "unchanged"


async def write_back(
    held: Claim, plan: Instruction, session: Session, db: Any, calls: Any
) -> ConfigError | None:
    """Send every wish of this run. A crash repeats at most one batch, with the same absolute values.

    Returns why when the CRM lets nothing be written until a person acts: what was read is none the worse for
    it, and what is left waits.
    """
    await db(keep, held, phase=Phase.WRITE_BACK, api_calls=calls())
    try:
        await _send_all(held, plan, session, db, calls)
    except BaseExceptionGroup as failures:
        reason = first_of(failures)
        if not isinstance(reason, ConfigError) or isinstance(reason, CredentialsError):
            raise
        await db(wait, held, reason)
        return reason
    return None


async def _send_all(held: Claim, plan: Instruction, session: Session, db: Any, calls: Any) -> None:
    courier = Courier(session)
    last = 0
    while True:
        wishes = await db(pending, held, plan, last)
        if not wishes:
            return
        last = wishes[-1].id
        try:
            await courier.deliver(wishes)
        finally:
            settled = [wish for wish in wishes if wish.state != "pending"]
            await asyncio.shield(db(record, held, settled, calls()))


def wait(held: Claim, reason: SyncError) -> None:
    """Leave what could not be sent to the job that sends changes; see changes.py."""
    problem = msgspec.json.encode(reason.as_dict()).decode()
    with transaction.atomic(), database.cursor() as cursor:
        keep(held)
        cursor.execute(WAIT, (again_after(reason), problem, held.sync.pk, held.run_id))


def wait_if_writing(held: Claim, reason: SyncError) -> bool:
    """The same for a run that ends here; False when it has not begun to write, so that nothing waits yet."""
    writing = Run.everywhere.filter(pk=held.run_id, phase=Phase.WRITE_BACK).exists()
    if writing:
        wait(held, reason)
    return writing


def again_after(reason: SyncError) -> float:
    """Seconds until what this kept from being sent is tried again. Nothing is while a connection is lost."""
    if isinstance(reason, ConfigError) and not isinstance(reason, CredentialsError):
        return AGAIN_AFTER_PERSON_SECONDS
    return getattr(reason, "after", None) or AGAIN_SECONDS


def pending(held: Claim, plan: Instruction, after: int) -> list[Wish]:
    """The next wishes of this run, with what their contacts should say by now."""
    with database.cursor() as cursor:
        rows = sql.select(cursor, PENDING, held.sync.pk, held.run_id, after, BATCH)
        left = owners.yielded(cursor, held.sync.pk, [row[1] for row in rows]) if held.rivals else set()
    wishes = [_wish(held, plan, row) for row in rows]
    for wish in wishes:
        wish.wanted = owners.ours(wish.wanted, wish.external_id, left)
    return wishes


def _wish(held: Claim, plan: Instruction, row: tuple[Any, ...]) -> Wish:
    facts = wished_facts(row, held.sync.campaign.name)
    return wish_of(row, outgoing(plan.outbound, plan.types, facts))


def wished_facts(row: tuple[Any, ...], campaign_name: str) -> Values:
    """The facts of the referrer in a row of WISHED."""
    names = ("code", "referrals_count", "converted_referrals_count", "last_referral_at")
    return facts_of(dict(zip(names, row[5:9], strict=True)), settings.BASE_URL, campaign_name)


def wish_of(row: tuple[Any, ...], wanted: Values) -> Wish:
    """The wish in a row of WISHED."""
    key, contact, version, remote, sent = row[:5]
    return Wish(key, contact, version, sql.decoded(remote), sql.decoded(sent), wanted)


def settle(cursor: CursorWrapper, wishes: Sequence[Wish]) -> None:
    """Store what became of wishes in the outbox. In the order in which pages lock its rows."""
    rows = [
        {
            "id": wish.id,
            "version": wish.version,
            "remote": wish.remote,
            "sent": wish.sent,
            "problem": {"code": wish.reason, "message": wish.message} if wish.reason else None,
        }
        for wish in sorted(wishes, key=lambda wish: wish.external_id)
    ]
    if rows:
        cursor.execute(SETTLED, (GATHER_SECONDS, msgspec.json.encode(rows).decode()))


def record(held: Claim, wishes: list[Wish], api_calls: int) -> None:
    """Store what became of wishes: outbox, records and counts in one transaction."""
    with transaction.atomic(), database.cursor() as cursor:
        sql.prefer_keys(cursor)
        settle(cursor, wishes)
        states = Counter(_recorded(cursor, held, wishes))
        keep(
            held,
            api_calls=api_calls,
            written=F("written") + states["written"],
            write_backs_failed=F("write_backs_failed") + states["failed"],
            write_backs_due=F("write_backs_due") - states["unchanged"],
        )


def _recorded(cursor: Any, held: Claim, wishes: list[Wish]) -> list[str]:
    """The new states of the records that were waiting; a repeated batch finds none and counts none."""
    if not wishes:
        return []
    rows = [
        {"external_id": w.external_id, "state": w.state, "reason": w.reason, "message": w.message}
        for w in wishes
    ]
    cursor.execute(RECORDED, (msgspec.json.encode(rows).decode(), held.run_id))
    return [row[0] for row in cursor.fetchall()]
