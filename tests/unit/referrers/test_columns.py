"""Which column is what, and what a row says."""

import pytest

from passalong.referrers.imports.columns import Judged, judge, merged, problems_of, suggested
from passalong.referrers.imports.table import Row

COLUMNS = ["Email", "First name", "Plan"]
MAPPING = ["email", "first_name", "fields.plan"]


def usable(text: str) -> str | None:
    return text.lower() if "@" in text else None


@pytest.mark.parametrize(
    ("columns", "targets"),
    [
        (["Email", "First Name", "Last Name", "Phone"], ["email", "first_name", "last_name", "phone"]),
        (["E-Mail", "Vorname", "Nachname", "Telefon"], ["email", "first_name", "last_name", "phone"]),
        (["mail", "Prénom", "Nom"], ["email", "first_name", "last_name"]),
        (["email_address", "given-name", "SURNAME"], ["email", "first_name", "last_name"]),
        (["Email", "Name"], ["email", "name"]),
        (["Email", "First name", "Name"], ["email", "first_name", "fields.name"]),
        (["Email", "Email (2)", "Work email"], ["email", "fields.email_2", "fields.work_email"]),
        (
            ["Email", "Plan name", "Größe", "???"],
            ["email", "fields.plan_name", "fields.grösse", "fields.column_4"],
        ),
        (["Email", "Plan!", "plan"], ["email", "fields.plan", "fields.plan_2"]),
    ],
)
def test_it_suggests_what_a_column_is(columns: list[str], targets: list[str]) -> None:
    assert suggested(columns) == targets
    assert problems_of(columns, targets) == []


def test_it_suggests_fields_that_are_not_too_long() -> None:
    assert [len(target) for target in suggested(["x" * 300, "x" * 299])] == [63, 65]


@pytest.mark.parametrize(
    ("mapping", "fields"),
    [
        (["email", "email", ""], ["mapping.First name"]),
        (["email", "name", "last_name"], ["mapping.Plan"]),
        (["email", "code", ""], ["mapping.First name"]),
        (["email", "fields.", ""], ["mapping.First name"]),
        (["email", "fields." + "x" * 61, ""], ["mapping.First name"]),
        (["email", "fields.a\0b", ""], ["mapping.First name"]),
        (["email", "", ""], []),
    ],
)
def test_it_says_which_column_is_matched_badly(mapping: list[str], fields: list[str]) -> None:
    assert [problem.field for problem in problems_of(COLUMNS, mapping)] == fields


def test_it_understands_a_row() -> None:
    row = Row(2, ["Ada@Example.com", "Ada", "pro"])
    assert judge(row, COLUMNS, MAPPING, usable) == Judged(
        2, "ada@example.com", {"first_name": "Ada"}, {"plan": "pro"}
    )


def test_it_splits_a_whole_name() -> None:
    row = Row(2, ["ada@example.com", "Ada  King Lovelace"])
    assert judge(row, ["Email", "Name"], ["email", "name"], usable).values == {
        "first_name": "Ada",
        "last_name": "King Lovelace",
    }


@pytest.mark.parametrize(
    ("cells", "outcome", "reason"),
    [
        (["", "Ada", "pro"], "skipped", "no_email"),
        (["ada at example", "Ada", "pro"], "skipped", "invalid_email"),
        (["a@example.com", "x" * 256, "pro"], "failed", "value_too_long"),
        (["a@example.com", "Ada", "pro", "more"], "failed", "too_many_cells"),
        (["a@example.com", "x" * 255, "pro", "", ""], "", ""),
        (["a@example.com"], "", ""),
    ],
)
def test_it_says_why_a_row_is_left_out(cells: list[str], outcome: str, reason: str) -> None:
    found = judge(Row(2, cells), COLUMNS, MAPPING, usable)
    assert (found.outcome, found.reason) == (outcome, reason)
    assert bool(found.message) == bool(outcome)


def test_it_names_the_column_of_a_value_that_is_too_long() -> None:
    row = Row(2, ["a@example.com", "x" * 1300, ""])
    assert judge(row, COLUMNS, MAPPING, usable).message == (
        "“First name” has 1,300 characters; at most 255 are kept. Shorten it."
    )


KNOWN = {
    "first_name": "Ada",
    "last_name": "",
    "phone": "",
    "fields": {"plan": "free", "seats": 3, "beta": True},
}


@pytest.mark.parametrize(
    ("values", "fields", "overwrite", "after"),
    [
        ({"first_name": "Augusta"}, {}, False, None),
        ({"first_name": "Augusta"}, {}, True, {"first_name": "Augusta"}),
        ({"last_name": "King"}, {}, False, {"last_name": "King"}),
        ({}, {"plan": "pro"}, False, None),
        ({}, {"plan": "pro"}, True, {"fields": {"plan": "pro", "seats": 3, "beta": True}}),
        ({}, {"city": "Turin"}, False, {"fields": {**KNOWN["fields"], "city": "Turin"}}),  # type: ignore[dict-item]
        ({"first_name": "Ada"}, {"seats": "3", "beta": "TRUE"}, True, None),
        ({}, {}, True, None),
    ],
)
def test_it_fills_or_overwrites(
    values: dict[str, str], fields: dict[str, str], overwrite: bool, after: dict[str, object] | None
) -> None:
    row = Judged(2, "ada@example.com", values, fields)
    expected = None if after is None else {**KNOWN, **after}
    assert merged(KNOWN, row, overwrite=overwrite) == expected
