"""One file that holds an installation: the database's dump, and the key its secrets are read with."""

import os
import secrets
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from passalong.config.secret_key import FILE_NAME
from passalong.config.settings import settings
from passalong.core.problems import Problem
from passalong.postgres import embedded

DUMP = "database.dump"


def backup(file: Path) -> bool:
    """Write the archive, readable by its owner only. True when the secret key is in it.

    The key is left out when it comes from `PASSALONG_SECRET_KEY`: then its keeper is whoever set that.
    """
    key = settings().data_path / FILE_NAME
    with_key = settings().secret_key is None and key.exists()
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with tempfile.TemporaryDirectory(dir=file.parent) as folder, scratch.open("xb") as out:
            scratch.chmod(0o600)
            dump = Path(folder) / DUMP
            _run("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", f"--dbname={_database()}")
            with tarfile.open(fileobj=out, mode="w") as archive:
                archive.add(dump, DUMP)
                if with_key:
                    archive.add(key, FILE_NAME)
        # Under its name only when complete, so that a broken backup is never taken for one.
        scratch.rename(file)
    except OSError as error:
        raise _unusable(file, f"cannot be written: {error.strerror}") from error
    finally:
        scratch.unlink(missing_ok=True)
    return with_key


def restore(file: Path, *, force: bool) -> bool:
    """Put an archive's content back. True when its secret key was taken over.

    Only into an empty database, unless `force`: then what is there is removed first.
    """
    with tempfile.TemporaryDirectory() as folder:
        _unpack(file, Path(folder))
        _make_room(force)
        dump = Path(folder) / DUMP
        options = ("--no-owner", "--exit-on-error", "--single-transaction")
        _run("pg_restore", *options, f"--dbname={_database()}", str(dump))
        return _take_key(Path(folder) / FILE_NAME)


def _unpack(file: Path, folder: Path) -> None:
    try:
        with tarfile.open(file) as archive:
            names = set(archive.getnames())
            if DUMP not in names:
                raise _unusable(file, "is not a backup of Passalong")
            for name in {DUMP, FILE_NAME} & names:
                # Content only: paths, owners and links of a strange archive are not for us to follow.
                content = archive.extractfile(name)
                if content is not None:
                    with (folder / name).open("wb") as target:
                        shutil.copyfileobj(content, target)
    except (OSError, tarfile.TarError) as error:
        raise _unusable(file, f"cannot be read: {error}") from error


def _make_room(force: bool) -> None:
    with psycopg.connect(_url(), autocommit=True) as connection:
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        found = connection.execute(tables).fetchone()
        if found and found[0] and not force:
            raise Problem(
                409,
                "database_not_empty",
                "The database is not empty",
                f"It has {found[0]} tables, which restoring would replace.",
                "Make a backup of it first, stop Passalong, then repeat with --force.",
            )
        connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
        connection.execute("CREATE SCHEMA public")


def _take_key(key: Path) -> bool:
    if settings().secret_key is not None or not key.exists():
        return False
    target = settings().data_path / FILE_NAME
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and target.read_bytes() != key.read_bytes():
        target.rename(target.with_name(f"{FILE_NAME}.before-restore"))
    shutil.copyfile(key, target)
    target.chmod(0o600)
    return True


def _run(name: str, *arguments: str) -> None:
    program = embedded.program(name)
    command = [str(program) if program.exists() else name, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=_environment())  # noqa: S603
    if done.returncode != 0:
        words = done.stderr.strip().splitlines()
        raise Problem(
            500,
            f"{name}_failed",
            "The database's own tool failed",
            f"{name}: {words[0] if words else done.returncode}",
            "Mend the cause it names, and try again.",
        )


def _environment() -> dict[str, str]:
    # By environment, not on the command line, where everybody on the machine could read the password.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    given = conninfo_to_dict(_url())
    for option in Conninfo.get_defaults():
        if option.envvar and given.get(option.keyword.decode()):
            kept[option.envvar.decode()] = str(given[option.keyword.decode()])
    return kept


def _database() -> str:
    return str(conninfo_to_dict(_url())["dbname"])


def _url() -> str:
    return settings().database_url or ""


def _unusable(file: Path, why: str) -> Problem:
    return Problem(422, "backup_unusable", "The file cannot be used", f"{file} {why}.", "Check the path.")
