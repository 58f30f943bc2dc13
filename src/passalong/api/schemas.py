"""Shapes that several nouns share. Shapes and types are checked here, meaning in the services."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from ninja.responses import NinjaJSONEncoder
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from passalong.core.pages import CursorPage

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


class Body(BaseModel):
    """What a caller sends: JSON types as they are, and no field that is not listed."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Paging(BaseModel):
    """Which part of a list."""

    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="At most so many rows.")
    cursor: str = Field("", description="The `next_cursor` of the page before.")


class Page(BaseModel, Generic[T]):
    """A part of a list; `next_cursor` is null on the last one."""

    data: list[T]
    next_cursor: str | None


class Everything(BaseModel, Generic[T]):
    """A list that fits into one answer."""

    data: list[T]


class FieldProblemOut(BaseModel):
    """What is wrong with one field, by its path (`inbound[2].to`)."""

    field: str
    message: str


class Problem(BaseModel):
    """Why a call was refused (RFC 9457): a stable `code`, a sentence, and what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    next_step: str
    errors: list[FieldProblemOut]


class Failure(BaseModel):
    """Why a run or a preview ended badly."""

    code: str
    message: str
    next_step: str


def plain(shape: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    """The same, as the JSON that an answer would have."""
    return lambda row: json.loads(json.dumps(shape(row), cls=NinjaJSONEncoder))


def page(found: CursorPage[Any], rows: list[T]) -> dict[str, Any]:
    """A page with its rows rendered."""
    return {"data": rows, "next_cursor": found.next_cursor}


def failure(error: dict[str, Any] | None) -> Failure | None:
    """A run's stored error."""
    return Failure.model_validate(error) if error else None


def choice(*values: str, **constraints: Any) -> Any:
    """A text whose values the document lists and the service checks, so that its message names the row."""
    return Field(json_schema_extra={"enum": list(values)}, **constraints)


def _scalar(value: object) -> object:
    if isinstance(value, dict | list):
        raise PydanticCustomError("scalar_type", "Input should be a text, a number, true, false or null")
    return value


def _value(value: object) -> object:
    if value is None or isinstance(value, dict | list):
        raise PydanticCustomError("value_type", "Input should be a text, a number, true or false")
    return value


# One error for a wrong type instead of one for each type it might have been.
Scalar = Annotated[
    Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})
]
Value = Annotated[Any, BeforeValidator(_value), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Moment = Annotated[datetime, Field(description="RFC 3339, UTC.")]
