"""The switches of the sandbox: what a test may want to bend, and what nobody has established."""

from __future__ import annotations

from typing import Literal

import msgspec


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """Set by `POST /_sandbox/settings`, any part of it at a time."""

    latency_ms: float = 0
    # seconds until a write is seen by search and lists; "a few minutes" in the real thing (§3.4)
    lag: float = 0
    timezone: str = "America/Los_Angeles"
    # True: every connection is closed without an answer
    down: bool = False
    rate_limit: int = 1_666
    # the version used where no header asks for one: the app's setting in the Developer Hub (§1)
    app_version: str = "2.16"
    # not established (§14.1): what a search by an unknown or deleted segment answers
    unknown_segment: Literal["empty", "error"] = "empty"
    # not established (§14.11): creating a user with another user's email
    same_email_create: Literal["conflict", "allow"] = "conflict"
    # 401 or 403 for a token without the permission (§2.2)
    missing_scope: Literal["by_endpoint", "401", "403"] = "by_endpoint"
    # not established (§14.2): a search page of more than 150
    search_page_too_big: Literal["error", "clamp"] = "error"
    # not established (§14.4)
    long_string: Literal["error", "truncate"] = "error"
    list_option: Literal["error", "accept"] = "error"
    lead_null_attribute: Literal["accept", "error"] = "accept"


def changed(current: Settings, patch: dict[str, object]) -> Settings:
    """The settings with `patch` applied; raises `msgspec.ValidationError` for anything unknown."""
    return msgspec.convert({**msgspec.to_builtins(current), **patch}, Settings)
