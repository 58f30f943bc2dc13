"""Reads a CSV file a little at a time, whatever its encoding and separator, and refuses what is none.

The bytes come from a stream that need not fit into memory; the standard library's `csv` does the parsing.
"""

import codecs
import csv
import io
import re
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO

from passalong.referrers.imports import problems

SAMPLE_ROWS = 5
SAMPLE_CELL = 200
HEAD = 16 * 1024
DELIMITERS = ",;\t"
_BLOCK = 256 * 1024
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NEVER_CSV = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Layout:
    """How the bytes become rows."""

    encoding: str
    delimiter: str


@dataclass(frozen=True)
class Row:
    """One row that says something; `number` counts as spreadsheets do, blank rows and the header included."""

    number: int
    cells: list[str]


@dataclass(frozen=True)
class Table:
    """A file that was read to its end once: its columns, its first rows, and how many rows there are."""

    layout: Layout
    columns: list[str]
    sample: list[list[str]]
    total: int


def inspect(stream: BinaryIO) -> Table:
    """Read all of a seekable file; Problem 422 with a stable code when it cannot be taken."""
    layout = _layout(stream)
    stream.seek(0)
    sample: list[list[str]] = []
    total = 0
    with closing(read(stream, layout)) as rows:
        header = next(rows, None)
        if header is None:
            raise problems.empty()
        for row in rows:
            total += 1
            if total > problems.ROWS:
                raise problems.too_many_rows()
            if total <= SAMPLE_ROWS:
                sample.append([cell[:SAMPLE_CELL] for cell in row.cells])
    return Table(layout, _named(header.cells), sample, total)


def read(stream: BinaryIO, layout: Layout) -> Generator[Row, None, None]:
    """The rows with anything in them, the header first."""
    csv.field_size_limit(problems.CELL)
    text = io.TextIOWrapper(stream, encoding=layout.encoding, newline="")
    lines = _Lines(text)
    number = 0
    try:
        for cells in csv.reader(lines, delimiter=layout.delimiter, strict=True):
            number += 1
            if len(cells) > problems.COLUMNS:
                raise problems.too_many_columns(number, len(cells))
            if lines.cut:
                raise problems.row_too_long(number)
            clean = [cell.replace("\0", "").strip() for cell in cells]
            if any(clean):
                yield Row(number, clean)
    except csv.Error as error:
        too_long = "field limit" in str(error)
        raise (problems.cell_too_long if too_long else problems.broken_quotes)(number + 1) from None
    except UnicodeError:
        raise problems.unreadable_text() from None
    finally:
        # The stream is the caller's; a forgotten wrapper would close it.
        if not stream.closed:
            text.detach()


class _Lines(Iterator[str]):
    """The lines of a text, none longer than we care to hold: `cut` says that one was."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.cut = False

    def __next__(self) -> str:
        line = self._text.readline(problems.LINE)
        if not line:
            raise StopIteration
        self.cut = self.cut or (len(line) == problems.LINE and line[-1] not in "\r\n")
        return line


def _layout(stream: BinaryIO) -> Layout:
    stream.seek(0)
    head = stream.read(HEAD)
    if not head.strip():
        raise problems.empty()
    encoding = _encoding(head, stream)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    if len(_CONTROL.findall(text)) * 10 > len(text):
        raise problems.not_csv()
    return Layout(encoding, _delimiter(text))


def _encoding(head: bytes, stream: BinaryIO) -> str:
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    if head.startswith(_NEVER_CSV):
        raise problems.not_csv()
    # Latin letters in UTF-16 leave every second byte zero.
    if head[1::2].count(0) * 2 > len(head[1::2]):
        return "utf-16-le"
    if head[::2].count(0) * 2 > len(head[::2]):
        return "utf-16-be"
    if _holds(stream, "utf-8"):
        return "utf-8"
    if _holds(stream, "cp1252"):
        return "cp1252"
    raise problems.not_csv()


def _holds(stream: BinaryIO, encoding: str) -> bool:
    """Whether all of the file is text in this encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    stream.seek(0)
    try:
        while block := stream.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _delimiter(text: str) -> str:
    """The sniffer's opinion where the header agrees, else what the header has most of, else a comma."""
    lines = [line for line in text.replace("\0", "").splitlines() if line.strip()]
    header = re.sub(r'"[^"]*"', "", lines[0]) if lines else ""
    counts = {mark: header.count(mark) for mark in DELIMITERS}
    likely = max(counts, key=lambda mark: counts[mark])
    if sum(1 for count in counts.values() if count) < 2:
        return likely if counts[likely] else ","
    try:
        sniffed = csv.Sniffer().sniff("\n".join(lines[:20])[:4096], DELIMITERS).delimiter
    except csv.Error:
        return likely
    return sniffed if counts.get(sniffed) else likely


def _named(header: list[str]) -> list[str]:
    """Every column under a name of its own: `Email`, `Email (2)`, `Column 3`."""
    names: list[str] = []
    for place, cell in enumerate(header, start=1):
        wanted = cell[:SAMPLE_CELL] or f"Column {place}"
        name, again = wanted, 2
        while name in names:
            name, again = f"{wanted} ({again})", again + 1
        names.append(name)
    return names
