"""The conductor: plan, read, apply, settle, write back, finish; and what it does when any of it fails."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections
from django.db.models import F

from passalong.config.settings import settings
from passalong.core.clock import now
from passalong.core.crypto import UndecryptableError
from passalong.core.dbthread import DbThread
from passalong.integrations.registry import integration
from passalong.sync import checkpoints, connections, progress, retry, schedule
from passalong.sync.errors import ConfigError, CredentialsError, Retriable, SyncError, first_of
from passalong.sync.instruction import Instruction
from passalong.sync.lease import (
    HEARTBEAT,
    Claim,
    LeaseLostError,
    Orders,
    claim,
    go_on_if_resumed,
    keep,
    let_go,
)
from passalong.sync.leave import look_for_leavers, met_nobody
from passalong.sync.models import Phase, Run, RunStatus, SyncType
from passalong.sync.pace import Pace
from passalong.sync.port import Session
from passalong.sync.reader import read_audience
from passalong.sync.settle import settle
from passalong.sync.write_back import wait_if_writing, write_back

log = structlog.get_logger(__name__)

WAITING = {
    "rate_limited": "{crm} asked us to slow down; the run goes on by itself.",
    "crm_unavailable": "{crm} does not answer; the run keeps trying and goes on by itself.",
}


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """A person paused or cancelled the run."""

    def __init__(self, status: RunStatus) -> None:
        super().__init__(status)
        self.status = status


async def conduct(run_id: UUID) -> None:
    """Work on a run until it ends, stops, or this worker does. Does nothing when somebody else has it."""
    db = DbThread()
    try:
        held = await db(claim, run_id)
        if held is None:
            return
        await Conductor(held, db).work()
    finally:
        await db.close()


class Conductor:
    """One claim on a run, from taking it to letting it go."""

    def __init__(self, held: Claim, db: DbThread) -> None:
        self.held, self.db = held, db
        self.plan = Instruction.of(held.instruction, held.crm)
        self.session: Session | None = None
        self.refused: ConfigError | None = None
        self.unasked: ConfigError | None = None
        self.pace = Pace()
        self.log = log.bind(run=str(held.run_id), epoch=held.epoch)

    def calls(self) -> int:
        """API calls of the run so far, those of earlier workers included."""
        return self.held.api_calls + (self.session.calls if self.session else 0)

    async def work(self) -> None:
        """Run the phases under a heartbeat, then store how it ended."""
        self.log.info("run taken", phase=self.held.phase, preview=self.held.preview)
        try:
            async with asyncio.TaskGroup() as group:
                heart = group.create_task(self._heartbeat())
                await self._phases()
                heart.cancel()
            await self._finish()
        except asyncio.CancelledError:
            await self._hand_over()
            raise
        except BaseExceptionGroup as failures:
            await self._stop(first_of(failures))
        except (OperationalError, InterfaceError) as away:
            await self._stop(away)

    async def _stop(self, reason: BaseException) -> None:
        """Store why the run ends early; a run that is somebody else's by now is left alone."""
        match reason:
            case LeaseLostError():
                self.log.warning("run lost to another worker")
            case OperationalError() | InterfaceError():
                # Not the run's fault: its lease runs out, and it is given to whoever has a database then.
                self.log.warning("run left: the database does not answer", error=type(reason).__name__)
            case Stopped():
                if self.held.hinted and reason.status == RunStatus.CANCELLED:
                    await self.db(progress.missed, self.held.sync.pk)
                await self._end(reason.status)
            case SyncError():
                await self._fail(reason)
            case UndecryptableError():
                await self._fail(_unreadable())
            case Exception():
                self.log.error("run failed unexpectedly", exc_info=reason)
                await self._fail(_unexpected())
            case _:
                raise reason

    async def _hand_over(self) -> None:
        """This worker is going down: give the lease back, so that the next one need not wait for it."""
        await asyncio.shield(self.db(let_go, self.held, api_calls=self.calls()))
        self.log.info("run handed over")

    async def _phases(self) -> None:
        connection = self.held.connection
        opened = integration(connection.provider).open(
            connection.credentials,
            interactive=False,
            timezone=connection.timezone,
            patience=settings().outage_patience_seconds,
        )
        async with opened as session:
            self.session = session
            if self.held.phase == Phase.PLAN:
                await self._plan(session)
            if self.held.phase != Phase.WRITE_BACK:
                await read_audience(self.held, self.plan, session, self.db, self.calls)
                await self.db(settle, self.held)
                if self.held.retry_of:
                    await self.db(retry.note_absent, self.held)
                self.unasked = await look_for_leavers(self.held, self.plan, session, self.db, self.calls)
            if self.plan.outbound and not self.held.preview:
                self.refused = await write_back(self.held, self.plan, session, self.db, self.calls)

    async def _plan(self, session: Session) -> None:
        """Whom to read: those that failed, those the CRM told of, what changed, or everybody."""
        audience, newest = self.plan.audience, None
        if self.held.retry_of:
            slices = await session.plan(audience, await self.db(retry.contacts, self.held))
        elif self.held.hinted:
            slices = await session.plan_hinted(audience, self.held.only)
        else:
            if self.held.sync.type == SyncType.ONGOING:
                newest = await session.newest(audience)
            slices = await session.plan(audience, since=await self.db(progress.since, self.held))
        await self.db(checkpoints.plan_partitions, self.held, slices, self.calls(), newest)

    async def _finish(self) -> None:
        short = await self.db(checkpoints.short_slices, self.held.run_id)
        empty = await self.db(met_nobody, self.held)
        await self.db(progress.conclude, self.held, complete=not short and not empty)
        run = await self.db(Run.everywhere.get, pk=self.held.run_id)
        error = _incomplete(self.held.crm) if short else _empty(self.held.crm) if empty else None
        if error is None and self.refused is not None:
            error = _unwritten(self.held.crm, self.refused)
        if error is None and self.unasked is not None:
            error = _unasked(self.held.crm, self.unasked)
        trouble = error or run.failed or run.write_backs_failed
        await self._end(
            RunStatus.PARTIAL if trouble else RunStatus.SUCCEEDED,
            phase=Phase.DONE,
            total=F("read"),
            error=error,
        )

    async def _heartbeat(self) -> None:
        """Keep the lease, show waiting, obey cancel and pause."""
        # A thread of its own: those that jobs share may all be busy for longer than a lease lasts.
        beat = DbThread()
        try:
            while True:
                orders = await beat(self._beat)
                if orders.cancel:
                    raise Stopped(RunStatus.CANCELLED)
                if orders.pause:
                    raise Stopped(RunStatus.PAUSED)
                await asyncio.sleep(HEARTBEAT)
        finally:
            await beat.close()

    def _beat(self) -> Orders:
        close_old_connections()
        try:
            orders = keep(self.held, rate=self.pace.rate, **self._state())
            self.pace.look(orders.phase, orders.done, time.monotonic())
            return orders
        except (OperationalError, InterfaceError):
            # The database is restarting; the lease may run out, and then the epoch protects the run.
            return Orders(cancel=False, pause=False)
        finally:
            close_old_connections()

    def _state(self) -> dict[str, Any]:
        until = self.session.waiting_until if self.session else None
        if until is None or self.session is None:
            return {"status": RunStatus.RUNNING, "waiting_until": None, "error": None}
        code = self.session.waiting_code or "rate_limited"
        error = {
            "code": code,
            "message": WAITING[code].format(crm=self.held.crm),
            "next_step": "Nothing to do; or cancel the run.",
        }
        moment = datetime.fromtimestamp(until, UTC)
        return {"status": RunStatus.WAITING, "waiting_until": moment, "error": error}

    async def _fail(self, error: SyncError) -> None:
        said = error.as_dict()
        if isinstance(error, CredentialsError | Retriable) and await self._waits(error):
            said = _unsent(self.held.crm, error)
        elif isinstance(error, Retriable) and not self.held.preview and not self.held.retry_of:
            await self.db(schedule.soon, self.held.sync)
        if isinstance(error, CredentialsError):
            await self.db(connections.needs_attention, self.held.connection.pk)
        if self.held.hinted:
            await self.db(progress.missed, self.held.sync.pk)
        self.log.warning("run failed", code=error.code)
        await self._end(RunStatus.FAILED, error=said)

    async def _waits(self, error: SyncError) -> bool:
        """Whether the run was writing back; then what it could not send goes out by itself."""
        try:
            return await self.db(wait_if_writing, self.held, error)
        except LeaseLostError:
            return False

    async def _end(self, status: RunStatus, **columns: Any) -> None:
        """Store the end, and give the lease back."""
        if status != RunStatus.PAUSED:
            columns["finished_at"] = now()
        columns.setdefault("error", None)
        columns["rate"] = None
        with suppress(LeaseLostError):
            await self.db(let_go, self.held, status=status, api_calls=self.calls(), **columns)
        if status == RunStatus.PAUSED:
            await self.db(go_on_if_resumed, self.held)
        self.log.info("run ended", status=str(status))


def _incomplete(crm: str) -> dict[str, str]:
    return {
        "code": "audience_incomplete",
        "message": f"{crm} gave fewer contacts than it counted, even after reading again.",
        "next_step": "Run the sync again in a few minutes; what was read is saved.",
    }


def _empty(crm: str) -> dict[str, str]:
    return {
        "code": "audience_empty",
        "message": f"{crm} has nobody in this audience any more, so nobody was taken for somebody who left.",
        "next_step": f"Look at the audience in {crm}. If it is meant to be empty, pause or delete this sync.",
    }


def _unwritten(crm: str, reason: ConfigError) -> dict[str, str]:
    return {
        "code": reason.code,
        "message": f"Everybody was read, but {crm} refused writing back. {reason.message}",
        "next_step": f"{reason.next_step} What waits is then written by itself within a quarter of an hour.",
    }


def _unsent(crm: str, reason: SyncError) -> dict[str, str]:
    by_itself = "What waits is then written by itself."
    return {
        "code": reason.code,
        "message": f"Everybody was read, but {crm} could not be written to. {reason.message}",
        "next_step": f"{reason.next_step} {by_itself}"
        if isinstance(reason, ConfigError)
        else f"Nothing to do: once {crm} answers, what waits is written by itself.",
    }


def _unasked(crm: str, reason: ConfigError) -> dict[str, str]:
    return {
        "code": reason.code,
        "message": f"Everybody was read, but {crm} would not say of some former members where they are now, "
        f"so they stay as they are. {reason.message}",
        "next_step": f"{reason.next_step} They are asked after again by the next runs.",
    }


def _unreadable() -> ConfigError:
    return CredentialsError(
        "secret_unreadable",
        "The stored access token was encrypted with a key this installation no longer has.",
        "Give the connection its access token again, then run the sync again.",
    )


def _unexpected() -> SyncError:
    return SyncError(
        "internal_error",
        "Something went wrong in Passalong itself; what was done is saved.",
        "Run the sync again. If it happens again, send the log around this moment to support.",
    )
