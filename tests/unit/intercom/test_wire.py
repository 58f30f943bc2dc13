"""What Intercom sends, in every shape it has been seen in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passalong.integrations.intercom.fields import field
from passalong.integrations.intercom.people import Reader
from passalong.integrations.intercom.wire import AttributeList, WrongShapeError, decode, next_cursor, seconds
from passalong.sync.records import Contact, Page

ONE: dict[str, Any] = {"type": "contact", "id": "6643", "role": "user"}


def body(*contacts: Any, **rest: Any) -> bytes:
    return json.dumps({"type": "list", "data": contacts, "total_count": len(contacts), **rest}).encode()


def read(keys: list[str], **fields: Any) -> dict[str, Any]:
    return dict(Reader(keys).page(body({**ONE, **fields})).contacts[0].values)


def test_it_reads_a_contact_with_exactly_the_keys_asked_for() -> None:
    contact = {
        **ONE,
        "email": "ana@example.com",
        "name": "Ana",
        "last_seen_at": 1_700_000_000,
        "updated_at": 1_700_000_001,
        "unsubscribed_from_emails": True,
        "has_hard_bounced": True,
        "marked_email_as_spam": True,
        "custom_attributes": {"Plan A": "pro", "seats": 3},
    }
    assert Reader(["email", "custom_attributes.Plan A", "location.city"]).page(body(contact)).contacts == [
        Contact(
            id="6643",
            role="user",
            values={"email": "ana@example.com", "custom_attributes.Plan A": "pro", "location.city": None},
            last_seen_at=1_700_000_000,
            updated_at=1_700_000_001,
            unsubscribed=True,
            bounced=True,
            spam=True,
        )
    ]


def test_it_takes_empty_texts_lists_and_objects_as_none() -> None:
    odd = {"a": "", "b": [1], "c": {"x": 1}, "d": None, "e": 0, "f": False}
    keys = [f"custom_attributes.{name}" for name in odd]
    assert list(read(keys, custom_attributes=odd).values()) == [None, None, None, None, 0, False]


def test_it_knows_no_field_that_was_never_set() -> None:
    assert read(["name", "custom_attributes.x", "made_up"]) == {
        "name": None,
        "custom_attributes.x": None,
        "made_up": None,
    }


@pytest.mark.parametrize("given", [None, [], "", "none"])
def test_it_bears_strange_containers(given: Any) -> None:
    keys = ["custom_attributes.x", "location.city"]
    assert read(keys, custom_attributes=given, location=given) == dict.fromkeys(keys)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1_692_128_985, 1_692_128_985),
        ("1692128985", 1_692_128_985),
        ("2023-08-15T19:49:45.016+00:00", 1_692_128_985),
        ("2023-08-15T19:49:45Z", 1_692_128_985),
        (1_692_128_985.7, 1_692_128_985),
        ("soon", None),
        (None, None),
        (-1, -1),
    ],
)
def test_it_reads_every_kind_of_time(given: Any, expected: int | None) -> None:
    assert seconds(given) == expected
    assert read(["signed_up_at"], signed_up_at=given) == {"signed_up_at": expected}


def test_it_takes_the_address_of_an_avatar_in_both_shapes() -> None:
    assert read(["avatar"], avatar={"type": "avatar", "image_url": "https://a.example/1.png"}) == {
        "avatar": "https://a.example/1.png"
    }
    assert read(["avatar"], avatar="https://a.example/1.png") == {"avatar": "https://a.example/1.png"}


def test_it_removes_what_a_database_cannot_hold() -> None:
    raw = body({**ONE, "name": "NAME"}).replace(b"NAME", b"A\\u0000n\\ud800a \\ud83e\\udd84")
    assert Reader(["name"]).page(raw).contacts[0].values == {"name": "An\ufffda 🦄"}


def test_it_takes_invalid_utf8_as_unknown_letters() -> None:
    raw = body({**ONE, "name": "NAME"}).replace(b"NAME", b"A\xffna")
    assert Reader(["name"]).page(raw).contacts[0].values == {"name": "A\ufffdna"}


def test_it_takes_numbers_as_ids_and_as_texts() -> None:
    page = Reader([]).page(body({**ONE, "id": 12}, pages={"per_page": "150"}, total_count="1"))
    assert (page.contacts[0].id, page.total) == ("12", 1)


def test_it_takes_no_list_for_an_empty_one() -> None:
    assert Reader([]).page(b'{"data":null,"total_count":0}') == Page([], None, 0)


def test_it_takes_attributes_without_a_type_and_skips_those_without_a_name() -> None:
    raw = [
        {"name": "Plan", "custom": True, "data_type": None},
        {"full_name": "custom_attributes.Seats", "custom": True, "data_type": "integer"},
        {"name": None, "custom": True, "data_type": "string"},
        {},
    ]
    answer = decode(json.dumps({"data": raw}).encode(), AttributeList)
    assert [(f.key, f.label, f.type) for f in map(field, answer.named)] == [
        ("custom_attributes.Plan", "Plan", "string"),
        ("custom_attributes.Seats", "Seats", "integer"),
    ]


@pytest.mark.parametrize(
    ("pages", "cursor"),
    [
        (None, None),
        ({}, None),
        ({"next": None}, None),
        ({"next": {"page": 2, "starting_after": "WzE="}}, "WzE="),
        ({"next": {"page": 2}}, None),
        ({"next": "https://api.intercom.io/contacts?per_page=50&starting_after=WzE%3D"}, "WzE="),
        ({"next": "https://api.intercom.io/segments?page=2"}, None),
    ],
)
def test_it_finds_the_next_page_in_every_shape(pages: Any, cursor: str | None) -> None:
    assert next_cursor(pages) == cursor


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"OK",
        b"null",
        b"[]",
        b"{}",
        body()[:-9],
        b'{"data":[],"total_count":null}',
        b'{"data":[{}],"total_count":1}',
    ],
)
def test_it_refuses_what_is_not_a_page(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever kind: all mean "ask again"
        Reader(["email"]).page(raw)


def test_it_refuses_a_page_without_a_count() -> None:
    with pytest.raises(WrongShapeError):
        Reader([]).page(b'{"data":[],"total_count":"many"}')


@given(
    st.dictionaries(st.text(min_size=1), st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text())
)
def test_it_reads_any_custom_attribute_by_its_name(custom: dict[str, Any]) -> None:
    clean = {k: v for k, v in custom.items() if "\0" not in k}
    values = read([f"custom_attributes.{name}" for name in clean], custom_attributes=clean)
    assert values == {
        f"custom_attributes.{k}": (v.replace("\0", "") or None) if isinstance(v, str) else v
        for k, v in clean.items()
    }
