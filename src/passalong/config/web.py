"""The web part: granian serving the WSGI application with threads, in one process of its own."""

import os
from typing import Any

from passalong.config.boot import disconnect, set_up_django
from passalong.config.parent import end_with_parent, end_with_supervisor
from passalong.config.ports import require_free
from passalong.config.settings import settings

STOP_SECONDS = 4


def serve(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; open requests are finished first, for a few seconds."""
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    require_free(host, port)
    end_with_supervisor()
    _wait_for_tables()
    server = Server(
        "passalong.config.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        blocking_threads=settings().web_threads,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.error,
        websockets=False,
    )
    main = os.getpid()
    server.serve(target_loader=lambda _target: _application(main), wrap_loader=True)


def _wait_for_tables() -> None:
    set_up_django()
    from passalong.config.schema import wait_until_current

    wait_until_current()
    # granian forks: connections and the pool's threads must not be shared with the child.
    disconnect()


def _application(main: int) -> Any:
    # Runs in the serving process, which must not outlive granian's main one and keep the port.
    end_with_parent(main)
    from passalong.config.wsgi import application

    return application
