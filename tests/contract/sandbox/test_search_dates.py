"""Whole days up to 2.16, exact seconds from 2.17 on (docs/reference/intercom.md §1, §3.4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.sandbox.client import Api, refusal, where

MARK = ("custom_attributes.plan", "=", "dates")
# 15 March 2021 in Los Angeles, where the clocks had changed the day before: 07:00 UTC to 07:00 UTC
START, END = 1_615_791_600, 1_615_878_000
NOON = START + 12 * 3600


@pytest.fixture(autouse=True)
def _people(api: Api) -> Iterator[None]:
    times = {"before": START - 1, "first": START, "noon": NOON, "last": END - 1, "after": END, "never": None}
    ids = [
        api.control.add_contact(
            name=name,
            created_at=1_500_000_000,
            last_seen_at=at,
            custom_attributes={"plan": "dates", **({"renewal_date": at} if at else {})},
        )["id"]
        for name, at in times.items()
    ]
    yield
    for contact_id in ids:
        api.control.delete_contact(contact_id)


@pytest.mark.parametrize(
    ("operator", "names"),
    [("=", ["first", "last", "noon"]), (">", ["after"]), ("<", ["before"])],
)
@pytest.mark.parametrize("field", ["last_seen_at", "custom_attributes.renewal_date"])
def test_it_compares_whole_days_of_the_workspace(
    api: Api, field: str, operator: str, names: list[str]
) -> None:
    assert api.found(MARK, (field, operator, NOON), version="2.16") == names


def test_it_takes_seconds_as_text(api: Api) -> None:
    """§3.3"""
    assert api.found(MARK, ("last_seen_at", ">", str(NOON))) == ["after"]


def test_it_follows_the_workspaces_zone(api: Api) -> None:
    api.control.settings(timezone="UTC")
    assert api.found(MARK, ("last_seen_at", "=", NOON)) == ["before", "first", "noon"]


@pytest.mark.parametrize(
    ("operator", "names"),
    [
        ("=", ["noon"]),
        (">", ["after", "last"]),
        (">=", ["after", "last", "noon"]),
        ("<", ["before", "first"]),
        ("<=", ["before", "first", "noon"]),
        ("!=", ["after", "before", "first", "last", "never"]),
    ],
)
def test_it_compares_seconds_from_2_17_on(api: Api, operator: str, names: list[str]) -> None:
    """§1: and != finds those without a value."""
    assert api.found(MARK, ("last_seen_at", operator, NOON), version="2.17") == names


def test_it_keeps_days_for_custom_dates_in_2_17_but_of_utc(api: Api) -> None:
    """§1"""
    found = api.found(MARK, ("custom_attributes.renewal_date", ">", NOON), version="2.17")
    assert found == ["after", "last"]


def test_it_refuses_new_operators_for_custom_dates_in_2_17(api: Api) -> None:
    """§1"""
    answer = api.search(where("custom_attributes.renewal_date", ">=", NOON), version="2.17")
    assert refusal(answer)[0] == 400


def test_it_calls_standard_times_datetime_from_2_17_on(api: Api) -> None:
    """§1"""

    def kind(version: str) -> str:
        data = api.get("/data_attributes", version).json()["data"]
        return str(next(a["data_type"] for a in data if a["name"] == "last_seen_at"))

    assert (kind("2.16"), kind("2.17")) == ("date", "datetime")


def test_it_keeps_full_seconds_in_answers_and_sorts(api: Api) -> None:
    """§3.4"""
    sort = {"field": "last_seen_at", "order": "ascending"}
    data = api.search(where(*MARK), sort=sort).json()["data"]
    assert [c["last_seen_at"] for c in data] == [START - 1, START, NOON, END - 1, END, None]
