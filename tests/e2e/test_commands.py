"""The commands an operator types, as real processes."""

import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import environment, free_port, run


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="pal-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def env(folder: Path) -> dict[str, str]:
    """An installation with one workspace, whose key is its own generated one."""
    env = environment(folder / "data", PASSALONG_BASE_URL="https://refer.example.com")
    del env["PASSALONG_SECRET_KEY"]
    made = run(
        "setup",
        *("--email", "alice@example.com", "--workspace", "Alice", "--password-stdin"),
        env=env,
        stdin="correct horse\n",
    )
    assert (made.returncode, made.stdout) == (0, "alice@example.com now owns Alice.\n"), made.stderr
    return env


def test_setup_again_changes_nothing_and_gives_a_link(env: dict[str, str]) -> None:
    again = run("setup", "--email", "Alice@example.com", "--workspace", "Alice", env=env)
    told, link = again.stdout.splitlines()
    assert told == "alice@example.com is already in Alice."
    assert link.startswith("Sign in within 15 minutes, once: https://refer.example.com/accounts/enter/")


def test_token_create_prints_only_the_token(env: dict[str, str]) -> None:
    made = run("token", "create", "--workspace", "Alice", "--name", "ci", "--scope", "read", env=env)
    assert made.returncode == 0
    assert made.stdout.startswith("pal_")
    assert len(made.stdout.split()) == 1


def test_it_says_what_to_do_about_an_unknown_workspace(env: dict[str, str]) -> None:
    refused = run("token", "create", "--workspace", "Nobody's", "--name", "ci", env=env)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr == (
        'workspace_not_found: There is no workspace named "Nobody\'s".\n'
        "Make it with: passalong setup --email YOU --workspace NAME\n"
    )


def test_it_says_what_to_do_about_an_unknown_sync(env: dict[str, str]) -> None:
    refused = run("sync", "run", "sync_nonsense", env=env)
    assert refused.returncode == 1
    assert refused.stderr.startswith("not_found: There is no such sync.\n")


def test_wrong_usage_is_2(env: dict[str, str]) -> None:
    assert run("token", "create", "--scope", "everything", env=env).returncode == 2
    assert run("nonsense", env=env).returncode == 2


def test_doctor_misses_the_worker(env: dict[str, str], folder: Path) -> None:
    told = run("doctor", env=env)
    assert told.returncode == 1
    assert told.stdout.splitlines() == [
        "ok database: PostgreSQL 18.4 answers",
        "ok migrations: all applied",
        f"ok secret key: {folder}/data/secret_key, mode 600",
        f"ok data folder: {folder}/data can be written",
        "FAIL worker: none has given a sign of life in 20 seconds. Next step: Run: passalong up (or worker)",
        "ok base URL: https://refer.example.com",
        "ok counts: every campaign counts what it has",
        "ok leads: every referrer and campaign counts the leads it has",
        "ok clock: agrees with the database's",
    ]


def test_doctor_sees_a_readable_key_and_a_local_address(env: dict[str, str], folder: Path) -> None:
    key = folder / "data" / "secret_key"
    key.chmod(0o644)
    told = run("doctor", env={**env, "PASSALONG_BASE_URL": "http://localhost:8000"}).stdout
    key.chmod(0o600)
    assert f"FAIL secret key: {key} may be read by others (mode 644). Next step: Run: chmod 600 {key}" in told
    assert "warn base URL: http://localhost:8000 works on this machine only" in told


def test_a_backup_restores_elsewhere_with_its_key(env: dict[str, str], folder: Path) -> None:
    archive, other = folder / "backup.tar", folder / "other"
    assert run("backup", str(archive), env=env).returncode == 0
    assert archive.stat().st_mode & 0o777 == 0o600
    with tarfile.open(archive) as tar:
        assert sorted(tar.getnames()) == ["database.dump", "secret_key"]
    there = {**env, "PASSALONG_DATA_DIR": str(other)}
    restored = run("restore", str(archive), env=there)
    assert restored.returncode == 0, restored.stderr
    assert (other / "secret_key").read_text() == (folder / "data" / "secret_key").read_text()
    again = run("setup", "--email", "alice@example.com", "--workspace", "Alice", env=there)
    assert "alice@example.com is already in Alice." in again.stdout


def test_restore_refuses_a_database_in_use_unless_forced(env: dict[str, str], folder: Path) -> None:
    archive = folder / "again.tar"
    assert run("backup", str(archive), env=env).returncode == 0
    refused = run("restore", str(archive), env=env)
    assert refused.returncode == 1
    assert refused.stderr.startswith("database_not_empty: ")
    assert run("restore", str(archive), "--force", env=env).returncode == 0
    assert "all applied" in run("doctor", env=env).stdout


def test_it_tells_a_weak_key_and_a_wrong_setting(folder: Path) -> None:
    weak = run("migrate", env=environment(folder / "weak", PASSALONG_SECRET_KEY="short"))
    assert (weak.returncode, weak.stderr.split(":")[0]) == (1, "weak_secret_key")
    wrong = run("migrate", env=environment(folder / "weak", PASSALONG_WEB_THREADS="many"))
    assert (wrong.returncode, wrong.stderr.split(":")[0]) == (1, "invalid_settings")


def test_it_tells_a_database_that_does_not_answer(folder: Path) -> None:
    nowhere = f"postgresql://127.0.0.1:{free_port()}/nothing"
    refused = run("migrate", env=environment(folder / "none", DATABASE_URL=nowhere))
    assert refused.returncode == 1
    assert refused.stderr.startswith("database_unreachable: ")
    assert "Traceback" not in refused.stderr
