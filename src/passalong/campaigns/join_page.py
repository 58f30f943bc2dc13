"""What a campaign's hosted join page says and asks, and which colours it has."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from passalong.core.problems import FieldProblem

MOST_FIELDS = 5
LABEL_LIMIT = 60
COLOUR = "#0f766e"
_LIMITS = {
    "sender": 100,
    "headline": 150,
    "text": 2000,
    "button": 40,
    "consent": 500,
    "thanks_headline": 150,
    "thanks_text": 2000,
}
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


class JoinField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question beyond first name and email; the label is also its name among the lead's fields."""

    label: str
    required: bool = False


class JoinPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is "" has the product's own words. `{referrer}` in a text is the first name of who invites."""

    sender: str = ""
    headline: str = ""
    text: str = ""
    button: str = ""
    asks_consent: bool = True
    consent: str = ""
    thanks_headline: str = ""
    thanks_text: str = ""
    thanks_url: str = ""
    colour: str = COLOUR
    questions: list[JoinField] = []

    def problems(self) -> list[FieldProblem]:
        """What cannot stay as it is, by path."""
        found = [
            FieldProblem(f"join_page.{name}", f"Use at most {limit:,} characters.")
            for name, limit in _LIMITS.items()
            if len(getattr(self, name)) > limit
        ]
        if not _HEX.fullmatch(self.colour):
            found.append(FieldProblem("join_page.colour", "Give a colour as # and six digits: #0f766e."))
        return [*found, *self._question_problems()]

    def _question_problems(self) -> list[FieldProblem]:
        labels = [one.label.casefold() for one in self.questions]
        if len(labels) > MOST_FIELDS:
            return [FieldProblem("join_page.questions", f"Ask at most {MOST_FIELDS} further questions.")]
        found = []
        for place, label in enumerate(labels):
            if not 1 <= len(label) <= LABEL_LIMIT:
                told = f"Questions have 1 to {LABEL_LIMIT} characters."
                found.append(FieldProblem(f"join_page.questions[{place}]", told))
            elif label in labels[:place]:
                found.append(FieldProblem(f"join_page.questions[{place}]", "This question is there already."))
        return found


def read(said: Mapping[str, Any]) -> JoinPage:
    """The page as it was stored or sent, without white space around the texts."""
    trimmed = {key: value.strip() if isinstance(value, str) else value for key, value in said.items()}
    return msgspec.convert(trimmed, JoinPage)


def text_on(colour: str) -> str:
    """Black or white, whichever stands out more on a colour (WCAG 2.2, relative luminance)."""
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else "#000000"


def _linear(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
