"""The mail server's address as one URL, turned into Django's settings."""

from typing import Any
from urllib.parse import unquote, urlsplit

SECONDS = 10
_PORTS = {"smtp": 587, "smtps": 465}
_WRONG = "give it as smtp://user:password@host:587 or smtps://user:password@host"


def mail_settings(url: str | None) -> dict[str, Any]:
    """`smtp://` speaks STARTTLS (`?starttls=off` for a server on a private network that cannot), `smtps://`
    TLS from the first byte. Without an address mail is printed. Raises ValueError, which never quotes it."""
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(_WRONG) from None
    plain = parts.query == "starttls=off"
    if parts.scheme not in _PORTS or not host or parts.path not in ("", "/") or (parts.query and not plain):
        raise ValueError(_WRONG)
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": host,
        "EMAIL_PORT": port or _PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp" and not plain,
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": SECONDS,
    }
