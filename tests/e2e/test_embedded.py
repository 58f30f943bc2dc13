"""The embedded PostgreSQL under rough treatment: killed, shared, orphaned, run by root and by others."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from passalong.core.problems import Problem
from passalong.postgres import embedded
from tests.support.process import until

AS_ROOT = os.geteuid() == 0
HOLDER = """
import sys, time
from pathlib import Path
from passalong.postgres import embedded
print(embedded.start(Path(sys.argv[1])).url, flush=True)
sys.stdin.readline()
"""
READER = """
import sys, psycopg
from pathlib import Path
from passalong.postgres import embedded
with embedded.start(Path(sys.argv[1])) as server, psycopg.connect(server.url) as connection:
    # Two that create at once collide in PostgreSQL's own catalogue, "if not exists" or not.
    connection.execute("SELECT pg_advisory_xact_lock(1)")
    connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
    connection.execute("INSERT INTO kept VALUES ('here')")
    print(connection.execute("SELECT count(*) FROM kept").fetchone()[0])
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="pal-pg-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def remember(url: str, word: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [word])


def remembered(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT word FROM kept ORDER BY word")]


def hold(folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", HOLDER, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql://")
    return process


def test_it_keeps_data_across_restarts(folder: Path) -> None:
    with embedded.start(folder) as server:
        remember(server.url, "first")
    assert not embedded.alive(server.url)
    with embedded.start(folder) as server:
        assert remembered(server.url) == ["first"]


def test_it_keeps_committed_data_when_it_is_killed(folder: Path) -> None:
    broken = embedded.start(folder)
    remember(broken.url, "committed")
    assert broken.pid is not None
    os.kill(broken.pid, signal.SIGKILL)
    with embedded.start(folder) as server:
        assert remembered(server.url) == ["committed"]
    broken.stop()


def test_the_last_process_to_leave_stops_it(folder: Path) -> None:
    holder = hold(folder)
    with embedded.start(folder) as server:
        pass
    assert embedded.alive(server.url)
    holder.communicate("leave\n", timeout=20)
    # It ended without giving its share back, so the next one to leave is the last.
    embedded.start(folder).stop()
    assert not embedded.alive(server.url)


def test_a_killed_holder_leaves_nothing_stale(folder: Path) -> None:
    holder = hold(folder)
    holder.kill()
    holder.wait()
    with embedded.start(folder) as server:
        remember(server.url, "after")
    assert not embedded.alive(server.url)


def test_it_starts_when_another_program_has_its_old_number(folder: Path) -> None:
    embedded.start(folder).stop()
    (folder / "postgres" / "cluster" / "postmaster.pid").write_text(
        f"{os.getpid()}\n/elsewhere\n0\n5432\n\n\n\n"
    )
    with embedded.start(folder) as server:
        assert embedded.alive(server.url)


def test_it_starts_after_a_kill_in_the_middle_of_its_creation(folder: Path) -> None:
    half = folder / "postgres" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with embedded.start(folder) as server:
        assert embedded.alive(server.url)


def test_it_copes_with_a_long_path_and_odd_characters(folder: Path) -> None:
    far = folder / 'it\'s a "long" path' / ("x" * 120)
    with embedded.start(far) as server:
        remember(server.url, "far")
        assert remembered(server.url) == ["far"]


def test_it_does_not_depend_on_the_machines_locale(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "tr_TR.ISO-8859-9")
    monkeypatch.setenv("PGPORT", "1")
    with embedded.start(folder) as server, psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale, upper('ıñé') "
            "FROM pg_database WHERE datname = 'passalong'"
        ).fetchone()
    assert row == ("UTF8", "b", "C.UTF-8", "IÑÉ")


def test_only_its_own_user_reaches_the_socket(folder: Path) -> None:
    with embedded.start(folder):
        run = folder / "postgres" / "run"
        assert run.stat().st_mode & 0o777 == 0o700
        assert (run / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0
        assert (folder / "postgres" / "cluster").stat().st_mode & 0o777 == 0o700


def test_it_says_so_when_the_folder_cannot_be_written(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(Problem) as refused:
        embedded.start(folder / "file")
    assert refused.value.code == "data_folder_unwritable"


def test_it_says_so_when_the_cluster_is_of_another_version(folder: Path) -> None:
    embedded.start(folder).stop()
    (folder / "postgres" / "cluster" / "PG_VERSION").write_text("16\n")
    with pytest.raises(Problem) as refused:
        embedded.start(folder)
    assert refused.value.code == "database_version"


@pytest.mark.skipif(not AS_ROOT, reason="only root has folders that its database's user may not enter")
def test_root_may_keep_it_in_a_folder_of_its_own(folder: Path) -> None:
    folder.chmod(0o700)
    with embedded.start(folder / "inner") as server:
        assert embedded.alive(server.url)
    assert folder.stat().st_mode & 0o007 == 0


@pytest.mark.skipif(not AS_ROOT, reason="only root can become somebody else")
def test_an_ordinary_user_can_run_it(folder: Path) -> None:
    nobody = "65534"
    os.chown(folder, int(nobody), int(nobody))
    # The right to read everything stands for an interpreter that user may reach; the server gets no more.
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    command = ["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups", *reading]
    for count in ("1", "2"):
        done = subprocess.run(
            [*command, sys.executable, "-c", READER, str(folder / "data")],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
        )
        assert (done.stdout.strip(), done.returncode) == (count, 0), done.stderr
    assert (folder / "data" / "postgres" / "cluster").stat().st_uid == int(nobody)


def test_it_lets_many_start_at_once(folder: Path) -> None:
    command = [sys.executable, "-c", READER, str(folder)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [one.wait(90) for one in started] == [0, 0, 0, 0]
    until(lambda: not (folder / "postgres" / "cluster" / "postmaster.pid").exists(), 10, "the end")
