"""Cursor paging over time-ordered ids: the same speed on page one and page ten thousand."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import models

from passalong.core.problems import FieldProblem, invalid

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True)
class CursorPage(Generic[M]):
    """Some rows, newest first, and where the next ones begin (None: there are no more)."""

    items: list[M]
    next_cursor: str | None


def page_of(
    rows: models.QuerySet[M], *, limit: int, cursor: str | None, newest_first: bool = True
) -> CursorPage[M]:
    """At most `limit` rows after `cursor`, ordered by primary key."""
    if cursor:
        place = position(rows.model, cursor)
        rows = rows.filter(pk__lt=place) if newest_first else rows.filter(pk__gt=place)
    return cut(list(rows.order_by("-pk" if newest_first else "pk")[: limit + 1]), limit)


def cut(items: list[M], limit: int) -> CursorPage[M]:
    """A page of `limit` out of items of which one more than that was asked for."""
    more = len(items) > limit
    items = items[:limit]
    return CursorPage(items, _encode(items[-1].pk) if more else None)


def _encode(key: UUID | int) -> str:
    raw = key.bytes if isinstance(key, UUID) else str(key).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def position(model: type[models.Model], cursor: str) -> Any:
    """The primary key a cursor stands for; Problem 422 `invalid_cursor` when it is not one of ours."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return UUID(bytes=raw) if isinstance(model._meta.pk, models.UUIDField) else int(raw)
    except (binascii.Error, ValueError):
        problem = FieldProblem("cursor", "This cursor is not one this list gave out.")
        raise invalid([problem], code="invalid_cursor") from None
