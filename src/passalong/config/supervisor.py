"""`passalong up`: database, tables, web and worker on one machine, started and ended together."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from passalong.config.boot import database
from passalong.config.parent import PARENT, end_with_supervisor
from passalong.config.ports import require_free
from passalong.core.problems import Problem

# Together with the database's own end this stays under the 10 seconds that service managers give.
STOP_SECONDS = 5.5
READY_SECONDS = 90.0

Child = subprocess.Popen[bytes]


@dataclass
class Supervisor:
    """The running parts, by name, and whether somebody asked to stop."""

    host: str
    port: int
    children: dict[str, Child] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        """Where a browser on this machine finds it."""
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"http://{shown}:{self.port}"

    def run(self) -> None:
        """Everything, until told to stop. Raises Problem when a part ended by itself."""
        require_free(self.host, self.port)
        with self._signals(), database() as server:
            environment = self._environment()
            try:
                self._migrate(environment)
                self._serve(environment, lambda: server is None or server.pid is not None)
            finally:
                self._end_children()

    def _environment(self) -> dict[str, str]:
        base_url = f"http://127.0.0.1:{self.port}"
        return {"PASSALONG_BASE_URL": base_url, **os.environ, PARENT: str(os.getpid())}

    def _start(self, name: str, environment: dict[str, str], *arguments: str) -> Child:
        # A session of its own: Ctrl-C reaches us alone, and we end the parts in order.
        command = [sys.executable, "-m", "passalong", name, *arguments]
        self.children[name] = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
        return self.children[name]

    def _migrate(self, environment: dict[str, str]) -> None:
        child = self._start("migrate", environment)
        while child.poll() is None and not self.stopping.wait(0.05):
            pass
        if child.poll():
            raise Problem(
                500,
                "migrate_failed",
                "The database could not be brought up to date",
                f"The migrations ended with status {child.returncode}.",
                "Look at the message above.",
            )
        if child.poll() == 0:
            del self.children["migrate"]

    def _serve(self, environment: dict[str, str], database_alive: Callable[[], bool]) -> None:
        if self.stopping.is_set():
            return
        self._start("web", environment, "--host", self.host, "--port", str(self.port))
        self._start("worker", environment)
        announced, deadline = False, time.monotonic() + READY_SECONDS
        while not self.stopping.wait(0.1 if not announced else 0.5):
            self._check_parts(database_alive)
            if not announced and self._answers():
                announced = True
                print(f"Passalong runs at {self.address} (Ctrl-C stops it)", flush=True)
            if not announced and time.monotonic() > deadline:
                raise _ended("web", f"did not answer within {READY_SECONDS:.0f} seconds")

    def _check_parts(self, database_alive: Callable[[], bool]) -> None:
        if not database_alive():
            raise _ended("postgres", "ended by itself")
        for name, child in self.children.items():
            if child.poll() is not None:
                raise _ended(name, f"ended by itself {_status(child.returncode)}")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=1) as response:  # noqa: S310
                return bool(response.status == 200)
        except OSError:
            return False

    def _end_children(self) -> None:
        for child in self.children.values():
            with suppress(ProcessLookupError):
                child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.05, deadline - time.monotonic()))
            # The group is looked at even when the child is gone: a killed one may have left its own children.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(number, lambda *_: self.stopping.set()) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)


def up(host: str, port: int) -> None:
    """Run everything on one machine until told to stop."""
    end_with_supervisor()
    Supervisor(host, port).run()


def _status(code: int) -> str:
    return f"on signal {signal.Signals(-code).name}" if code < 0 else f"with status {code}"


def _ended(name: str, how: str) -> Problem:
    where = "server.log in the data folder's postgres/" if name == "postgres" else "the messages above"
    return Problem(
        500,
        f"{name}_ended",
        "A part ended",
        f"{name} {how}, so everything was stopped.",
        f"Look at {where}, then start again.",
    )
