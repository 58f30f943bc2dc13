"""Pages by cursor: base64 of [sort value, id, next page], no memory of what was shown before (§3.2)."""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from typing import Any

import msgspec

from passalong.sandbox.intercom.errors import bad_cursor, invalid, server_error
from passalong.sandbox.intercom.index import Order

LARGEST = 150
_REMEMBERED = 20_000


def make_cursor(value: Any, contact_id: str, page: int, *, is_date: bool) -> str:
    """Dates in milliseconds; -1 where the contact has no value (§3.2)."""
    if value is None:
        value = -1
    elif is_date:
        value *= 1000
    return base64.b64encode(msgspec.json.encode([value, contact_id, page])).decode()


def read_cursor(cursor: Any, *, is_date: bool) -> tuple[Any, str, int]:
    if cursor == "":
        raise server_error()  # reported as a 500, unlike any other wrong cursor (§3.2)
    if not isinstance(cursor, str):
        raise bad_cursor()  # null as well (§10.5)
    try:
        decoded = msgspec.json.decode(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise bad_cursor() from None
    match decoded:
        case [value, str(contact_id), int(page)]:
            if value == -1:
                return None, contact_id, page
            if is_date:
                if not isinstance(value, int):
                    raise server_error()
                value //= 1000
            return value, contact_id, page
    raise bad_cursor()


def page_size(given: Any, default: int, *, clamp: bool = False) -> int:
    if given is None:
        return default
    try:
        size = int(given)
    except (TypeError, ValueError):
        raise invalid("Per Page is invalid") from None
    if size < 1:
        raise invalid("Per Page is too small")
    if size > LARGEST:
        if clamp:
            return LARGEST
        raise invalid("Per Page is too big")
    return size


class Issued:
    """Which sort each recent cursor was given out for: going on with another one is a 500 (§3.3).

    Only that refusal depends on it; a cursor from before a restart is as good as any.
    """

    def __init__(self) -> None:
        self._sorts: OrderedDict[str, set[Order]] = OrderedDict()

    def note(self, cursor: str, order: Order) -> None:
        self._sorts.setdefault(cursor, set()).add(order)
        if len(self._sorts) > _REMEMBERED:
            self._sorts.popitem(last=False)

    def check(self, cursor: str, order: Order) -> None:
        known = self._sorts.get(cursor)
        if known is not None and order not in known:
            raise server_error()
