"""Reading CSV files as people's programs write them, and as nobody should."""

import io
import tracemalloc

import pytest

from passalong.core.problems import Problem
from passalong.referrers.imports.table import inspect, read

TEXT = 'Email,First name\r\nada@example.com,Zoë\r\nbob@example.com,"Bob, the ""B"""\r\n'
ROWS = [["ada@example.com", "Zoë"], ["bob@example.com", 'Bob, the "B"']]


def rows_of(data: bytes) -> list[list[str]]:
    stream = io.BytesIO(data)
    table = inspect(stream)
    stream.seek(0)
    return [row.cells for row in read(stream, table.layout)]


def code_of(data: bytes) -> str:
    with pytest.raises(Problem) as refused:
        inspect(io.BytesIO(data))
    assert refused.value.status == 422
    assert refused.value.detail
    assert refused.value.next_step
    return refused.value.code


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_it_reads_each_encoding(encoding: str) -> None:
    assert rows_of(TEXT.encode(encoding)) == [["Email", "First name"], *ROWS]


def test_it_reads_a_big_endian_byte_order_mark() -> None:
    assert rows_of(b"\xfe\xff" + TEXT.encode("utf-16-be"))[1] == ["ada@example.com", "Zoë"]


def test_it_decides_the_encoding_by_the_whole_file() -> None:
    text = "Email,First name\n" + "ada@example.com,Ada\n" * 3000 + "zoe@example.com,Zoë\n"
    assert rows_of(text.encode("cp1252"))[-1] == ["zoe@example.com", "Zoë"]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_it_finds_each_separator(mark: str) -> None:
    text = (
        f"Email{mark}First name{mark}Note\nada@example.com{mark}Ada{mark}1\nbob@example.com{mark}Bob{mark}2\n"
    )
    assert rows_of(text.encode())[1] == ["ada@example.com", "Ada", "1"]


@pytest.mark.parametrize(
    ("header", "row", "cells"),
    [
        (
            "Email;Name",
            "ada@example.com;Lovelace, Ada, Countess",
            ["ada@example.com", "Lovelace, Ada, Countess"],
        ),
        ('Email;"Name, first"', "ada@example.com;Ada", ["ada@example.com", "Ada"]),
        ("Email;Name, first;Plan", "ada@example.com;Ada;pro", ["ada@example.com", "Ada", "pro"]),
        ("Email", "ada@example.com", ["ada@example.com"]),
    ],
)
def test_it_is_not_misled_by_other_separators(header: str, row: str, cells: list[str]) -> None:
    assert rows_of(f"{header}\n{row}\n".encode())[1] == cells


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_it_reads_each_kind_of_line_end(newline: str) -> None:
    text = newline.join(["Email,First name", "ada@example.com,Ada", "bob@example.com,Bob"])
    assert rows_of(text.encode())[2] == ["bob@example.com", "Bob"]


def test_it_keeps_lines_inside_quotes_and_numbers_rows_as_spreadsheets_do() -> None:
    stream = io.BytesIO(b'Email,Note\n\na@example.com,"one\ntwo"\n,\nb@example.com,x\n')
    table = inspect(stream)
    stream.seek(0)
    found = [(row.number, row.cells) for row in read(stream, table.layout)]
    assert table.total == 2
    assert found == [
        (1, ["Email", "Note"]),
        (3, ["a@example.com", "one\ntwo"]),
        (5, ["b@example.com", "x"]),
    ]


def test_it_names_every_column_once() -> None:
    table = inspect(io.BytesIO(b"Email,,Email,Plan\na@example.com,1,2,3\n"))
    assert table.columns == ["Email", "Column 2", "Email (2)", "Plan"]


def test_it_shows_the_first_five_rows() -> None:
    text = "Email,Note\n" + "".join(f"p{n}@example.com,{'x' * 500}\n" for n in range(9))
    table = inspect(io.BytesIO(text.encode()))
    assert table.total == 9
    assert [row[0] for row in table.sample] == [f"p{n}@example.com" for n in range(5)]
    assert len(table.sample[0][1]) == 200


def test_it_drops_nul_characters() -> None:
    assert rows_of(b"Email,First name\na\0da@example.com,A\0da\n" + b"b@example.com,Bob\n" * 9)[1] == [
        "ada@example.com",
        "Ada",
    ]


def test_it_keeps_formulas_and_html_as_text() -> None:
    cells = ["ada@example.com", "=HYPERLINK('x')", "<script>alert(1)</script>"]
    assert rows_of(f"Email,First name,Note\n{','.join(cells)}\n".encode())[1] == cells


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_empty"),
        (b" \r\n \r\n", "file_empty"),
        (b"\xef\xbb\xbf", "file_empty"),
        (b"Email,Note\na@example.com," + b"x" * 10_000_000, "cell_too_long"),
        (b'Email,Note\na@example.com,"' + b"x\n" * 6000, "cell_too_long"),
        (b",".join([b"c"] * 5000) + b"\n" + b",".join([b"1"] * 5000), "too_many_columns"),
        (b"Email,Note\n" + b"," * 2_000_000, "too_many_columns"),
        (b"Email\n" + b",".join([b'""""' * 2000] * 150), "row_too_long"),
        (b'Email,Note\na@example.com,"never closed\nb@example.com,Bob\n', "broken_quotes"),
        (b'Email,Note\na@example.com,"half"way\n', "broken_quotes"),
        (b"PK\x03\x04" + bytes(range(256)) * 40, "not_csv"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "not_csv"),
        (bytes(range(1, 256)) * 100, "not_csv"),
        (b"\x00" * 5000, "not_csv"),
        (b"\x01\x02\x03\x04" * 5000, "not_csv"),
        (b"\xef\xbb\xbfEmail\nzo\xeb@example.com\n", "unreadable_text"),
        (b"\xff\xfeE\x00\x00\xd8\x00", "unreadable_text"),
    ],
)
def test_it_says_why_it_refuses(data: bytes, code: str) -> None:
    assert code_of(data) == code


def test_it_refuses_more_than_two_hundred_thousand_rows() -> None:
    assert code_of(b"Email\n" + b"a@example.com\n" * 200_001) == "too_many_rows"


def test_it_takes_two_hundred_columns_and_cells_of_ten_thousand_characters() -> None:
    header = ",".join(f"c{n}" for n in range(200))
    row = ",".join(["x" * 10_000, *["y"] * 199])
    assert inspect(io.BytesIO(f"{header}\n{row}\n".encode())).total == 1


def test_it_names_the_row_in_its_words() -> None:
    with pytest.raises(Problem) as refused:
        inspect(io.BytesIO(b'Email,Note\na@example.com,ok\nb@example.com,"half"way\n'))
    assert refused.value.detail == (
        "The quotation marks in row 3 do not pair up, so we cannot tell where a cell ends."
    )


@pytest.mark.parametrize("line", [b"x" * 40_000_000, b"," * 40_000_000], ids=["one cell", "all commas"])
def test_it_holds_little_of_a_hostile_file(line: bytes) -> None:
    stream = io.BytesIO(b"Email,Note\n" + line)
    tracemalloc.start()
    try:
        with pytest.raises(Problem):
            inspect(stream)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000
