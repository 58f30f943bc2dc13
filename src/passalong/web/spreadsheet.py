"""CSV for people who open it in a spreadsheet: readable there, and nothing in it runs."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse

# What spreadsheets take for the beginning of a formula.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
# Tells spreadsheets that the file is UTF-8.
_MARK = "\ufeff"


def safe(cell: Any) -> str:
    """The cell as text that no spreadsheet runs."""
    text = str(cell)
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def csv_answer(name: str, rows: Iterable[Iterable[Any]]) -> StreamingHttpResponse:
    """A download, made while it is sent."""
    answer = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


class _Echo:
    def write(self, text: str) -> str:
        return text


def _lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    yield _MARK
    writer = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([safe(cell) for cell in row])
