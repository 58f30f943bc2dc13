"""Which fields Passalong shows, which it writes, and what it may call a new one."""

from typing import Any

import pytest

from passalong.integrations.intercom import fields
from passalong.integrations.intercom.wire import Attribute
from passalong.sync.errors import ConfigError
from passalong.sync.records import Contact, Field


def built_in(name: str, data_type: str = "string") -> Attribute:
    return Attribute(
        name=name, full_name=name, label=name.title(), data_type=data_type, api_writable=True, custom=False
    )


def custom(name: str, data_type: str = "string", **rest: Any) -> Attribute:
    given: dict[str, Any] = {"api_writable": True, "custom": True, **rest}
    return Attribute(
        name=name, full_name=f"custom_attributes.{name}", label=name, data_type=data_type, **given
    )


def test_it_lists_the_usual_fields_even_when_intercom_does_not() -> None:
    assert fields.listed([]) == [
        Field("name", "Name", "string", writable=True),
        Field("email", "Email", "string"),
        Field("phone", "Phone", "string", writable=True),
        Field("external_id", "User ID", "string"),
        Field("role", "Role", "string"),
    ]


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        (
            custom("Plan", options=["a", 2]),
            Field("custom_attributes.Plan", "Plan", "string", True, True, True, None, ["a", "2"]),
        ),
        (custom("When", "datetime"), Field("custom_attributes.When", "When", "date", True, True, True)),
        (custom("Odd", "money"), Field("custom_attributes.Odd", "Odd", "string", True, True, True)),
        (
            custom("Fixed", api_writable=False),
            Field("custom_attributes.Fixed", "Fixed", "string", True, False, True),
        ),
        (built_in("owner_id", "integer"), Field("owner_id", "Owner_Id", "string")),
        (
            built_in("session_count", "integer"),
            Field("session_count", "Session_Count", "integer", readable=False),
        ),
        (built_in("phone"), Field("phone", "Phone", "string", writable=True)),
        (built_in("external_id"), Field("external_id", "External_Id", "string")),
    ],
)
def test_it_shows_an_attribute_as_a_field(attribute: Attribute, expected: Field) -> None:
    assert fields.field(attribute) == expected


def test_it_leaves_archived_fields_out() -> None:
    assert [f.key for f in fields.listed([custom("Old", archived=True)]) if f.custom] == []


def test_it_takes_the_first_value_anybody_has_as_the_sample() -> None:
    people = [Contact("1", "user", {"a": None, "b": False}), Contact("2", "user", {"a": "x", "b": True})]
    shown = [Field("a", "A", "string"), Field("b", "B", "boolean"), Field("c", "C", "string")]
    assert [f.sample for f in fields.with_samples(shown, people)] == ["x", False, None]


@pytest.mark.parametrize("label", ["Referral Link", "link_2-b", "Prämie €", "リンク", "קישור", "₪ total"])
def test_it_takes_letters_of_any_language(label: str) -> None:
    assert fields.checked_label(f" {label} ") == label


@pytest.mark.parametrize("label", ["a.b", "a$b", "a/b", "a\nb", "a🎉b", "a'b", 'a"b', "(a)"])
def test_it_names_the_letter_intercom_would_refuse(label: str) -> None:
    with pytest.raises(ConfigError) as caught:
        fields.checked_label(label)
    wrong = next(letter for letter in label if letter not in "ab")
    assert caught.value.message == f"The name of the field holds “{wrong}”, which Intercom does not take."
