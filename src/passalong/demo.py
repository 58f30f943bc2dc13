"""`./scripts/demo`: the main job on one screen, for real: every step goes through the product's own door.

Everything lives in `.demo/` of the current folder. Three things run: the look-alike of Intercom, the product,
and a page that stands for the shop the referral links lead to. Like a real shop it is not part of the
product, and it works without a network.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from passalong.config.parent import PARENT
from passalong.config.ports import is_free
from passalong.config.settings import settings
from passalong.core.problems import Problem

FOLDER = Path(".demo")
OWNER, WORKSPACE, CAMPAIGN = "demo@example.com", "Demo", "Demo campaign"
SANDBOX_TOKEN = "sandbox-token"  # noqa: S105 - public by design: it opens nothing but the sandbox
CONTACTS, SEED = 500, 1
SEGMENT = ("Active", "user")
CRM_FIELDS = {"Referral Link": "string", "Referrals Count": "integer"}
INBOUND = [
    {"from": "name", "to": "first_name", "name_format": "first_word"},
    {"from": "name", "to": "last_name", "name_format": "rest"},
    {"from": "email", "to": "email"},
]
OUTBOUND = [
    {"from": "referral_link", "to": "custom_attributes.Referral Link"},
    {"from": "referrals_count", "to": "custom_attributes.Referrals Count"},
]
OUTCOMES = ("created", "updated", "unchanged", "duplicate", "skipped", "failed")
FINISHED = ("succeeded", "partial", "failed", "cancelled")
START_SECONDS, RUN_SECONDS, STOP_SECONDS = 120.0, 300.0, 12.0
LINK_LIFE = timedelta(hours=24)

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Places:
    """Where everything is."""

    product: str
    sandbox: str
    shop: str


def run(*, once: bool, fresh: bool, port: int) -> None:
    """Set up, sync, show; then serve until told to stop, unless `once`."""
    if fresh:
        shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "data").mkdir(parents=True, exist_ok=True)
    with _stop_signals() as stopping, ExitStack() as stack:
        ports = _free_ports(port)
        product, sandbox, shop = (f"http://127.0.0.1:{number}" for number in ports)
        places = Places(product, sandbox, f"{shop}/")
        _configure(places)
        _serve_shop(stack, ports[2])
        parts = _start_parts(stack, ports)
        _await_parts(parts, places, stopping)
        token, link = _owner()
        with httpx2.Client(base_url=f"{places.product}/api/v1", timeout=60, trust_env=False) as client:
            client.headers["Authorization"] = f"Bearer {token}"
            _show(Api(client), places, stopping)
        console.print(f"\nSign in (once, within 24 hours): {link}")
        if not once:
            console.print("Serving until Ctrl-C.")
            _serve(parts, stopping)


class Stopped(SystemExit):
    """Somebody asked us to stop before we were done."""


class Api:
    """The REST API of the running product."""

    def __init__(self, client: httpx2.Client) -> None:
        self.client = client

    def get(self, path: str, **query: Any) -> Any:
        return self._answer(self.client.get(path, params=query))

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._answer(self.client.post(path, json=body or {}))

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        return self._answer(self.client.patch(path, json=body))

    def _answer(self, response: httpx2.Response) -> Any:
        if response.is_success:
            return response.json()
        told = response.json() if "json" in response.headers.get("content-type", "") else {}
        raise Problem(
            response.status_code,
            told.get("code", f"http_{response.status_code}"),
            told.get("title", "The product refused"),
            told.get("detail", f"{response.request.method} {response.request.url} was refused."),
            told.get("next_step", "Look at .demo/product.log."),
        )


def _show(api: Api, places: Places, stopping: threading.Event) -> None:
    campaign = _campaign(api, places)
    connection = _connection(api)
    sync = _sync(api, campaign["id"], connection["id"])
    console.print(f"Syncing the segment “{SEGMENT[0]}” of {connection['account']['name']} …")
    finished = _follow(api, api.post(f"/syncs/{sync['id']}/runs")["id"], stopping)
    _print_counts(finished)
    _print_link(api, campaign["id"])


def _campaign(api: Api, places: Places) -> Any:
    wanted = {"name": CAMPAIGN, "destination_url": places.shop}
    found = _first(api.get("/campaigns", limit=200)["data"], name=CAMPAIGN)
    if found is None:
        return api.post("/campaigns", wanted)
    # The shop may have moved to another port since the last time.
    return api.patch(f"/campaigns/{found['id']}", {"destination_url": places.shop})


def _connection(api: Api) -> Any:
    found = _first(api.get("/connections")["data"], provider="intercom", status="connected")
    return found or api.post("/connections", {"provider": "intercom", "access_token": SANDBOX_TOKEN})


def _sync(api: Api, campaign_id: str, connection_id: str) -> Any:
    for label, kind in CRM_FIELDS.items():
        api.post(f"/connections/{connection_id}/fields", {"label": label, "type": kind})
    segments = api.get(f"/connections/{connection_id}/segments")["data"]
    segment = _first(segments, name=SEGMENT[0], person_type=SEGMENT[1])
    body = {
        "audience": {"kind": "segments", "segment_ids": [segment["id"]], "exclude_segment_ids": []},
        "inbound": INBOUND,
        "outbound": OUTBOUND,
    }
    found = _first(api.get(f"/campaigns/{campaign_id}/syncs")["data"], connection_id=connection_id)
    if found is not None:
        return api.patch(f"/syncs/{found['id']}", body)
    return api.post(
        f"/campaigns/{campaign_id}/syncs", {"connection_id": connection_id, "type": "one_time", **body}
    )


def _first(rows: list[dict[str, Any]], **wanted: str) -> Any:
    return next((row for row in rows if all(row[key] == value for key, value in wanted.items())), None)


def _follow(api: Api, run_id: str, stopping: threading.Event) -> Any:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    deadline = time.monotonic() + RUN_SECONDS
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("plan", total=None)
        while (state := api.get(f"/runs/{run_id}"))["status"] not in FINISHED:
            counts = state["counts"]
            writing = state["phase"] == "write_back"
            done, total = ("written", "write_backs_due") if writing else ("read", "")
            everything = counts[total] if writing else state["total"]
            progress.update(bar, description=state["phase"], completed=counts[done], total=everything)
            if time.monotonic() > deadline:
                raise _failed("demo_too_slow", f"The run did not end in {RUN_SECONDS:.0f} seconds.")
            _pause(stopping, 0.2)
    return state


def _print_counts(state: Any) -> None:
    counts, error = state["counts"], state["error"]
    if state["status"] not in ("succeeded", "partial"):
        raise _failed(error["code"], error["message"]) if error else _failed("run_failed", "The run failed.")
    if counts["read"] != sum(counts[name] for name in OUTCOMES):
        raise _failed("counts_do_not_add_up", f"The counts of the run do not add up: {counts}")
    parts = " + ".join(f"{counts[name]} {name}" for name in OUTCOMES)
    console.print(f"{counts['read']} contacts read = {parts}")
    written = f"{counts['written']} of {counts['write_backs_due']} links written back"
    console.print(f"{written}, {state['api_calls']} calls to the CRM in all")


def _print_link(api: Api, campaign_id: str) -> None:
    link = api.get(f"/campaigns/{campaign_id}/referrers", limit=1)["data"][0]["referral_link"]
    answer = httpx2.get(link, headers={"User-Agent": "Mozilla/5.0 (demo)"}, trust_env=False)
    goal = answer.headers.get("location", "")
    if answer.status_code != 302 or "ref=" not in goal:
        raise _failed("link_does_not_redirect", f"{link} answered {answer.status_code}.")
    console.print(f"\nA referral link: {link}\n  leads to:      {goal}")


def _configure(places: Places) -> None:
    """From here on this process, and all it starts, is about the demo and nothing else on this machine."""
    for name in [name for name in os.environ if name.startswith("PASSALONG_") or name == "DATABASE_URL"]:
        del os.environ[name]
    os.environ |= {
        "PASSALONG_DATA_DIR": str((FOLDER / "data").resolve()),
        "PASSALONG_BASE_URL": places.product,
        "PASSALONG_INTERCOM_API_URL": places.sandbox,
        PARENT: str(os.getpid()),
    }
    settings.cache_clear()


def _owner() -> tuple[str, str]:
    from passalong.config.boot import application

    with application():
        from passalong.accounts import services, signin_links

        member, _new = services.set_up(OWNER, WORKSPACE)
        _token, secret = services.create_token(member.workspace_id, "demo")
        return secret, signin_links.link_for(member.user, LINK_LIFE)


def _start_parts(stack: ExitStack, ports: list[int]) -> dict[str, "subprocess.Popen[bytes]"]:
    people = ("--contacts", str(CONTACTS), "--seed", str(SEED))
    commands = {
        "product": ("up", "--port", str(ports[0])),
        "sandbox": ("sandbox", "intercom", "--port", str(ports[1]), *people),
    }
    return {name: stack.enter_context(_part(name, *command)) for name, command in commands.items()}


@contextmanager
def _part(name: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    with (FOLDER / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "passalong", *arguments], stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_parts(
    parts: dict[str, "subprocess.Popen[bytes]"], places: Places, stopping: threading.Event
) -> None:
    with console.status("Starting database, product and sandbox …"):
        for url in (f"{places.sandbox}/_sandbox/state", f"{places.product}/readyz"):
            _until(lambda url=url: _answers(url), parts, stopping)  # type: ignore[misc]
    console.print(f"Passalong runs at {places.product}, an Intercom look-alike at {places.sandbox}")


def _until(
    found: Callable[[], bool], parts: dict[str, "subprocess.Popen[bytes]"], stopping: threading.Event
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not found():
        _check(parts)
        if time.monotonic() > deadline:
            raise _failed("demo_not_starting", f"It did not start in {START_SECONDS:.0f} seconds.")
        _pause(stopping, 0.1)


def _serve(parts: dict[str, "subprocess.Popen[bytes]"], stopping: threading.Event) -> None:
    while not stopping.wait(0.5):
        _check(parts)


def _check(parts: dict[str, "subprocess.Popen[bytes]"]) -> None:
    for name, process in parts.items():
        if process.poll() is not None:
            last = (FOLDER / f"{name}.log").read_text(errors="replace").strip().splitlines()[-2:]
            raise _failed(f"{name}_ended", f"The {name} ended: {' '.join(last)}")


def _answers(url: str) -> bool:
    try:
        return bool(httpx2.get(url, timeout=5, trust_env=False).status_code == 200)
    except httpx2.HTTPError:
        return False


def _pause(stopping: threading.Event, seconds: float) -> None:
    if stopping.wait(seconds):
        raise Stopped(130)


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    stopping = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.signal(number, lambda *_: stopping.set()) for number in numbers]
    try:
        yield stopping
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _free_ports(first: int) -> list[int]:
    free = (port for port in range(first, min(first + 1000, 65536)) if is_free("127.0.0.1", port))
    ports = [port for port, _ in zip(free, range(3), strict=False)]
    if len(ports) < 3:
        raise _failed("no_free_port", f"There are no three free ports from {first} on.")
    return ports


def _serve_shop(stack: ExitStack, port: int) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", port), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stack.callback(server.shutdown)


class Shop(BaseHTTPRequestHandler):
    """Where the demo's referral links lead: a page that says which code it was reached with."""

    def do_GET(self) -> None:
        """One page for every address."""
        code = escape(parse_qs(urlsplit(self.path).query).get("ref", ["none"])[0])
        page = (
            "<!doctype html><html lang=en><meta charset=utf-8><title>Demo shop</title><h1>The demo shop</h1>"
            f"<p>Your own page would be here. You came with the referral code <code>{code}</code>.</p></html>"
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the screen is for the demo."""


def _failed(code: str, sentence: str) -> Problem:
    step = "Look at .demo/product.log and .demo/sandbox.log, or start over with --fresh."
    return Problem(500, code, "The demo failed", sentence, step)
