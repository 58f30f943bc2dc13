"""A receiver of webhooks on this machine, and alice's workspace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from passalong.campaigns.models import Campaign
    from tests.support.cast import Person


@dataclass
class Receiver:
    """What arrived: headers (lower case) and body of each, and over which connection. `statuses` are answered
    first, then 204; 0 is an answer that never begins, 1 a 200 whose body never ends."""

    url: str = ""
    connections: list[int] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    from passalong.config.settings import settings

    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            receiver.got.append(({key.lower(): value for key, value in self.headers.items()}, body))
            receiver.connections.append(self.client_address[1])
            status = receiver.statuses.pop(0) if receiver.statuses else 204
            if status == 0:
                receiver.closed.wait(30)
                return
            self.send_response(200 if status == 1 else status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", "1000000" if status == 1 else "0")
            self.end_headers()
            if status == 1:
                receiver.closed.wait(30)

        def log_message(self, *_said: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 100

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
        monkeypatch.setenv("PASSALONG_WEBHOOK_PRIVATE_HOSTS", f"127.0.0.1:{server.server_port}")
        settings.cache_clear()
        yield receiver
        receiver.closed.set()
        server.shutdown()
    settings.cache_clear()


@pytest.fixture
def alice(db: None) -> Person:
    from tests.support import cast

    return cast.alice()


@pytest.fixture
def campaign(alice: Person) -> Campaign:
    from tests.support import cast

    return cast.campaign_of(alice)
