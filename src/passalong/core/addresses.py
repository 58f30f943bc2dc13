"""Web addresses that people type: whether they can be ones, and how a header carries them."""

from urllib.parse import urlsplit

import httpx2
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

LONGEST = 2000
_is_url = URLValidator(schemes=["http", "https"])


def is_web_address(url: str) -> bool:
    """Shape only, nothing is looked up: http or https, no user name, a port that exists, not too long."""
    try:
        parts = urlsplit(url)
        if len(url) > LONGEST or parts.username is not None or parts.port == 0:
            return False
        # Django's validator wants a dot in host names; localhost with a port is fine for trying things out.
        if parts.hostname == "localhost":
            return parts.scheme in ("http", "https") and url.isprintable()
        _is_url(url)
    except (ValidationError, ValueError):
        return False
    return True


def origin_of(url: str) -> str:
    """Scheme, host and port as a header may carry them, in ASCII; "" for what no browser can open."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return ""
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii')}"
