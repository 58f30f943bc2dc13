"""What happens when a referral link is opened."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from crawlerdetect import CrawlerDetect

from passalong.tracking import links, visits
from passalong.tracking.links import Link

# The campaign's site may learn which site the link stood on, but not which page.
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Robots-Tag": "noindex",
}
# The detector's patterns look at names near the beginning; a longer text only costs time.
_USER_AGENT_LIMIT = 512
_AHEAD = ("HTTP_PURPOSE", "HTTP_SEC_PURPOSE", "HTTP_X_MOZ")
_crawlers = CrawlerDetect()


def follow(code: str, environ: Mapping[str, Any]) -> Link | None:
    """The link with this code; if it is open and a person asks, a visit is recorded. `environ` is WSGI's."""
    link = links.find(code)
    if link is not None and link.is_open and is_visit(environ):
        visits.record(link.referrer)
    return link


def is_visit(environ: Mapping[str, Any]) -> bool:
    """A person looking: no HEAD, no fetching ahead by the browser, no program."""
    if environ["REQUEST_METHOD"] != "GET" or any(
        "prefetch" in environ.get(key, "").lower() for key in _AHEAD
    ):
        return False
    return not is_bot(environ.get("HTTP_USER_AGENT", "")[:_USER_AGENT_LIMIT])


@lru_cache(maxsize=4096)
def is_bot(user_agent: str) -> bool:
    """Whether this is a program that opens links by itself."""
    return bool(_crawlers.is_crawler(user_agent))
