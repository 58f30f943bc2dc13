"""Finding a referrer among a million by name, email or code."""

import re
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Func, Value

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The words of a text, case-folded, split at everything that is neither letter nor digit."""
    return _WORD.findall(text.casefold())


def search_words(email: str, first_name: str, last_name: str, code: str) -> str:
    """What `Referrer.search` is made of: each word once, in a fixed order."""
    return " ".join(dict.fromkeys(words(f"{email} {first_name} {last_name} {code}")))


def prefix_query(text: str) -> str | None:
    """The tsquery that finds every word of `text` as the beginning of a word, or None without words.

    Only letters and digits survive `words`, so nothing in it can be taken for an operator.
    """
    found = words(text)[:8]
    return " & ".join(f"'{word}':*" for word in found) or None


def vector(search_words: str) -> Func:
    """The tsvector of `search_words`, for saving a row.

    The words are split already, so PostgreSQL's own parser (four times the cost of an insert, and different
    in every locale) is left out.
    """
    words_of = Func(Value(search_words), Value(" "), function="string_to_array")
    return Func(words_of, function="array_to_tsvector")


# The newest rows to look at before asking the index: enough to fill a page when the words are common.
_NEWEST = 5_000
_AMONG_NEWEST = """
SELECT id FROM (
    SELECT id, search, status, source FROM referrers_referrer
    WHERE campaign_id = %(campaign)s AND id < %(before)s ORDER BY id DESC LIMIT %(newest)s
) AS newest
WHERE search @@ %(query)s::tsquery {narrowed} ORDER BY id DESC LIMIT %(limit)s
"""
_IN_INDEX = """
WITH found AS MATERIALIZED (
    SELECT id FROM referrers_referrer
    WHERE search @@ %(query)s::tsquery AND campaign_id = %(campaign)s {narrowed}
)
SELECT id FROM found WHERE id < %(before)s ORDER BY id DESC LIMIT %(limit)s
"""
_LAST = UUID(int=2**128 - 1)


def newest_matches(
    campaign: UUID, query: str, *, before: UUID | None, limit: int, **columns: str
) -> list[UUID]:
    """Ids of the newest referrers that answer `query`, at most `limit`, older than `before`.

    Common words are found among the newest rows, rare ones in the index. PostgreSQL would have to guess
    which of the two is quick, and where it guesses wrong it reads the whole campaign.
    """
    narrowed = " ".join(f"AND {name} = %({name})s" for name in columns)
    values: dict[str, Any] = {
        "campaign": campaign,
        "query": query,
        "before": before or _LAST,
        "newest": _NEWEST,
    }
    with connection.cursor() as cursor:
        for sql in (_AMONG_NEWEST, _IN_INDEX):
            cursor.execute(sql.format(narrowed=narrowed), {**values, **columns, "limit": limit})
            found = [row[0] for row in cursor.fetchall()]
            if len(found) == limit:
                break
    return found
