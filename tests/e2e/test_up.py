"""`passalong up` as an operator sees it: one command that starts all, ends all, and says why."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from passalong.postgres import embedded, postmaster
from tests.support.process import descendants, environment, free_port, part, run, running, until


@dataclass
class Product:
    """A running `passalong up`."""

    process: "subprocess.Popen[bytes]"
    port: int
    data: Path
    env: dict[str, str]
    log: Path

    def get(self, path: str) -> int:
        return status(self.port, path)

    def postmaster(self) -> psutil.Process | None:
        return postmaster.running(self.data / "postgres" / "cluster")

    def everything(self) -> list[psutil.Process]:
        server = self.postmaster()
        return [*descendants(self.process.pid), *([server, *server.children()] if server else [])]

    def said(self) -> str:
        return self.log.read_text()


def status(port: int, path: str) -> int:
    """The HTTP status, or 0 when nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not tmp_path: that is a folder only its owner may enter, which is a case of its own.
    path = Path(tempfile.mkdtemp(prefix="pal-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def migrated() -> Iterator[Path]:
    """A data folder with its tables made, to copy: making them takes longer than the rest of a test."""
    path = Path(tempfile.mkdtemp(prefix="pal-"))
    assert run("migrate", env=environment(path / "data")).returncode == 0
    yield path / "data"
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def product(folder: Path, migrated: Path) -> Iterator[Product]:
    subprocess.run(["cp", "-a", migrated, folder], check=True)  # the owner of each file counts
    port, env, log = free_port(), environment(folder / "data"), folder / "up.log"
    with running("up", "--port", str(port), env=env, output=log) as process:
        product = Product(process, port, folder / "data", env, log)
        until(lambda: product.get("/readyz") == 200 or process.poll() is not None, 60, "ready")
        assert process.poll() is None, product.said()
        yield product


def gone(processes: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def test_it_serves_and_ends_within_ten_seconds_leaving_nothing(product: Product) -> None:
    everything = product.everything()
    assert product.get("/healthz") == 200
    assert product.get("/metrics") == 200
    assert f"Passalong runs at http://127.0.0.1:{product.port}" in product.said()
    began = time.monotonic()
    product.process.send_signal(signal.SIGTERM)
    assert product.process.wait(10) == 0
    assert time.monotonic() - began < 10
    assert gone(everything)


def test_it_ends_on_ctrl_c_too(product: Product) -> None:
    everything = product.everything()
    product.process.send_signal(signal.SIGINT)
    assert product.process.wait(10) == 0
    assert gone(everything)


@pytest.mark.parametrize("name", ["web", "worker"])
def test_it_ends_with_a_reason_when_a_part_dies(product: Product, name: str) -> None:
    everything, victim = product.everything(), part(product.process.pid, name)
    assert victim is not None
    victim.kill()
    assert product.process.wait(10) == 1
    assert f"{name}_ended: {name} ended by itself on signal SIGKILL" in product.said()
    until(lambda: gone(everything), 5, "the end of all processes")


def test_it_ends_with_a_reason_when_the_database_dies(product: Product) -> None:
    everything, server = product.everything(), product.postmaster()
    assert server is not None
    server.kill()
    assert product.process.wait(10) == 1
    assert "postgres_ended: postgres ended by itself" in product.said()
    until(lambda: gone(everything), 5, "the end of all processes")


def test_it_ends_with_a_reason_when_the_serving_process_dies(product: Product) -> None:
    web = part(product.process.pid, "web")
    assert web is not None
    web.children()[0].kill()
    assert product.process.wait(10) == 1
    assert "web_ended" in product.said()


def test_it_leaves_no_parts_when_it_is_killed(product: Product) -> None:
    parts = descendants(product.process.pid)
    server = product.postmaster()
    assert server is not None
    database = [server, *server.children()]
    product.process.kill()
    until(lambda: gone([p for p in parts if p not in database]), 10, "the end of the parts")


def test_it_starts_again_after_being_killed(product: Product, folder: Path) -> None:
    made = run("setup", "--email", "alice@example.com", "--workspace", "Alice", env=product.env)
    assert made.returncode == 0, made.stderr
    server = product.postmaster()
    assert server is not None
    product.process.kill()
    server.kill()
    product.process.wait()
    again = run("setup", "--email", "alice@example.com", "--workspace", "Alice", env=product.env)
    assert "alice@example.com is already in Alice." in again.stdout
    until(lambda: product.postmaster() is None, 5, "the end of the database")


def test_it_says_that_the_port_is_busy_and_starts_nothing(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run("up", "--port", str(port), env=environment(folder / "data"))
    assert refused.returncode == 1
    assert refused.stderr == (
        f"port_in_use: Port {port} on 127.0.0.1 is in use.\n"
        "Stop the program that uses it, or choose another port with --port.\n"
    )
    assert not (folder / "data").exists()


def test_web_and_worker_survive_a_restart_of_the_database(folder: Path) -> None:
    port, server = free_port(), embedded.start(folder / "db")
    env = environment(folder / "data", DATABASE_URL=server.url)
    assert run("migrate", env=env).returncode == 0
    with (
        running("web", "--port", str(port), env=env, output=folder / "web.log") as web,
        running("worker", env=env, output=folder / "worker.log") as worker,
    ):
        until(lambda: status(port, "/readyz") == 200, 30, "ready")
        for pause in (0.0, 3.0):
            server.stop()
            until(lambda: status(port, "/readyz") == 503, 40, "not ready")
            assert status(port, "/healthz") == 200
            time.sleep(pause)
            server = embedded.start(folder / "db")
            until(lambda: status(port, "/readyz") == 200, 60, "ready again")
        until(lambda: _fresh_heartbeat(server.url), 30, "a heartbeat after the restart")
        assert web.poll() is None
        assert worker.poll() is None
    server.stop()


def test_parts_wait_for_the_migrations(folder: Path) -> None:
    port, server = free_port(), embedded.start(folder / "db")
    env = environment(folder / "data", DATABASE_URL=server.url)
    with running("web", "--port", str(port), env=env, output=folder / "web.log"):
        migrations = [run_in_background("migrate", env) for _ in range(2)]
        assert [one.wait(60) for one in migrations] == [0, 0]
        until(lambda: status(port, "/healthz") == 200, 30, "an answer")
    server.stop()


def run_in_background(name: str, env: dict[str, str]) -> "subprocess.Popen[bytes]":
    from tests.support.process import command

    return subprocess.Popen(command(name), env=env)


def _fresh_heartbeat(url: str) -> bool:
    import psycopg

    with contextlib.closing(psycopg.connect(url)) as connection:
        query = "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '6 s'"
        row = connection.execute(query).fetchone()
        return bool(row and row[0] == 2)  # one of each of the worker's two loops


def test_it_runs_on_a_database_of_the_operators_own(folder: Path) -> None:
    port, server = free_port(), embedded.start(folder / "db")
    env = environment(folder / "data", DATABASE_URL=server.url)
    with running("up", "--port", str(port), env=env, output=folder / "up.log") as process:
        until(lambda: status(port, "/readyz") == 200, 60, "ready")
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0
    assert embedded.alive(server.url)
    assert not (folder / "data" / "postgres").exists()
    server.stop()
