"""Takes somebody's words out of stored JSON, however deep they are in it."""

import re
from collections.abc import Collection
from typing import Any

# An address is not part of a longer one: ann@example.com does not stand in joann@example.com.
_BEFORE, _AFTER = r"(?<![\w.+%-])", r"(?![\w-]|\.\w)"


def scrubbed(value: Any, words: Collection[str]) -> Any:
    """The same value with "" for every text, keys included, in which one of `words` stands, in any case and
    not as a part of a longer word or address."""
    wanted = "|".join(re.escape(word.casefold()) for word in sorted(words) if word)
    return _scrubbed(value, re.compile(f"{_BEFORE}(?:{wanted}){_AFTER}")) if wanted else value


def contains(value: Any, words: Collection[str]) -> bool:
    """Whether one of `words` stands in any text of it, as for `scrubbed`."""
    return bool(scrubbed(value, words) != value)


def _scrubbed(value: Any, words: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return "" if words.search(value.casefold()) else value
    if isinstance(value, list):
        return [_scrubbed(one, words) for one in value]
    if isinstance(value, dict):
        return {_scrubbed(key, words): _scrubbed(one, words) for key, one in value.items()}
    return value
