"""What the columns of lists of leads are, by their names, and what their cells say."""

import pytest

from passalong.leads.imports.columns import judge_lead, suggested_for_leads, suggested_for_qualify
from passalong.referrers.imports.table import Row


@pytest.mark.parametrize(
    ("columns", "targets"),
    [
        (["Email", "First name", "Referrer", "Qualified"], ["email", "first_name", "referrer", "qualified"]),
        (["Referrer email", "Friend's email"], ["referrer", "email"]),
        (["E-Mail", "Vorname", "Referral-Code", "Phone"], ["email", "first_name", "referrer", ""]),
        (["Lead", "Referred by", "Status"], ["email", "referrer", "qualified"]),
        (["Email", "Work email", "Code", "Link"], ["email", "", "referrer", ""]),
    ],
)
def test_it_suggests_what_a_list_of_leads_has(columns: list[str], targets: list[str]) -> None:
    assert suggested_for_leads(columns) == targets


@pytest.mark.parametrize(
    ("columns", "targets"),
    [
        (["Email"], ["lead"]),
        (["Order", "Referral code", "Email"], ["", "lead", ""]),
        (["Lead ID", "Total"], ["lead", ""]),
        (["Order", "Total"], ["", ""]),
    ],
)
def test_it_suggests_who_qualifies(columns: list[str], targets: list[str]) -> None:
    assert suggested_for_qualify(columns) == targets


@pytest.mark.parametrize(
    ("cell", "qualified"),
    [("yes", True), ("X", True), ("TRUE", True), ("1", True), ("no", False), ("0", False), ("", None)],
)
def test_it_reads_yes_and_no(cell: str, qualified: bool | None) -> None:
    columns, mapping = ["E", "R", "Q"], ["email", "referrer", "qualified"]
    said = judge_lead(Row(2, ["a@example.com", "abc", cell]), columns, mapping, str.lower)
    assert (said.qualified, said.outcome) == (qualified, "")
