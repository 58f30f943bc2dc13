"""From what a contact says to what we keep, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passalong.sync.facts import NAME_FORMATS
from passalong.sync.mapping import (
    InboundRow,
    OutboundRow,
    Values,
    ValueTooLongError,
    differs,
    facts_of,
    merged,
    outgoing,
    read_contact,
    same,
    to_send,
)
from passalong.sync.records import Contact, Scalar

LINK, DAY = "custom_attributes.Link", "custom_attributes.Day"
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20), st.just("")
)


def read(value: Scalar, target: str = "first_name", **options: Scalar) -> Scalar:
    row = InboundRow("it", target, **options)  # type: ignore[arg-type]
    return read_contact([row], Contact("c1", "user", {"it": value}))[target]


def merge(mode: str, old: Scalar, new: Scalar) -> Scalar:
    row = InboundRow("it", "phone", mode)
    return merged([row], {"phone": old}, {"phone": new})["phone"]


@pytest.mark.parametrize(
    ("name", "whole", "first", "two", "initial", "rest"),
    [
        ("Ann", "Ann", "Ann", "Ann", "Ann", None),
        ("Ann Lee", "Ann Lee", "Ann", "Ann Lee", "Ann L.", "Lee"),
        ("Ann Mae von Lee", "Ann Mae von Lee", "Ann", "Ann Mae", "Ann L.", "Mae von Lee"),
        ("  Ann \t\n  Lee ", "Ann Lee", "Ann", "Ann Lee", "Ann L.", "Lee"),
        ("Ann\u00a0Lee", "Ann Lee", "Ann", "Ann Lee", "Ann L.", "Lee"),
        ("ann lee", "ann lee", "ann", "ann lee", "ann L.", "lee"),
        ("דנה לוי", "דנה לוי", "דנה", "דנה לוי", "דנה ל.", "לוי"),
        ("王小明", "王小明", "王小明", "王小明", "王小明", None),
        ("🦄 👩‍🚀 ", "🦄 👩‍🚀", "🦄", "🦄 👩‍🚀", "🦄 👩.", "👩‍🚀"),
        ("", None, None, None, None, None),
        ("   ", None, None, None, None, None),
        (None, None, None, None, None, None),
    ],
)
def test_it_takes_names_apart(
    name: str | None, whole: str, first: str, two: str, initial: str, rest: str
) -> None:
    formats = ("whole", "first_word", "first_two_words", "first_and_initial", "rest")

    assert [read(name, name_format=one) for one in formats] == [whole, first, two, initial, rest]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (3, "3"),
        (3.0, "3"),
        (-2.5, "-2.5"),
        (10**30, str(10**30)),
        ("a\0b", "ab"),
        ("\0", None),
        (" two  words ", "two words"),
    ],
)
def test_it_makes_text_of_anything(raw: Scalar, text: str | None) -> None:
    assert read(raw) == text


@pytest.mark.parametrize(
    ("raw", "kept"),
    [(True, True), (0, 0), (3.5, 3.5), (" a  b\0 ", "a  b"), ("", None), (None, None), (False, False)],
)
def test_it_keeps_the_type_of_a_field_of_your_own(raw: Scalar, kept: Scalar) -> None:
    assert read(raw, "fields.plan") == kept


@pytest.mark.parametrize("raw", [None, "", "  ", "\0"])
def test_it_falls_back_to_the_default(raw: Scalar) -> None:
    assert read(raw, default="there") == "there"


@pytest.mark.parametrize(("default", "text"), [(7, "7"), (True, "true"), (2.0, "2"), ("a\0", "a")])
def test_it_makes_text_of_a_default(default: Scalar, text: str) -> None:
    assert read(None, default=default) == text


def test_it_takes_the_default_when_a_format_leaves_nothing() -> None:
    assert read("Ann", "last_name", name_format="rest", default="Unknown") == "Unknown"


@pytest.mark.parametrize("target", ["first_name", "fields.bio", "email"])
def test_it_refuses_a_value_that_is_too_long(target: str) -> None:
    assert read("x" * 10_000, target) == "x" * 10_000
    with pytest.raises(ValueTooLongError) as caught:
        read("x" * 10_001, target)
    assert caught.value.target == target


def test_it_takes_the_first_word_of_an_endless_name() -> None:
    assert read("Ann " + "x" * 20_000, name_format="first_word") == "Ann"


@given(value=scalars, name_format=st.sampled_from([None, *NAME_FORMATS]))
def test_it_reads_its_own_text_as_the_same_text(value: Scalar, name_format: str | None) -> None:
    text = read(value, name_format=name_format)

    assert text is None or (isinstance(text, str) and "\0" not in text and text == read(text))


@pytest.mark.parametrize(
    ("mode", "old", "new", "result"),
    [
        ("overwrite", "1", "2", "2"),
        ("overwrite", "1", None, "1"),
        ("overwrite", "", "2", "2"),
        ("fill_if_empty", "1", "2", "1"),
        ("fill_if_empty", "", "2", "2"),
        ("fill_if_empty", None, "2", "2"),
        ("fill_if_empty", 0, 2, 0),
        ("fill_if_empty", False, True, False),
        ("only_new", "", "2", ""),
        ("only_new", "1", "2", "1"),
    ],
)
def test_it_merges_by_mode(mode: str, old: Scalar, new: Scalar, result: Scalar) -> None:
    assert merge(mode, old, new) == result


@pytest.mark.parametrize("mode", ["overwrite", "fill_if_empty", "only_new"])
def test_it_gives_somebody_new_whatever_the_contact_says(mode: str) -> None:
    assert merged([InboundRow("it", "phone", mode)], None, {"phone": "2"}) == {"phone": "2"}


@given(mode=st.sampled_from(["overwrite", "fill_if_empty", "only_new"]), old=scalars, new=scalars)
def test_it_merges_once(mode: str, old: Scalar, new: Scalar) -> None:
    once = merge(mode, old, new)

    assert same(merge(mode, once, new), once)


@given(mode=st.sampled_from(["overwrite", "fill_if_empty", "only_new"]), old=scalars)
def test_it_never_blanks_a_value(mode: str, old: Scalar) -> None:
    assert merge(mode, old, None) == old


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (None, "", True),
        ("", None, True),
        (None, 0, False),
        ("", False, False),
        (3, 3.0, True),
        (1, True, False),
        (0, False, False),
        ("3", 3, False),
        ("a", "A", False),
    ],
)
def test_it_compares_as_a_person_does(one: Scalar, other: Scalar, equal: bool) -> None:
    assert same(one, other) is equal
    assert differs({"it": one}, {"it": other}) is not equal


@given(one=scalars, other=scalars)
def test_it_compares_both_ways_alike(one: Scalar, other: Scalar) -> None:
    assert same(one, other) == same(other, one)
    assert same(one, one)


def test_it_tells_six_facts() -> None:
    row: Values = {
        "code": "abc",
        "referrals_count": 2,
        "converted_referrals_count": 1,
        "last_referral_at": 1_700,
    }

    assert facts_of(row, "https://r.example.com", "Spring") == {
        "referral_link": "https://r.example.com/r/abc",
        "referral_code": "abc",
        "referrals_count": 2,
        "converted_referrals_count": 1,
        "last_referral_at": 1_700,
        "campaign_name": "Spring",
    }


@pytest.mark.parametrize(
    ("kind", "fact", "sent"),
    [("integer", 3, 3), ("float", 3, 3.0), ("string", 3, "3"), ("string", "x", "x"), ("date", 1_700, 1_700)],
)
def test_it_speaks_the_type_of_the_field(kind: str, fact: Scalar, sent: Scalar) -> None:
    said = outgoing([OutboundRow("it", "f")], {"f": kind}, {"it": fact})  # type: ignore[dict-item]

    assert said == {"f": sent}
    assert type(said["f"]) is type(sent)


def test_it_tells_nothing_of_a_fact_that_is_not_known() -> None:
    rows = [OutboundRow("last_referral_at", DAY), OutboundRow("referrals_count", "n")]

    assert outgoing(rows, {DAY: "date"}, {"last_referral_at": None, "referrals_count": 0}) == {"n": "0"}


@pytest.mark.parametrize(
    ("wanted", "remote", "sent", "answered", "result"),
    [
        ({LINK: "a"}, {}, {}, {}, {LINK: "a"}),
        ({LINK: "a"}, {LINK: "a"}, {}, {}, {}),
        ({LINK: "a", "n": 1}, {LINK: "a", "n": 0}, {}, {}, {"n": 1}),
        ({"n": 1}, {"n": 1.0}, {}, {}, {}),
        ({DAY: 1_099}, {DAY: 1_000}, {DAY: 1_099}, {DAY: 1_000}, {}),
        ({DAY: 1_099}, {DAY: None}, {DAY: 1_099}, {DAY: 1_000}, {DAY: 1_099}),
        ({DAY: 2_099}, {DAY: 1_000}, {DAY: 1_099}, {DAY: 1_000}, {DAY: 2_099}),
        ({LINK: "a"}, {LINK: None}, {LINK: "a"}, {LINK: "a"}, {LINK: "a"}),
    ],
)
def test_it_sends_only_what_the_crm_does_not_say(
    wanted: dict[str, Scalar],
    remote: dict[str, Scalar],
    sent: dict[str, Scalar],
    answered: dict[str, Scalar],
    result: dict[str, Scalar],
) -> None:
    assert to_send(wanted, remote, sent=sent, answered=answered) == result


@given(
    wanted=st.dictionaries(st.sampled_from("abc"), scalars),
    remote=st.dictionaries(st.sampled_from("abc"), scalars),
)
def test_it_sends_nothing_once_the_crm_says_it(wanted: dict[str, Scalar], remote: dict[str, Scalar]) -> None:
    due = to_send(wanted, remote, sent={}, answered={})

    assert to_send(wanted, {**remote, **due}, sent={}, answered={}) == {}
    assert to_send(wanted, remote, sent=due, answered=remote) == {}
