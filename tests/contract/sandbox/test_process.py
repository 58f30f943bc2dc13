"""The process as a whole: starts fast, ends promptly, is the same for the same seed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import httpx2
import psutil
import pytest

from tests.contract.sandbox.client import Api, where
from tests.support.sandbox import start_sandbox

OLDEST_FIRST = {"field": "created_at", "order": "ascending"}


def test_it_ends_promptly_with_requests_open() -> None:
    with start_sandbox(contacts=5) as sandbox:
        sandbox.control.add_fault("timeout", times=None)
        waiting = Api(sandbox)

        def ask() -> None:
            with pytest.raises(httpx2.HTTPError):
                waiting.get("/me")

        asking = threading.Thread(target=ask)
        asking.start()
        while sandbox.control.state()["in_flight"] == 0:
            time.sleep(0.01)
        started = time.monotonic()
        assert sandbox.stop() == 0
        assert time.monotonic() - started < 3
        asking.join(5)
        assert not asking.is_alive()


def test_it_refuses_a_port_that_is_taken() -> None:
    with start_sandbox(contacts=5) as sandbox:
        port = int(sandbox.url.rsplit(":", 1)[1])
        with pytest.raises(RuntimeError, match="ended with 1"), start_sandbox(contacts=5, port=port):
            pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_without_a_word(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "passalong.sandbox.intercom", "--port=0", "--contacts=5"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"Intercom look-alike on ")
        time.sleep(0.3)  # it says so just before it listens
        process.send_signal(number)
        assert (process.wait(5), process.stderr.read()) == (0, b"")


def test_it_has_no_children() -> None:
    with start_sandbox(contacts=5) as sandbox:
        assert psutil.Process(sandbox.process.pid).children() == []


def test_it_is_the_same_for_the_same_seed() -> None:
    digests = []
    for seed in (7, 7, 8):
        with start_sandbox(contacts=300, seed=seed) as sandbox:
            state = sandbox.control.state()
            digests.append((sandbox.control.digest(), state["segments"]))
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_it_digests_what_was_written_and_not_when() -> None:
    with start_sandbox(contacts=20) as sandbox:
        api = Api(sandbox)
        contact = api.get("/contacts").json()["data"][0]
        before = sandbox.control.digest()
        api.put(f"/contacts/{contact['id']}", {"name": "Other"})
        changed = sandbox.control.digest()
        api.put(f"/contacts/{contact['id']}", {"name": contact["name"]})
        assert before != changed
        assert sandbox.control.digest() == before


def test_it_serves_100_000_within_10_seconds() -> None:
    started = time.monotonic()
    with start_sandbox(contacts=100_000) as sandbox:
        api = Api(sandbox)
        page = api.search(where("created_at", ">", 0), sort=OLDEST_FIRST, per_page=150).json()
        assert time.monotonic() - started < 10
        assert page["total_count"] == 100_000
        assert psutil.Process(sandbox.process.pid).memory_info().rss < 400_000_000
