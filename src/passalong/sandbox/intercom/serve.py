"""Runs the look-alike in this process until it is told to stop: no children, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading

from granian.constants import Interfaces
from granian.server.embed import Server

from passalong.sandbox.intercom.app import make_app
from passalong.sandbox.intercom.people import populate
from passalong.sandbox.intercom.settings import Settings
from passalong.sandbox.intercom.state import Workspace

_GRACE = 0.5  # seconds until open connections are no reason to stay


def build(contacts: int, seed: int, now: int | None, settings: Settings) -> Workspace:
    space = Workspace(seed=seed, now=now, settings=settings)
    populate(space, contacts)
    return space


def run(space: Workspace, host: str, port: int) -> None:
    """Blocks until SIGTERM or SIGINT, and then ends the process: there is no state to save, and the server's
    threads do not survive the interpreter's own way out."""
    _refuse_taken(host, port)
    asyncio.run(_run(space, host, port))


def _refuse_taken(host: str, port: int) -> None:
    """Granian shares a port with whoever else shares it, and callers would meet two sandboxes by turns."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(f"Cannot listen on {host}:{port}: {error.strerror}")


def _leave() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def _run(space: Workspace, host: str, port: int) -> None:
    # `asginl`: without the lifespan protocol, there is nothing to start or to stop
    server = Server(make_app(space), host, port, interface=Interfaces.ASGINL, log_enabled=False)

    def stop() -> None:
        # Granian waits for open requests, and some are silent on purpose
        leave = threading.Timer(_GRACE, _leave)
        leave.daemon = True
        leave.start()
        server.stop()  # type: ignore[no-untyped-call]  # granian leaves it unannotated

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    print(f"Intercom look-alike on http://{host}:{port}, {len(space.contacts)} contacts", file=sys.stderr)
    await server.serve()
    _leave()
