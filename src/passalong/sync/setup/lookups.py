"""What the wizard's pages and the editor of maps want to know of the CRM, and that it is on its way."""

from datetime import timedelta
from typing import Any

from passalong.core.clock import now
from passalong.sync.setup import samples
from passalong.sync.setup.forms.base import COUNT_AGAIN, LOOK_AGAIN, Setup

# Without an answer for this long, a worker is probably missing.
SLOW = timedelta(seconds=20)
_OLDEST = {"contacts": COUNT_AGAIN, "map-in": LOOK_AGAIN, "map-back": LOOK_AGAIN}


def look_up(setup: Setup, step: str) -> None:
    """Have a worker read what this page shows, where it is too old; the page itself does not wait."""
    if step not in _OLDEST:
        return
    setup.look_again(_OLDEST[step])
    if step == "map-in" and not setup.is_unread:
        samples.want(setup.draft)


def looking_page(setup: Setup, step: str) -> dict[str, Any]:
    """For setup/_looking.html: whether something is being read, whether that takes too long, and whether
    there is nothing to show before it."""
    if step not in _OLDEST:
        return {}
    since = setup.waits_since(step)
    return {
        "looking_for": step,
        "draft": setup.draft,
        "is_looking": since is not None,
        "is_slow": since is not None and since < now() - SLOW,
        "is_unread": setup.is_unread,
    }
