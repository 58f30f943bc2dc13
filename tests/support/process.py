"""Real processes of the product, for tests that look at it from outside."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")
SECRET_KEY = "tests-" + "fedcba9876543210" * 3


def until(found: Callable[[], T], seconds: float = 30, what: str = "it") -> T:
    """The first truthy answer; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} seconds"
        time.sleep(0.05)
    return answer


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """What a fresh shell would give, with this data folder, and nothing of the tests' own settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PASSALONG_", "DJANGO_", "PYTEST_")) and name != "DATABASE_URL"
    }
    return {**kept, "PASSALONG_DATA_DIR": str(data_dir), "PASSALONG_SECRET_KEY": SECRET_KEY, **more}


def command(*arguments: str) -> list[str]:
    """How to run `passalong …`."""
    return [sys.executable, "-m", "passalong", *arguments]


def run(
    *arguments: str, env: dict[str, str], stdin: str = "", seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        command(*arguments),
        check=False,
        capture_output=True,
        text=True,
        env=env,
        input=stdin,
        timeout=seconds,
    )


@contextmanager
def running(
    *arguments: str, env: dict[str, str], output: Path, wrap: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """A command in the background, ended for good at the end; what it says is in `output`."""
    with output.open("ab") as file:
        process = subprocess.Popen([*wrap, *command(*arguments)], env=env, stdout=file, stderr=file)
    try:
        yield process
    finally:
        family = descendants(process.pid)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for left in psutil.wait_procs(family, timeout=10)[1]:
            left.kill()


def descendants(pid: int) -> list[psutil.Process]:
    """All processes below this one."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def part(pid: int, name: str) -> psutil.Process | None:
    """The part of `passalong up` with this name."""
    for process in psutil.Process(pid).children():
        if name in process.cmdline():
            return process
    return None
