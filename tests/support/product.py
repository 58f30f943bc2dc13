"""The product as its own processes, with a look-alike beside it: driven over REST, looked at with SQL.

Each `Product` has a database of its own on the tests' server, copied from one that is made once.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
import psycopg

from tests.support.process import environment, free_port, run, running, until
from tests.support.sandbox import TOKEN, Sandbox, start_sandbox

T = TypeVar("T")
Json = dict[str, Any]
TEMPLATE = "e2e_template"
LINK = "custom_attributes.Referral Link"
LINK_OUT = [{"from": "referral_link", "to": LINK}]
INBOUND = [
    {"from": "name", "to": "first_name", "name_format": "first_word"},
    {"from": "name", "to": "last_name", "name_format": "rest"},
    {"from": "phone", "to": "phone"},
    {"from": "email", "to": "email"},
]
ENDED = ("succeeded", "partial", "failed", "cancelled")


class RefusedError(Exception):
    """The API said no."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.status = answer.status_code
        self.problem: Json = answer.json()
        super().__init__(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")


class Worker:
    """One `passalong worker` and what it says."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process, self.log = process, log

    def said(self) -> str:
        """Everything it wrote so far."""
        return self.log.read_text()

    def took(self, run_id: str) -> bool:
        """Whether it has worked on this run."""
        inner = uuid.UUID(hex=run_id.partition("_")[2])
        return any("run taken" in line and str(inner) in line for line in self.said().splitlines())

    def kill(self) -> None:
        """SIGKILL: no last words."""
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(10)


class Product:
    """The web part and any number of workers. Everything it says is kept, and read for secrets at the end."""

    def __init__(self, stack: ExitStack, folder: Path, database_url: str, token: str, crm_url: str) -> None:
        self.stack, self.folder, self.database_url, self.token = stack, folder, database_url, token
        self.port = free_port()
        self.env = environment(
            folder,
            DATABASE_URL=database_url,
            PASSALONG_INTERCOM_API_URL=crm_url,
            PASSALONG_BASE_URL=f"http://127.0.0.1:{self.port}",
            PASSALONG_OUTAGE_PATIENCE_SECONDS="8",
            PASSALONG_LOG_FORMAT="json",
        )
        self.workers: list[Worker] = []
        headers = {"Authorization": f"Bearer {token}"}
        base = f"http://127.0.0.1:{self.port}"
        self.http = httpx2.Client(base_url=base, headers=headers, timeout=40, trust_env=False)
        stack.callback(self.http.close)

    def start_web(self) -> None:
        """Returns before it answers; see `wait_for_web`."""
        arguments = ("web", "--port", str(self.port))
        log = self.folder / "web.log"
        self.web = self.stack.enter_context(running(*arguments, env=self.env, output=log))

    def stop_web(self) -> None:
        """SIGTERM, and wait until it is gone."""
        self.web.terminate()
        self.web.wait(15)

    def wait_for_web(self) -> None:
        """Until requests are answered."""
        until(self._healthy, 60, "an answer of the web part")

    def _healthy(self) -> bool:
        try:
            return bool(self.http.get("/healthz").status_code == 200)
        except httpx2.HTTPError:
            return False

    def start_worker(self, **env: str) -> Worker:
        """One more worker; it takes a few seconds until it works."""
        log = self.folder / f"worker-{len(self.workers) + 1}.log"
        process = self.stack.enter_context(running("worker", env={**self.env, **env}, output=log))
        worker = Worker(process, log)
        self.workers.append(worker)
        return worker

    def said(self) -> str:
        """The output of every process."""
        return "\n".join(log.read_text() for log in sorted(self.folder.glob("*.log")))

    def check_no_secret(self, *more: str) -> None:
        """No process ever wrote a token."""
        said = self.said()
        for secret in (TOKEN, self.token, *more):
            assert secret not in said, "a token is in the output of a process"

    def until(self, found: Callable[[], T | None], seconds: float, what: str) -> T:
        """Like `until`; what the processes said last is part of the failure."""
        try:
            answer = until(found, seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said()[-5000:]}") from None
        assert answer is not None
        return answer

    # Over REST

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON of an answer; raises RefusedError for a refusal."""
        answer = self.http.request(method, f"/api/v1{path}", json=body, params=query or None)
        assert TOKEN not in answer.text
        if answer.status_code >= 400:
            raise RefusedError(answer)
        return answer.json() if answer.content else None

    def everything(self, path: str, **query: Any) -> list[Json]:
        """All pages of a list."""
        found: list[Json] = []
        cursor: str | None = None
        while True:
            more = {"cursor": cursor} if cursor else {}
            page = self.call("GET", path, limit=200, **query, **more)
            found += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def refused(self, method: str, path: str, body: Any = None) -> RefusedError:
        """The refusal of a call that must be refused, with a code, a sentence and a next step."""
        try:
            answer = self.call(method, path, body)
        except RefusedError as error:
            explained(error.problem, "detail")
            return error
        raise AssertionError(f"{method} {path} was not refused: {answer}")

    def call_at_once(self, times: int, method: str, path: str) -> list[int]:
        """The statuses of the same call made this many times at the same instant."""
        with ThreadPoolExecutor(times) as pool:
            asked = [pool.submit(self.http.request, method, f"/api/v1{path}") for _ in range(times)]
            return [one.result().status_code for one in asked]

    def connect(self, token: str = TOKEN) -> str:
        """The id of the connection."""
        body = {"provider": "intercom", "access_token": token}
        connection_id: str = self.call("POST", "/connections", body)["id"]
        return connection_id

    def make_field(self, connection_id: str, label: str = "Referral Link") -> None:
        self.call("POST", f"/connections/{connection_id}/fields", {"label": label, "type": "string"})

    def make_campaign(self, name: str = "Friends") -> str:
        body = {"name": name, "destination_url": "https://shop.example.com/"}
        campaign_id: str = self.call("POST", "/campaigns", body)["id"]
        return campaign_id

    def make_sync(
        self,
        connection_id: str,
        audience: Json,
        *,
        outbound: Sequence[Json] = (),
        campaign_id: str | None = None,
    ) -> Json:
        """A one-time sync, in a campaign of its own unless given."""
        campaign_id = campaign_id or self.make_campaign()
        body = {
            "connection_id": connection_id,
            "audience": audience,
            "inbound": INBOUND,
            "outbound": list(outbound),
        }
        sync: Json = self.call("POST", f"/campaigns/{campaign_id}/syncs", body)
        return sync

    def start(self, sync: Json) -> str:
        """The id of a new run."""
        run_id: str = self.call("POST", f"/syncs/{sync['id']}/runs")["id"]
        return run_id

    def show(self, run_id: str) -> Json:
        """A run as it is now; its counts always add up."""
        shown: Json = self.call("GET", f"/runs/{run_id}")
        counts = shown["counts"]
        parts = ("created", "updated", "unchanged", "duplicate", "skipped", "failed")
        assert counts["read"] == sum(counts[name] for name in parts)
        return shown

    def wait(self, run_id: str, *statuses: str, seconds: float = 60) -> Json:
        """The run once it has one of these statuses (ended, unless said)."""
        wanted = statuses or ENDED

        def reached() -> Json | None:
            shown = self.show(run_id)
            assert shown["status"] in (*wanted, "queued", "running", "waiting"), shown
            return shown if shown["status"] in wanted else None

        return self.until(reached, seconds, f"{' or '.join(wanted)} of {run_id}")

    def run_and_wait(self, sync: Json, *, seconds: float = 60) -> Json:
        """A run from start to end."""
        return self.wait(self.start(sync), seconds=seconds)

    def referrers(self, sync: Json) -> dict[str, Json]:
        """Every referrer of the sync's campaign, by email; nobody twice."""
        rows = self.everything(f"/campaigns/{sync['campaign_id']}/referrers")
        by_email = {row["email"]: row for row in rows}
        assert len(by_email) == len(rows)
        return by_email

    def records(self, run_id: str, **filters: str) -> list[Json]:
        """What became of each contact."""
        return self.everything(f"/runs/{run_id}/records", **filters)

    # Straight from the database

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows, in a connection of its own."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def select(self, query: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Rows of a query with named values."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(query, values).fetchall()

    def watch(self, run_id: str) -> Json:
        """The columns of a run that tell how far it is; cheap enough to ask in a loop."""
        names = ("status", "phase", "epoch", "read", "written")
        row = self.sql(f"SELECT {', '.join(names)} FROM sync_run WHERE id = %s", inner_id(run_id))[0]  # noqa: S608
        return dict(zip(names, row, strict=True))

    def until_run(self, run_id: str, seconds: float = 30, **least: Any) -> Json:
        """The run once a number has reached this value, or a text is this one."""

        def reached() -> Json | None:
            seen = self.watch(run_id)
            assert seen["status"] not in ENDED, f"it ended before {least}: {seen}"
            enough = all(
                seen[key] == value if isinstance(value, str) else seen[key] >= value
                for key, value in least.items()
            )
            return seen if enough else None

        return self.until(reached, seconds, f"{least} of {run_id}")

    def expire_lease(self, run_id: str) -> None:
        """As if the time had passed in which a dead worker's lease runs out."""
        self.sql("UPDATE sync_run SET lease_until = now() - interval '1 s' WHERE id = %s", inner_id(run_id))


def inner_id(public: str) -> uuid.UUID:
    """The UUID behind a public id."""
    return uuid.UUID(hex=public.partition("_")[2])


def explained(problem: Json | None, sentence: str = "message") -> str:
    """The code of an error that has a sentence and a next step too."""
    assert problem is not None
    assert re.fullmatch(r"[a-z][a-z0-9_]+", problem["code"])
    assert problem[sentence].endswith((".", "”", "?")), problem
    assert problem["next_step"].endswith("."), problem
    code: str = problem["code"]
    return code


def _with_database(url: str, name: str) -> str:
    """The same server, another database."""
    parts = urlsplit(url)
    return url.replace(f"{parts.netloc}{parts.path}", f"{parts.netloc}/{name}", 1)


def set_up(database_url: str, folder: Path) -> str:
    """Tables, an owner and a token that may write."""
    env = environment(folder, DATABASE_URL=database_url)
    made = run("setup", "--email", "alice@example.com", "--workspace", "Alice", env=env)
    assert made.returncode == 0, made.stderr
    token = run("token", "create", "--workspace", "Alice", "--name", "tests", "--scope", "write", env=env)
    assert token.returncode == 0, token.stderr
    return token.stdout.strip()


@contextmanager
def _own_database() -> Iterator[tuple[str, str]]:
    """A database with an owner on the tests' server, and the token; dropped at the end."""
    server, shared = os.environ["DATABASE_URL"], Path(os.environ["PASSALONG_TEST_FOLDER"])
    name, token_file = f"e2e_{uuid.uuid4().hex[:12]}", shared / "e2e_token"
    with psycopg.connect(server, autocommit=True) as admin:
        with (shared / "e2e_lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not token_file.exists():
                admin.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
                admin.execute(f"CREATE DATABASE {TEMPLATE}")
                token_file.write_text(set_up(_with_database(server, TEMPLATE), shared / "e2e"))
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        try:
            yield _with_database(server, name), token_file.read_text()
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def start_product(
    crm_url: str, *, workers: int = 1, database: tuple[str, str] | None = None
) -> Iterator[Product]:
    """The web part and workers, speaking to the sandbox there. `database`: an address and an API token."""
    folder = Path(tempfile.mkdtemp(prefix="pal-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        url, token = database or stack.enter_context(_own_database())
        product = Product(stack, folder, url, token, crm_url)
        product.start_web()
        for _ in range(workers):
            product.start_worker()
        product.wait_for_web()
        yield product
        product.check_no_secret()


@contextmanager
def start_both(contacts: int, *, workers: int = 1, **sandbox: Any) -> Iterator[tuple[Product, Sandbox]]:
    """A sandbox and the product beside it."""
    with (
        start_sandbox(contacts=contacts, **sandbox) as crm,
        start_product(crm.url, workers=workers) as product,
    ):
        yield product, crm
