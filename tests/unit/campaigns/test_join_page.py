"""Colours of the join page: what is written on them can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passalong.campaigns.join_page import text_on


@pytest.mark.parametrize(
    ("colour", "text"),
    [("#000000", "#ffffff"), ("#ffffff", "#000000"), ("#0f766e", "#ffffff"), ("#ffee00", "#000000")],
)
def test_it_writes_in_what_stands_out(colour: str, text: str) -> None:
    assert text_on(colour) == text


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@given(st.integers(0, 0xFFFFFF))
def test_it_can_be_read_on_every_colour(number: int) -> None:
    colour = f"#{number:06x}"
    darker, lighter = sorted((luminance(colour), luminance(text_on(colour))))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
