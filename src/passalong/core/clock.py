"""The one clock: aware, UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current moment."""
    return datetime.now(UTC)
