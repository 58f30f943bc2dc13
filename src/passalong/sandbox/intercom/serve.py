"""Runs the look-alike in this process until it is told to stop: no children, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading

from granian.constants import Interfaces
from granian.server.embed import Server

from passalong.sandbox.intercom.app import make_app
from passalong.sandbox.intercom.people import populate
from passalong.sandbox.intercom.settings import Settings
from passalong.sandbox.intercom.state import Workspace

_GRACE = 0.5  # seconds until open connections are no reason to stay: there is no state to save


def build(contacts: int, seed: int, now: int | None, settings: Settings) -> Workspace:
    space = Workspace(seed=seed, now=now, settings=settings)
    populate(space, contacts)
    return space


def run(space: Workspace, host: str, port: int) -> None:
    """Blocks until SIGTERM or SIGINT."""
    asyncio.run(_run(space, host, port))


async def _run(space: Workspace, host: str, port: int) -> None:
    # `asginl`: without the lifespan protocol, there is nothing to start or to stop
    server = Server(make_app(space), host, port, interface=Interfaces.ASGINL, log_enabled=False)

    def stop() -> None:
        # Granian waits for open requests, and some are silent on purpose
        leave = threading.Timer(_GRACE, os._exit, (0,))
        leave.daemon = True
        leave.start()
        server.stop()  # type: ignore[no-untyped-call]  # granian leaves it unannotated

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    print(f"Intercom look-alike on http://{host}:{port}, {len(space.contacts)} contacts", file=sys.stderr)
    await server.serve()
