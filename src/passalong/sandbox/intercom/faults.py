"""Scripted misbehaviour: each kind is something the real service has been seen to do (§9, §10)."""

from __future__ import annotations

import random
from typing import Any, Literal

import msgspec

Kind = Literal[
    "500",
    "503",
    "502_html",
    "429",
    "429_far",
    "status",
    "empty_200",
    "not_json",
    "truncated_json",
    "timeout",
    "timeout_after_commit",
    "drop_connection",
    "drop_after_commit",
    "slow",
    "repeated_cursor",
    "drop_record",
    "duplicate_record",
    "count_mismatch",
    "next_null",
    "pages_missing",
    "per_page_string",
]
# Kinds that only mean something for a page of a list
PAGE_KINDS = frozenset(
    ["repeated_cursor", "drop_record", "duplicate_record", "next_null", "pages_missing", "per_page_string"]
)


class Match(msgspec.Struct, forbid_unknown_fields=True):
    """Which calls: all that are given must hold. `skip` lets the first N matching calls pass,
    `every` takes only each Nth of the rest."""

    method: str | None = None
    path: str | None = None  # the pattern, as in `/contacts/{contact_id}`
    path_prefix: str | None = None
    body_contains: str | None = None
    skip: int = 0
    every: int = 1
    probability: float = 1.0
    seed: int = 0


class Fault(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    kind: Kind
    match: Match = msgspec.field(default_factory=Match)
    times: int | None = 1
    status: int = 500  # kind "status"
    code: str = "server_error"
    message: str | None = None
    reset_in: int = 30  # "429", "429_far": seconds until the announced reset
    ms: int = 1000  # "slow"
    index: int = 0  # "drop_record", "duplicate_record": which one of the page
    delta: int = 7  # "count_mismatch": added to every count
    commit: bool = False  # "500", "502_html", "503", "status", "drop_connection": the write is applied first


class Armed:
    """One fault and how often it has been met."""

    def __init__(self, fault_id: int, fault: Fault) -> None:
        self.id, self.fault = fault_id, fault
        self.seen, self.fired = 0, 0
        self._random = random.Random(fault.match.seed)  # noqa: S311 - repeatable, not secret

    @property
    def spent(self) -> bool:
        return self.fault.times is not None and self.fired >= self.fault.times

    def fires(self, method: str, pattern: str, path: str, body: bytes) -> bool:
        match = self.fault.match
        if self.spent or not self._describes(method, pattern, path, body):
            return False
        self.seen += 1
        turn = self.seen - match.skip
        if turn <= 0 or (turn - 1) % match.every:
            return False
        if match.probability < 1 and self._random.random() >= match.probability:
            return False
        self.fired += 1
        return True

    def _describes(self, method: str, pattern: str, path: str, body: bytes) -> bool:
        match = self.fault.match
        return (
            match.method in (None, method)
            and match.path in (None, pattern)
            and (match.path_prefix is None or path.startswith(match.path_prefix))
            and (match.body_contains is None or match.body_contains.encode() in body)
            # the same cursor again needs one to repeat
            and (self.fault.kind != "repeated_cursor" or b"starting_after" in body or method == "GET")
        )

    def wire(self) -> dict[str, Any]:
        body: dict[str, Any] = msgspec.to_builtins(self.fault)
        return {"id": self.id, "seen": self.seen, "fired": self.fired, **body}


class Faults:
    def __init__(self) -> None:
        self.armed: list[Armed] = []
        self._last_id = 0

    def add(self, fault: Fault) -> Armed:
        self._last_id += 1
        armed = Armed(self._last_id, fault)
        self.armed.append(armed)
        return armed

    def clear(self, fault_id: int | None = None) -> None:
        self.armed = [a for a in self.armed if fault_id is not None and a.id != fault_id]

    def pick(self, method: str, pattern: str, path: str, body: bytes) -> Fault | None:
        """The first armed fault that fires; the others do not see this call."""
        for armed in self.armed:
            if armed.fires(method, pattern, path, body):
                return armed.fault
        return None


def bend(fault: Fault, body: bytes, cursor: str | None) -> bytes:
    """A right answer made wrong in the way of the fault."""
    if fault.kind == "empty_200":
        return b""
    if fault.kind == "not_json":
        return b"OK"
    if fault.kind == "truncated_json":
        return body[: max(len(body) * 2 // 3, 1)]
    answer = msgspec.json.decode(body)
    if isinstance(answer, dict):
        _bend_list(fault, answer, cursor)
    return msgspec.json.encode(answer)


def _bend_list(fault: Fault, answer: dict[str, Any], cursor: str | None) -> None:
    if fault.kind == "count_mismatch":
        _miscount(answer, fault.delta)
    data, pages = answer.get("data"), answer.get("pages")
    if not isinstance(data, list) or not isinstance(pages, dict):
        return
    if fault.kind == "drop_record" and data:
        del data[min(fault.index, len(data) - 1)]
    elif fault.kind == "duplicate_record" and data:
        data.append(data[min(fault.index, len(data) - 1)])
    elif fault.kind == "next_null":
        pages["next"] = None
    elif fault.kind == "pages_missing":
        del answer["pages"]
    elif fault.kind == "per_page_string":
        pages["per_page"] = str(pages.get("per_page"))
    elif fault.kind == "repeated_cursor" and cursor:
        pages["next"] = {"page": pages.get("page"), "starting_after": cursor}


def _miscount(answer: dict[str, Any], delta: int) -> None:
    if "total_count" in answer:
        answer["total_count"] += delta
    for segment in [answer, *answer.get("segments", [])]:
        if "count" in segment:
            segment["count"] += delta
