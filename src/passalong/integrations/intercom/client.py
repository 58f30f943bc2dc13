"""One call to Intercom from beginning to end: retried where that is safe, refused in our own words."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import structlog

from passalong.integrations.intercom import errors, pace
from passalong.integrations.intercom.line import BrokenError, LimitedError, Line, Reply
from passalong.integrations.intercom.retry import DEFAULT_PATIENCE, Persistence, Traffic
from passalong.sync.errors import SyncError

log = structlog.get_logger("passalong.integrations.intercom")
T = TypeVar("T")


class Call(NamedTuple):
    """A request. `need` is the permission it takes; `repeatable` says that doing it twice does no harm."""

    method: str
    path: str
    need: str = errors.READ_PEOPLE
    params: Mapping[str, str] = {}
    body: Any = None
    repeatable: bool = True


ME = Call("GET", "/me")


class _RefusedError(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


class Client:
    """Calls with patience. Raises only errors of sync.errors."""

    def __init__(
        self,
        line: Line,
        traffic: Traffic,
        clock: pace.Clock,
        *,
        interactive: bool,
        patience: float | None = None,
    ) -> None:
        self.line, self._traffic, self._clock = line, traffic, clock
        self._interactive = interactive
        self._patience = DEFAULT_PATIENCE if patience is None else patience

    async def ask(self, call: Call, decode: Callable[[bytes], T]) -> T:
        """The decoded answer. A `decode` that raises ValueError marks the answer as broken: it is asked for
        again. Refusals raise; those that only the caller can read are RejectedError."""
        try:
            return await self._persist(call, lambda reply: _decoded(reply, decode))
        except _RefusedError as refused:
            reply = refused.reply
        raise await self._refusal(call, reply)

    async def probe(self, call: Call, decode: Callable[[bytes], Any] = bytes) -> Reply:
        """The bare answer, refusals included. Limits and outages are waited out as ever, and so are answers
        that `decode` cannot read."""

        def judge(reply: Reply) -> Reply:
            if reply.ok:
                _decoded(reply, decode)
            return reply

        return await self._persist(call, judge)

    async def pause(self, tried: int) -> None:
        """A short wait between tries that the caller counts itself."""
        await self._clock.sleep(self._clock.chance() * 0.5 * 2**tried)

    async def _persist(self, call: Call, judge: Callable[[Reply], T]) -> T:
        with self._traffic.hold() as hold:
            tries = Persistence(self._clock, hold, interactive=self._interactive, patience=self._patience)
            while True:
                try:
                    return judge(
                        await self.line.exchange(call.method, call.path, call.params, call.body, hold)
                    )
                except (LimitedError, BrokenError) as error:
                    trouble = error
                await _face(call, trouble, tries)

    async def _refusal(self, call: Call, reply: Reply) -> SyncError:
        said = errors.refusal(reply.content)
        log.info(
            "intercom refused a call",
            method=call.method,
            path=call.path,
            status=reply.status,
            code=said.code,
            request_id=said.request_id,
        )
        if reply.status == 401:
            return await self._unauthorised(call)
        if reply.status == 402 or said.code == "api_plan_restricted":
            return errors.plan_restricted()
        if reply.status == 403:
            return errors.permission_missing(call.need)
        return errors.RejectedError(reply.status, said, reply.link)

    async def _unauthorised(self, call: Call) -> SyncError:
        """A missing permission is often a 401 too (§2.2); only a dead token gets one at /me."""
        if call.path == ME.path or (await self.probe(ME)).status == 401:
            return errors.token_rejected()
        return errors.permission_missing(call.need)


def _decoded(reply: Reply, decode: Callable[[bytes], T]) -> T:
    if not reply.ok:
        raise _RefusedError(reply)
    try:
        return decode(reply.content)
    except ValueError:
        reason = (
            "it sent an empty answer"
            if not reply.content.strip()
            else "it sent an answer that makes no sense"
        )
    raise BrokenError(reason)


async def _face(call: Call, trouble: LimitedError | BrokenError, tries: Persistence) -> None:
    if isinstance(trouble, LimitedError):
        await tries.limited(trouble.wait)
    elif call.repeatable:
        await tries.broken(str(trouble))
    else:
        raise errors.unclear(str(trouble))
