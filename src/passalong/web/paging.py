"""Addresses and words of a cursor page: the position travels in the address, only to be shown."""

from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest
from django.utils.translation import gettext as _

from passalong.core.pages import CursorPage

PAGE = 50
HIGHEST = 10_000_000


def addresses(request: HttpRequest, page: CursorPage[Any], total: int | None = None) -> dict[str, Any]:
    """`shown`, `next_url` and `first_url` for components/pager.html."""
    start = _start(request)
    query = request.GET.copy()
    query.pop("cursor", None)
    query.pop("start", None)
    first = f"?{query.urlencode()}"
    if page.next_cursor:
        query["cursor"] = page.next_cursor
        query["start"] = str(start + len(page.items))
    return {
        "shown": _shown(start, len(page.items), total),
        "next_url": f"?{query.urlencode()}" if page.next_cursor else "",
        "first_url": first if request.GET.get("cursor") else "",
    }


def _start(request: HttpRequest) -> int:
    text = request.GET.get("start", "")
    known = request.GET.get("cursor") and text.isascii() and text.isdigit() and len(text) < 9
    return min(int(text), HIGHEST) if known else 1


def _shown(start: int, count: int, total: int | None) -> str:
    span = f"{intcomma(start)}–{intcomma(start + count - 1)}"  # noqa: RUF001
    if total is None:
        return _("Showing %(span)s") % {"span": span}
    return _("Showing %(span)s of %(total)s") % {"span": span, "total": intcomma(total)}
