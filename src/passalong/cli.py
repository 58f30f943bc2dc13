"""The command `passalong`: each one parses, calls a service, and prints.

Imports are inside the commands, so that each pays only for what it uses and `--help` is there at once.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from passalong.core.problems import Problem

app = App(name="passalong", help="Self-hosted referral programmes with a CRM sync at their heart.")
token_app = App(name="token", help="API tokens.")
sandbox_app = App(name="sandbox", help="Look-alikes of outside systems, for trying, testing and measuring.")
sync_app = App(name="sync", help="Syncs from a terminal.")
for part in (token_app, sandbox_app, sync_app):
    app.command(part)


@app.command
def up(*, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Run everything on this machine: database, migrations, web and worker.

    Parameters
    ----------
    host
        Address to listen on; 0.0.0.0 for all.
    port
        Port to listen on.
    """
    from passalong.config.supervisor import up as run

    run(host, port)


@app.command
def web(*, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Run the web part alone.

    Parameters
    ----------
    host
        Address to listen on; 0.0.0.0 for all.
    port
        Port to listen on.
    """
    from passalong.config.boot import database
    from passalong.config.web import serve

    with database():
        serve(host, port)


@app.command
def worker() -> None:
    """Run one worker alone. Start as many as you like, on as many machines as you like."""
    from passalong.config.boot import database
    from passalong.config.worker import work

    with database():
        work()


@app.command
def migrate() -> None:
    """Bring the database's tables up to this release. Safe to run at any time, by several at once."""
    from passalong.config.boot import database, disconnect, require_database, set_up_django

    with database():
        require_database()
        set_up_django()
        from passalong.config.schema import migrate as run

        run()
        disconnect()


@app.command
def setup(*, email: str, workspace: str, password_stdin: bool = False) -> None:
    """Make a workspace and its first owner. Run again, it changes nothing but a password given anew.

    Parameters
    ----------
    email
        The owner's address.
    workspace
        The team's name.
    password_stdin
        Read the password from standard input; otherwise a sign-in link is printed.
    """
    from passalong.config.boot import application

    password = sys.stdin.readline().rstrip("\n") if password_stdin else None
    with application():
        from passalong.accounts import services, signin_links

        member, new = services.set_up(email, workspace, password)
        print(f"{member.user.email} {'now owns' if new else 'is already in'} {member.workspace.name}.")
        if password is None:
            print(f"Sign in within 15 minutes, once: {signin_links.link_for(member.user)}")


@token_app.command(name="create")
def token_create(*, workspace: str, name: str, scope: Literal["read", "write"] = "write") -> None:
    """Make an API token and print it, this once. One with the same name is replaced.

    Parameters
    ----------
    workspace
        The workspace's name.
    name
        What the token is for.
    scope
        What it may do.
    """
    from passalong.config.boot import application

    with application():
        from passalong.accounts import services

        _token, secret = services.create_token(services.workspace_named(workspace).pk, name, scope)
        print(secret)


@sandbox_app.command(name="intercom")
def sandbox_intercom(
    *,
    port: int,
    contacts: int = 500,
    seed: int = 1,
    rate_limit: int | None = None,
    latency_ms: int = 0,
    host: str = "127.0.0.1",
) -> None:
    """Serve the Intercom look-alike. Use it with PASSALONG_INTERCOM_API_URL=http://127.0.0.1:PORT.

    Parameters
    ----------
    port
        Port to listen on.
    contacts
        How many people it has.
    seed
        The same seed makes the same people.
    rate_limit
        Calls it takes in 10 seconds.
    latency_ms
        How long each answer takes.
    host
        Address to listen on.
    """
    from passalong.config.parent import end_with_supervisor
    from passalong.config.ports import require_free
    from passalong.sandbox.intercom import serve

    require_free(host, port)
    end_with_supervisor()
    serve(port, contacts, seed, rate_limit, latency_ms, host)


@sync_app.command(name="run")
def sync_run(sync_id: str, /, *, wait: bool = False) -> None:
    """Start a run of a sync, and print its id.

    Parameters
    ----------
    sync_id
        The sync, such as sync_0190….
    wait
        Stay until it ends and print its counts; exit 1 unless it succeeded.
    """
    from passalong.config.boot import application

    with application():
        from passalong.config.runs import start_and_follow

        sys.exit(start_and_follow(sync_id, wait=wait))


@app.command
def doctor() -> None:
    """Check the installation, one line for each thing that could be wrong; exit 1 if something is."""
    from passalong.config.boot import database, disconnect, set_up_django

    with database():
        set_up_django()
        from passalong.config.doctor import examine

        findings = examine()
        disconnect()
    print("\n".join(str(finding) for finding in findings))
    sys.exit(any(finding.level == "FAIL" for finding in findings))


@app.command
def backup(file: Path, /) -> None:
    """Write the database, and the generated secret key, into one file that only you can read.

    Parameters
    ----------
    file
        The archive to write.
    """
    from passalong.config.backup import backup as run
    from passalong.config.boot import database

    with database():
        with_key = run(file)
    print(f"Wrote {file}{' with the secret key: keep it safe' if with_key else ', without the secret key'}.")


@app.command
def restore(file: Path, /, *, force: bool = False) -> None:
    """Put a backup back into an empty database.

    Parameters
    ----------
    file
        An archive of `passalong backup`.
    force
        Replace what is in the database.
    """
    from passalong.config.backup import restore as run
    from passalong.config.boot import database

    with database():
        with_key = run(file, force=force)
    print(f"Restored {file}{' and its secret key' if with_key else ''}. Start with: passalong up")


@app.command
def demo(*, once: bool = False, fresh: bool = False, port: int = 8000) -> None:
    """Show the main job: sync a segment of a look-alike Intercom, then keep serving.

    Parameters
    ----------
    once
        Stop after the summary.
    fresh
        Forget what an earlier demo left.
    port
        Port to try first; a busy one moves to the next.
    """
    from passalong.demo import run

    run(once=once, fresh=fresh, port=port)


def main(arguments: Annotated[list[str] | None, Parameter(show=False)] = None) -> None:
    """Run one command. A problem is told in words, and its exit status is 1; wrong usage is 2."""
    from passalong.core.problems import Problem
    from passalong.sync.errors import SyncError

    try:
        app(arguments)
    except Problem as problem:
        _refuse(problem.code, problem.detail, problem.next_step)
    except SyncError as error:
        _refuse(error.code, error.message, error.next_step)
    except Exception as error:
        known = _translated(error)
        if known is None:
            raise
        _refuse(known.code, known.detail, known.next_step)


def _translated(error: Exception) -> "Problem | None":
    import psycopg
    from django.db import OperationalError
    from pydantic import ValidationError

    from passalong.config.secret_key import WeakSecretKeyError
    from passalong.core.problems import Problem

    title = "Not possible"
    if isinstance(error, OperationalError | psycopg.OperationalError):
        step = "Check that it runs and that DATABASE_URL is right; passalong doctor says more."
        return Problem(503, "database_unreachable", title, f"The database refused: {error}".strip(), step)
    if isinstance(error, WeakSecretKeyError):
        return Problem(500, "weak_secret_key", title, str(error), "Set it, and start again.")
    if isinstance(error, ValidationError) and error.title == "Settings":
        wrong = "; ".join(f"PASSALONG_{e['loc'][0]}: {e['msg']}".upper() for e in error.errors())
        return Problem(500, "invalid_settings", title, wrong, "See docs/reference/settings.md.")
    return None


def _refuse(code: str, sentence: str, next_step: str) -> None:
    print(f"{code}: {sentence}\n{next_step}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
