"""A real sandbox process for tests, and typed hands on its control endpoints."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2

TOKEN = "sandbox-token"
NOW = 1_790_000_000  # a fixed base time: the same people every day
_PATIENCE = 30.0


class Control:
    """`/_sandbox`, method by method. Raises on any refusal."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.Client(base_url=f"{url}/_sandbox", timeout=60, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        answer = self._client.request(method, path, json=body, params=query or None)
        if answer.status_code >= 400:
            msg = f"{method} {path}: {answer.status_code} {answer.text}"
            raise RuntimeError(msg)
        return answer.json()

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._ask("GET", "/state")
        return state

    def counts(self) -> dict[str, int]:
        """Calls since the last reset by "METHOD /pattern"."""
        calls: dict[str, int] = self.state()["calls"]
        return calls

    def reset(self) -> None:
        self._ask("POST", "/reset")

    def settings(self, **changes: Any) -> dict[str, Any]:
        settings: dict[str, Any] = self._ask("POST", "/settings", changes)
        return settings

    def latency(self, ms: float) -> None:
        self.settings(latency_ms=ms)

    def down(self, value: bool = True) -> None:
        self.settings(down=value)

    def advance(self, seconds: float) -> None:
        self._ask("POST", "/clock", {"advance": seconds})

    def add_fault(self, kind: str, *, match: dict[str, Any] | None = None, **rest: Any) -> int:
        body = {"kind": kind, "match": match or {}, **rest}
        fault_id: int = self._ask("POST", "/faults", body)["id"]
        return fault_id

    def faults(self) -> list[dict[str, Any]]:
        faults: list[dict[str, Any]] = self._ask("GET", "/faults")["data"]
        return faults

    def clear_faults(self) -> None:
        self._ask("DELETE", "/faults")

    def add_token(
        self, token: str, *, scopes: list[str] | None = None, missing: list[str] | None = None
    ) -> None:
        self._ask("POST", "/tokens", {"token": token, "scopes": scopes, "missing": missing or []})

    def revoke_token(self, token: str = TOKEN) -> None:
        self._ask("DELETE", f"/tokens/{token}")

    def dump(self) -> list[dict[str, Any]]:
        """Every contact, also those no list shows: see `sandbox.status` and `sandbox.segments` in each."""
        data: list[dict[str, Any]] = self._ask("GET", "/contacts")["data"]
        return data

    def add_contact(self, **fields: Any) -> dict[str, Any]:
        contact: dict[str, Any] = self._ask("POST", "/contacts", fields)
        return contact

    def patch_contact(self, contact_id: str, **fields: Any) -> dict[str, Any]:
        contact: dict[str, Any] = self._ask("PATCH", f"/contacts/{contact_id}", fields)
        return contact

    def archive_contact(self, contact_id: str) -> None:
        self._ask("POST", f"/contacts/{contact_id}/archive")

    def delete_contact(self, contact_id: str) -> None:
        self._ask("POST", f"/contacts/{contact_id}/delete")

    def merge_contact(self, contact_id: str, into: str) -> None:
        self._ask("POST", f"/contacts/{contact_id}/merge", {"into": into})

    def segment_id(self, name: str, person_type: str = "user") -> str:
        """By name and kind: "contact" is a segment of leads."""
        for segment in self.state()["segments"]:
            if (segment["name"], segment["person_type"]) == (name, person_type):
                return str(segment["id"])
        raise LookupError(name)

    def members(self, segment_id: str) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = self._ask("GET", f"/segments/{segment_id}/members")["data"]
        return data

    def add_segment(self, name: str, rules: list[dict[str, Any]], person_type: str = "user") -> str:
        body = {"name": name, "rules": rules, "person_type": person_type}
        return str(self._ask("POST", "/segments", body)["id"])

    def delete_segment(self, segment_id: str) -> None:
        self._ask("DELETE", f"/segments/{segment_id}")

    def add_attribute(self, name: str, data_type: str = "string", options: list[str] | None = None) -> None:
        self._ask("POST", "/attributes", {"name": name, "data_type": data_type, "options": options or []})

    def archive_attribute(self, name: str) -> None:
        self._ask("POST", f"/attributes/{name}/archive")

    def unarchive_attribute(self, name: str) -> None:
        self._ask("POST", f"/attributes/{name}/unarchive")

    def delete_attribute(self, name: str) -> None:
        self._ask("DELETE", f"/attributes/{name}")

    def digest(self, *, full: bool = False) -> dict[str, Any]:
        """`contacts` and `attributes`: hashes of what writes can change, without the times of the writes."""
        digest: dict[str, Any] = self._ask("GET", "/digest", full=str(full).lower())
        return digest

    def aim_webhook(self, url: str, **options: Any) -> None:
        self._ask("PUT", "/webhook", {"url": url, **options})

    def stop_webhook(self) -> None:
        self._ask("DELETE", "/webhook")

    def webhook(self) -> dict[str, Any]:
        log: dict[str, Any] = self._ask("GET", "/webhook")
        return log

    def drain_webhook(self, patience: float = 5) -> bool:
        return bool(self._ask("POST", "/webhook/drain", {"patience": patience})["drained"])

    def ping_webhook(self) -> None:
        self._ask("POST", "/webhook/ping")


@dataclass
class Sandbox:
    url: str
    control: Control
    process: subprocess.Popen[bytes]

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        self.process.terminate()
        return self.process.wait(10)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@contextlib.contextmanager
def start_sandbox(
    *,
    contacts: int = 500,
    seed: int = 1,
    rate_limit: int | None = 1_000_000,
    latency_ms: int = 0,
    now: int | None = NOW,
    timezone: str = "America/Los_Angeles",
    port: int | None = None,
) -> Iterator[Sandbox]:
    """A running sandbox. The rate limit is out of the way unless given (None: the real 1,666)."""
    port = port or _free_port()
    options = {
        "port": port,
        "contacts": contacts,
        "seed": seed,
        "rate-limit": rate_limit,
        "latency-ms": latency_ms,
        "now": now,
        "timezone": timezone,
    }
    arguments = [f"--{name}={value}" for name, value in options.items() if value is not None]
    command = [sys.executable, "-m", "passalong.sandbox.intercom", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    control = Control(f"http://127.0.0.1:{port}")
    try:
        _wait(control, process)
        yield Sandbox(f"http://127.0.0.1:{port}", control, process)
    finally:
        control.close()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(control: Control, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            msg = f"the sandbox ended with {process.returncode} before it was ready"
            raise RuntimeError(msg)
        try:
            if control.state()["pid"] == process.pid:  # and not somebody else's on that port
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.05)
    msg = f"the sandbox was not ready after {_PATIENCE} s"
    raise TimeoutError(msg)
