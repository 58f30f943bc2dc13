"""Reading what callers send: strict JSON, and no text that the database cannot hold."""

from collections.abc import Iterator
from typing import Any

import msgspec
from django.http import HttpRequest
from ninja.parser import Parser

from passalong.api.errors import field_path
from passalong.core.problems import FieldProblem, Problem, invalid

NUL_MESSAGE = "This text holds a NUL character, which is not allowed."


class StrictJson(Parser):
    """JSON as RFC 8259 has it: UTF-8, no NaN, no lone surrogates."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The decoded body; Problem 415 for another type, 400 for what is not JSON, 422 for NUL."""
        if request.content_type and not _is_json(request.content_type):
            raise _unsupported(request.content_type)
        try:
            decoded = msgspec.json.decode(request.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise _malformed(error) from error
        problems = [FieldProblem(place or "body", NUL_MESSAGE) for place in _nul_places(decoded, ())]
        if problems:
            raise invalid(problems)
        return decoded


def refuse_nul_in_query(request: HttpRequest) -> None:
    """Problem 422 when a query parameter holds a NUL character."""
    found = [name for name, values in request.GET.lists() if any("\0" in text for text in [name, *values])]
    if found:
        raise invalid([FieldProblem(name.replace("\0", ""), NUL_MESSAGE) for name in found])


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or content_type.endswith("+json")


def _nul_places(value: Any, place: tuple[str | int, ...]) -> Iterator[str]:
    if isinstance(value, str) and "\0" in value:
        yield field_path(place)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nul_places(item, (*place, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _nul_places(key, place)
            yield from _nul_places(item, (*place, key))


def _unsupported(content_type: str) -> Problem:
    return Problem(
        415,
        "unsupported_media_type",
        "Unsupported media type",
        f"The body was sent as {content_type[:100]}.",
        "Send JSON with the header Content-Type: application/json.",
    )


def _malformed(error: Exception) -> Problem:
    return Problem(
        400,
        "malformed_json",
        "Malformed JSON",
        f"The body is not valid JSON: {error}.",
        "Send valid JSON in UTF-8.",
    )
