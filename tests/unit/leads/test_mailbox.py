"""Which addresses are one mailbox."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passalong.leads.mailbox import mailbox

LOCAL = st.text("abc.+", min_size=1, max_size=8).filter(lambda text: text[0] not in ".+")
DOMAIN = st.sampled_from(["gmail.com", "googlemail.com", "example.com", "outlook.com"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ADA@example.com"),
        ("ada@example.com", "ada+friend@example.com"),
        ("ada.lovelace@gmail.com", "adalovelace@gmail.com"),
        ("ada@gmail.com", "a.d.a+x@googlemail.com"),
    ],
)
def test_it_knows_the_same_mailbox_in_another_spelling(one: str, other: str) -> None:
    assert mailbox(one) == mailbox(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ada@example.org"),
        ("ada.lovelace@example.com", "adalovelace@example.com"),
        ("ada@example.com", "bob@example.com"),
        ("ada@gmail.com", "ada@outlook.com"),
    ],
)
def test_it_tells_mailboxes_apart(one: str, other: str) -> None:
    assert mailbox(one) != mailbox(other)


@given(LOCAL, DOMAIN)
def test_it_changes_nothing_the_second_time(local: str, domain: str) -> None:
    once = mailbox(f"{local}@{domain}")

    assert mailbox(once) == once
