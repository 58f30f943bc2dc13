"""Finding a referrer among a million by name, email or code."""

import re

from django.contrib.postgres.search import SearchQueryField, SearchVectorField
from django.db.models import BooleanField, F, Func, Value
from django.db.models.functions import Cast

_WORD = re.compile(r"[^\W_]+")


# The words are split already, so PostgreSQL's own parser (four times the cost an insert) is left out.
VECTOR = Func(
    Func(F("search_text"), Value(" "), function="string_to_array"),
    function="array_to_tsvector",
    output_field=SearchVectorField(),
)


def words(text: str) -> list[str]:
    """The words of a text, case-folded, split at everything that is neither letter nor digit."""
    return _WORD.findall(text.casefold())


def search_text(email: str, first_name: str, last_name: str, code: str) -> str:
    """What `Referrer.search_text` holds: each word once, in a fixed order."""
    return " ".join(dict.fromkeys(words(f"{email} {first_name} {last_name} {code}")))


def prefix_query(text: str) -> str | None:
    """The tsquery that finds every word of `text` as the beginning of a word, or None without words.

    Only letters and digits survive `words`, so nothing in it can be taken for an operator.
    """
    found = words(text)[:8]
    return " & ".join(f"'{word}':*" for word in found) or None


def matches(query: str) -> Func:
    """The condition that a referrer's words answer `prefix_query`'s query.

    Django's own lookup would have PostgreSQL's parser read the query once more.
    """
    wanted = Cast(Value(query), output_field=SearchQueryField())
    return Func(VECTOR, wanted, template="%(expressions)s", arg_joiner=" @@ ", output_field=BooleanField())
