"""Which contacts go further, and why the others do not."""

from typing import Any

import pytest

from passalong.referrers.services import normal_email
from passalong.sync.instruction import Instruction, left_out
from passalong.sync.records import Contact

SKIP_ALL = {"unsubscribed": "skip", "bounced": "skip", "spam": "skip"}
FLAGS = ("unsubscribed", "bounced", "spam")


def instruction(policy: dict[str, str] | None = None) -> Instruction:
    return Instruction.of(
        {
            "audience": {"kind": "all"},
            "inbound": [{"from": "name", "to": "first_name"}, {"from": "email", "to": "email"}],
            "outbound": [{"from": "referral_link", "to": "custom_attributes.Link"}],
            "contact_policy": policy or {},
        }
    )


def reason(
    email: Any, flags: tuple[str, ...] = (), policy: dict[str, str] | None = None, *, excluded: bool = False
) -> str:
    contact = Contact("c1", "user", {"email": email, "name": "A"}, **dict.fromkeys(flags, True))
    judged = instruction(policy).judge(contact, usable=normal_email)
    judged = left_out(judged) if excluded else judged
    assert (judged.outcome == "skipped") == bool(judged.reason) == (judged.values is None)
    assert bool(judged.message) == bool(judged.reason)
    return judged.reason


@pytest.mark.parametrize("email", [None, "", "  ", "\0", "\u00a0"])
def test_it_skips_who_has_no_address(email: str | None) -> None:
    assert reason(email, FLAGS, SKIP_ALL, excluded=True) == "no_email"


@pytest.mark.parametrize(
    "email",
    [
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "ann lee@example.com",
        "ann@example.com, bea@example.com",
        "ann@exa mple.com",
        "Ann <ann@example.com>",
        "ann@example.com\nbcc: all@example.com",
        "ännchen@example.com",
        "a" * 310 + "@example.com",
        42,
        True,
    ],
)
def test_it_skips_an_address_that_cannot_be_used(email: Any) -> None:
    assert reason(email, FLAGS, SKIP_ALL, excluded=True) == "invalid_email"


@pytest.mark.parametrize(
    ("flags", "excluded", "expected"),
    [
        (("unsubscribed", "bounced", "spam"), True, "unsubscribed"),
        (("bounced", "spam"), True, "bounced"),
        (("spam",), True, "spam"),
        ((), True, "excluded"),
        ((), False, ""),
    ],
)
def test_it_gives_the_first_reason(flags: tuple[str, ...], excluded: bool, expected: str) -> None:
    assert reason("ann@example.com", flags, SKIP_ALL, excluded=excluded) == expected


@pytest.mark.parametrize(("flag", "expected"), [("unsubscribed", ""), ("bounced", ""), ("spam", "spam")])
def test_it_skips_only_spam_unless_told(flag: str, expected: str) -> None:
    assert reason("ann@example.com", (flag,)) == expected


@pytest.mark.parametrize("flag", FLAGS)
def test_it_includes_whom_the_policy_includes(flag: str) -> None:
    assert reason("ann@example.com", (flag,), dict.fromkeys(SKIP_ALL, "include")) == ""


@pytest.mark.parametrize("email", ["Ann@Example.COM", "  ann@example.com\t", "ann\0@example.com"])
def test_it_keeps_an_address_trimmed_and_in_small_letters(email: str) -> None:
    contact = Contact("c1", "user", {"email": email, "name": "A"})
    judged = instruction().judge(contact, usable=normal_email)

    assert (judged.email, judged.values) == (
        "ann@example.com",
        {"first_name": "A", "email": "ann@example.com"},
    )


def test_it_fails_a_contact_that_says_too_much() -> None:
    contact = Contact("c1", "user", {"email": "ann@example.com", "name": "A" * 10_001})
    judged = instruction().judge(contact, usable=normal_email)

    assert (judged.outcome, judged.reason, judged.values) == ("failed", "value_too_long", None)
    assert judged.message.startswith("The value for first_name is longer")


def test_it_asks_for_every_field_once() -> None:
    assert instruction().keys == ["name", "email", "custom_attributes.Link"]
