"""Every complaint about an instruction says which row it is about."""

from typing import Any

import pytest

from passalong.core.problems import Problem
from passalong.sync.records import Field
from passalong.sync.validation import validated

FIELDS = [
    Field("email", "Email", "string"),
    Field("name", "Name", "string"),
    Field("age", "Age", "integer"),
    Field("secret", "Secret", "string", readable=False),
    Field("link", "Link", "string", writable=True),
    Field("count", "Count", "integer", writable=True),
    Field("day", "Day", "date", writable=True),
]
NAME, EMAIL = {"from": "name", "to": "first_name"}, {"from": "email", "to": "email"}
GOOD: dict[str, Any] = {"audience": {"kind": "all"}, "inbound": [NAME, EMAIL]}


def complaints(**changes: Any) -> list[str]:
    """The places complained about."""
    with pytest.raises(Problem) as caught:
        validated({**GOOD, **changes}, FIELDS, "Intercom")
    assert (caught.value.status, caught.value.code) == (422, "invalid_sync")
    return [error.field for error in caught.value.errors]


def test_it_fills_in_every_default() -> None:
    assert validated(
        {**GOOD, "outbound": [{"from": "referrals_count", "to": "count"}]}, FIELDS, "Intercom"
    ) == {
        "audience": {"kind": "all", "segment_ids": [], "exclude_segment_ids": []},
        "inbound": [
            {"from": "name", "to": "first_name", "mode": "overwrite", "name_format": None, "default": None},
            {"from": "email", "to": "email", "mode": "overwrite", "name_format": None, "default": None},
        ],
        "outbound": [{"from": "referrals_count", "to": "count"}],
        "contact_policy": {"unsubscribed": "include", "bounced": "include", "spam": "skip"},
        "field_types": {"count": "integer"},
    }


@pytest.mark.parametrize(
    ("audience", "place"),
    [
        ({"kind": "everybody"}, "audience.kind"),
        ({}, "audience.kind"),
        ({"kind": "segments"}, "audience.segment_ids"),
        ({"kind": "all", "segment_ids": ["s"]}, "audience.segment_ids"),
        ({"kind": "segments", "segment_ids": ["s\0"]}, "audience.segment_ids"),
        ({"kind": "all", "exclude_segment_ids": ["\0"]}, "audience.exclude_segment_ids"),
        (
            {"kind": "segments", "segment_ids": ["s"], "exclude_segment_ids": ["s"]},
            "audience.exclude_segment_ids",
        ),
    ],
)
def test_it_complains_about_the_audience(audience: dict[str, Any], place: str) -> None:
    assert complaints(audience=audience) == [place]


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ({"from": "name", "to": "nickname"}, "inbound[2].to"),
        ({"from": "name", "to": "fields."}, "inbound[2].to"),
        ({"from": "name", "to": "fields.Plan"}, "inbound[2].to"),
        ({"from": "name", "to": "fields.a b"}, "inbound[2].to"),
        ({"from": "name", "to": "fields." + "a" * 61}, "inbound[2].to"),
        ({"from": "name", "to": None}, "inbound[2].to"),
        ({"from": "name", "to": "first_name"}, "inbound[2].to"),
        ({"from": "nothing", "to": "phone"}, "inbound[2].from"),
        ({"from": None, "to": "phone"}, "inbound[2].from"),
        ({"from": "secret", "to": "phone"}, "inbound[2].from"),
        ({"from": "name", "to": "phone", "mode": "sometimes"}, "inbound[2].mode"),
        ({"from": "name", "to": "phone", "name_format": "upside_down"}, "inbound[2].name_format"),
        ({"from": "name", "to": "phone", "default": "x" * 256}, "inbound[2].default"),
        ({"from": "name", "to": "phone", "default": "a\0b"}, "inbound[2].default"),
        ({"from": "name", "to": "phone", "default": float("nan")}, "inbound[2].default"),
    ],
)
def test_it_names_the_row_of_the_map_in(row: dict[str, Any], place: str) -> None:
    assert complaints(inbound=[NAME, EMAIL, row]) == [place]


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ({"from": "shoe_size", "to": "link"}, "outbound[1].from"),
        ({"from": "referral_link", "to": "nothing"}, "outbound[1].to"),
        ({"from": "referral_link", "to": "name"}, "outbound[1].to"),
        ({"from": "referral_link", "to": "day"}, "outbound[1].to"),
        ({"from": "last_referral_at", "to": "link"}, "outbound[1].to"),
        ({"from": "referrals_count", "to": "count"}, "outbound[1].to"),
    ],
)
def test_it_names_the_row_of_the_map_back(row: dict[str, Any], place: str) -> None:
    assert complaints(outbound=[{"from": "referrals_count", "to": "count"}, row]) == [place]


@pytest.mark.parametrize("missing", ["first_name", "email"])
def test_it_wants_a_first_name_and_an_email(missing: str) -> None:
    assert complaints(inbound=[row for row in (NAME, EMAIL) if row["to"] != missing]) == ["inbound"]


def test_it_wants_text_for_an_email() -> None:
    assert complaints(inbound=[NAME, {"from": "age", "to": "email"}]) == ["inbound[1].from"]


def test_it_takes_no_default_for_an_email() -> None:
    assert complaints(inbound=[NAME, {**EMAIL, "default": "a@example.com"}]) == ["inbound[1].default"]


@pytest.mark.parametrize(
    ("policy", "place"),
    [({"spam": "maybe"}, "contact_policy.spam"), ({"weather": "skip"}, "contact_policy.weather")],
)
def test_it_complains_about_the_policy(policy: dict[str, str], place: str) -> None:
    assert complaints(contact_policy=policy) == [place]


def test_it_says_everything_that_is_wrong_at_once() -> None:
    assert complaints(
        audience={"kind": "segments"},
        inbound=[{"from": "nothing", "to": "first_name"}],
        outbound=[{"from": "referral_link", "to": "count"}],
        contact_policy={"spam": ""},
    ) == ["audience.segment_ids", "inbound", "inbound[0].from", "outbound[0].to", "contact_policy.spam"]
