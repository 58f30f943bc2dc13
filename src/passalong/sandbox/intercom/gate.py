"""What every call passes around its handler: door, latency, token, limit, faults, version, scope."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import psutil
from starlette.types import Receive, Scope, Send

from passalong.sandbox.intercom import auth, errors
from passalong.sandbox.intercom.api import Answer, Call, Operation
from passalong.sandbox.intercom.contact import Version
from passalong.sandbox.intercom.faults import PAGE_KINDS, Fault, bend
from passalong.sandbox.intercom.state import Workspace

VERSIONS: dict[str, Version] = {f"2.{minor}": (2, minor) for minor in range(7, 18)}
_BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    b"<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n"
)
_BENT = PAGE_KINDS | {"empty_200", "not_json", "truncated_json", "count_mismatch"}
_SILENT = frozenset({"timeout", "timeout_after_commit"})
_DROPPED = frozenset({"drop_connection", "drop_after_commit"})

Headers = dict[str, str]


class NoAnswer(Exception):  # noqa: N818 - not an error of the sandbox but what it was told to do
    """The caller gets nothing: a closed connection, or silence."""

    def __init__(self, *, silent: bool) -> None:
        super().__init__()
        self.silent = silent


class Reply(msgspec.Struct):
    status: int
    body: bytes
    headers: Headers
    content_type: str = "application/json; charset=utf-8"


def headers_of(scope: Scope) -> Headers:
    return {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}


async def body_of(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise NoAnswer(silent=False)
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def send_reply(send: Send, reply: Reply) -> None:
    headers = [(k.encode(), v.encode()) for k, v in reply.headers.items()]
    headers += [
        (b"content-type", reply.content_type.encode()),
        (b"content-length", b"%d" % len(reply.body)),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def hang_up(scope: Scope) -> None:
    """Close the caller's connection without a word; ASGI has no way to say that, the socket has."""
    port = int(scope["client"][1])
    for connection in psutil.Process().net_connections(kind="tcp"):
        if connection.raddr and connection.raddr.port == port and connection.fd >= 0:
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fd)) as ours:
                ours.shutdown(socket.SHUT_RDWR)


async def wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Endpoint:
    """An ASGI application for one operation; Starlette routes to it."""

    def __init__(self, space: Workspace, operation: Operation) -> None:
        self.space, self.operation = space, operation
        self.name = f"{operation.method} {operation.path}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        counters = self.space.counters
        counters.calls[self.name] += 1
        counters.in_flight += 1
        counters.most_in_flight = max(counters.most_in_flight, counters.in_flight)
        try:
            reply = await self._reply(scope, receive)
            counters.statuses[reply.status] += 1
            await send_reply(send, reply)
        except NoAnswer as nothing:
            if not nothing.silent:
                hang_up(scope)
            await wait_for_disconnect(receive)
        finally:
            counters.in_flight -= 1

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        space = self.space
        if space.settings.down:
            raise NoAnswer(silent=False)
        body = await body_of(receive)
        if space.settings.latency_ms:
            await asyncio.sleep(space.settings.latency_ms / 1000)
        given, rid = headers_of(scope), errors.request_id()
        headers = {"x-request-id": rid}
        try:
            held = space.tokens.authenticate(given.get("authorization", ""))
            allowed, limits = space.limit.take()
            headers |= limits
            if not allowed:
                raise errors.rate_limited(space.limit.limit)
            fault = space.faults.pick(scope["method"], self.operation.path, scope["path"], body)
            if fault is not None and fault.kind == "slow":
                await asyncio.sleep(fault.ms / 1000)
            return self._handle(scope, given, body, held, headers, fault)
        except errors.ApiError as error:
            return Reply(error.status, errors.error_body(error, rid), {**headers, **error.headers})
        except errors.MalformedJsonError as error:
            return Reply(400, errors.malformed_json_body(str(error), rid), headers)

    def _handle(
        self,
        scope: Scope,
        given: Headers,
        body: bytes,
        held: frozenset[str],
        headers: Headers,
        fault: Fault | None,
    ) -> Reply:
        if fault is not None and not fault.commit:
            self._fail(fault, headers)
            if fault.kind == "502_html":
                return Reply(502, _BAD_GATEWAY, headers, "text/html")
        headers["intercom-version"], version = self._version(given)
        accept_json(given.get("accept", ""))
        auth.permit(held, self.operation.scope, self.space.settings.missing_scope)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        call = Call(scope["method"], scope["path_params"], query, body, version)
        answer = self.operation.handler(self.space, call)
        if fault is not None:
            return self._spoil(fault, answer, call, headers)
        return Reply(answer.status, answer.body, headers)

    def _fail(self, fault: Fault, headers: Headers) -> None:
        """Faults in place of an answer; nothing has been done yet."""
        if fault.kind in ("timeout", "drop_connection"):
            raise NoAnswer(silent=fault.kind in _SILENT)
        if fault.kind in ("429", "429_far"):
            reset = int(time.time()) + fault.reset_in
            headers |= self.space.limit.headers(0, reset)
            self.space.limit.refused += 1
            raise errors.rate_limited(self.space.limit.limit)
        if fault.kind in ("500", "503", "status"):
            raise self._error(fault)

    def _error(self, fault: Fault) -> errors.ApiError:
        if fault.kind == "503":
            return errors.ApiError(
                503, "service_unavailable", "Sorry, the API service is temporarily unavailable"
            )
        if fault.kind == "500":
            return errors.server_error()
        return errors.ApiError(fault.status, fault.code, fault.message)

    def _spoil(self, fault: Fault, answer: Answer, call: Call, headers: Headers) -> Reply:
        """Faults after the work was done: a write stays written."""
        if fault.kind in _SILENT | _DROPPED:
            raise NoAnswer(silent=fault.kind in _SILENT)
        if fault.kind in ("500", "503", "status"):
            raise self._error(fault)
        if fault.kind == "502_html":
            return Reply(502, _BAD_GATEWAY, headers, "text/html")
        if fault.kind in _BENT:
            return Reply(answer.status, bend(fault, answer.body, _cursor(call)), headers)
        return Reply(answer.status, answer.body, headers)

    def _version(self, given: Headers) -> tuple[str, Version]:
        name = given.get("intercom-version") or self.space.settings.app_version
        if name not in VERSIONS:
            raise errors.ApiError(
                400,
                "intercom_version_invalid",
                "The requested version could not be found",
                field="Intercom-Version",
            )
        return name, VERSIONS[name]


def accept_json(accept: str) -> None:
    kinds = [part.split(";")[0].strip() for part in accept.split(",") if part.strip()]
    if kinds and not {"application/json", "application/*", "*/*"} & set(kinds):
        raise errors.ApiError(
            406, "media_type_not_acceptable", "The Accept header should send a media type of application/json"
        )


def _cursor(call: Call) -> str | None:
    if call.method == "GET":
        return call.query.get("starting_after")
    pagination: Any = call.json().get("pagination")
    return pagination.get("starting_after") if isinstance(pagination, dict) else None
