"""Why a file cannot be taken: a stable code, a sentence, and what to do."""

from passalong.core.problems import FieldProblem, Problem

FILE_BYTES = 50 * 1024 * 1024
ROWS = 200_000
COLUMNS = 200
CELL = 10_000
LINE = 1_000_000


def _refused(code: str, detail: str, next_step: str) -> Problem:
    return Problem(422, code, "File not usable", detail, next_step, [FieldProblem("file", detail)])


def no_file() -> Problem:
    """Nothing was chosen."""
    return _refused("file_missing", "No file was sent.", "Choose a CSV file and send it again.")


def empty() -> Problem:
    """Nothing in it."""
    return _refused("file_empty", "The file is empty.", "Export the list again, then upload that file.")


def no_rows() -> Problem:
    """Only a header."""
    return _refused(
        "no_rows", "The file has column names but no people.", "Add one row for each person below them."
    )


def too_large() -> Problem:
    """More bytes than we take."""
    return _refused(
        "file_too_large",
        "The file is over 50 MB.",
        "Take out columns that are not needed, or split the file and upload the parts.",
    )


def too_many_rows() -> Problem:
    """More people than we take at once."""
    return _refused(
        "too_many_rows",
        f"The file has more than {ROWS:,} rows.",
        "Split it, and upload the parts one after the other.",
    )


def too_many_columns(row: int, count: int) -> Problem:
    """Wider than we take."""
    return _refused(
        "too_many_columns",
        f"Row {row:,} has {count:,} columns; at most {COLUMNS} can be read.",
        "Take out the columns that are not needed and upload the file again.",
    )


def cell_too_long(row: int) -> Problem:
    """Longer than any name or note; mostly a quotation mark that is never closed."""
    return _refused(
        "cell_too_long",
        f"Row {row:,} has a cell of more than {CELL:,} characters.",
        "Shorten it, or look for a quotation mark in this row that is never closed.",
    )


def row_too_long(row: int) -> Problem:
    """Longer than any row of a list of people."""
    return _refused(
        "row_too_long",
        f"Row {row:,} has more than {LINE:,} characters.",
        "Take out the columns that are not needed and upload the file again.",
    )


def broken_quotes(row: int) -> Problem:
    """Quotation marks that do not pair up: rows would run into each other."""
    return _refused(
        "broken_quotes",
        f"The quotation marks in row {row:,} do not pair up, so we cannot tell where a cell ends.",
        "Correct that row, or export the list again, and upload the file again.",
    )


def not_csv() -> Problem:
    """Not text at all."""
    return _refused(
        "not_csv",
        "This is not a CSV file.",
        "Open it in your spreadsheet program, choose “Save as” or “Download” with the type CSV, "
        "and upload that file.",
    )


def unreadable_text() -> Problem:
    """Text in an encoding that does not hold for all of it."""
    return _refused(
        "unreadable_text",
        "Some characters of this file cannot be read.",
        "Save it again as CSV with the encoding UTF-8, and upload that file.",
    )


def no_header() -> Problem:
    """People from the first row on."""
    return _refused(
        "no_header",
        "The first row holds a person, not the names of the columns.",
        "Add a first row that says what each column is, such as Email and First name.",
    )


def no_email_column(columns: list[str]) -> Problem:
    """Without an address nobody can be told apart."""
    problem = _refused(
        "no_email_column",
        "No column is matched to Email, and without it people cannot be told apart.",
        "Say which column holds the email address.",
    )
    shown = ", ".join(columns[:20])
    problem.errors = [FieldProblem("mapping", f"No column gives the email. The columns are: {shown}.")]
    return problem
