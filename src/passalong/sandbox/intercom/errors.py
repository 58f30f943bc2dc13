"""The refusals of the API with the exact words clients match on (docs/reference/intercom.md §3, §5, §9)."""

from __future__ import annotations

import itertools
import os
from typing import Any

import msgspec

_counter = itertools.count(int.from_bytes(os.urandom(6), "big"))
_ALPHABET = "0123456789abcdefghijklmnopqrstuv"


class ApiError(Exception):
    """Rendered as an `error.list`."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str | None,
        *,
        field: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.field = status, code, message, field
        self.headers = headers or {}


class MalformedJsonError(Exception):
    """Answered with a shape of its own, which is not an `error.list` (§9)."""


def request_id() -> str:
    """20 characters of base32, as recorded live; the documentation shows UUIDs (§9)."""
    number, text = next(_counter), ""
    for _ in range(20):
        number, digit = divmod(number, 32)
        text = _ALPHABET[digit] + text
    return text


def error_body(error: ApiError, rid: str | None) -> bytes:
    one: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.field is not None:
        one["field"] = error.field
    body: dict[str, Any] = {"type": "error.list", "errors": [one]}
    if error.code != "media_type_not_acceptable":  # that one carries no request_id (§9)
        body = {"type": "error.list", "request_id": rid, "errors": [one]}
    return msgspec.json.encode(body)


def malformed_json_body(detail: str, rid: str) -> bytes:
    text = f"There was a problem in the JSON you submitted [{rid}]: {detail}"
    return msgspec.json.encode({"status": 400, "error": text})


def unauthorized() -> ApiError:
    return ApiError(401, "unauthorized", "Access Token Invalid")


def not_found(message: str = "Resource Not Found") -> ApiError:
    return ApiError(404, "not_found", message)


def user_not_found() -> ApiError:
    return not_found("User Not Found")


def merged(canonical: str) -> ApiError:
    """410 with the way to the survivor, from 2.16 on (§3.5)."""
    return ApiError(
        410,
        "contact_merged",
        "This contact has been merged. See the 'Link' header for the canonical contact.",
        headers={"link": f'</contacts/{canonical}>; rel="canonical"'},
    )


def invalid(message: str, *, field: str | None = None) -> ApiError:
    return ApiError(400, "parameter_invalid", message, field=field)


def conflict(contact_id: str, *, archived: bool) -> ApiError:
    which = "An archived" if archived else "A"
    return ApiError(
        409, "conflict", f"{which} contact matching those details already exists with id={contact_id}"
    )


def server_error() -> ApiError:
    return ApiError(500, "server_error", "Server Error")


def bad_cursor() -> ApiError:
    return ApiError(
        400,
        "client_error",
        "Invalid starting_after param. "
        "Please try again using a starting_after value from a paginated response",
    )


def rate_limited(limit: int) -> ApiError:
    return ApiError(429, "rate_limit_exceeded", f"Exceeded rate limit of {limit} in 10_seconds")
