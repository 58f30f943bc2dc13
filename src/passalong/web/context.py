"""What every page's frame shows: who is signed in, the campaigns, what needs a person, the theme."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from passalong.campaigns.models import Campaign
from passalong.sync.connections import in_trouble

THEMES = ("light", "dark")
SWITCHER_LIMIT = 30


def frame(request: HttpRequest) -> dict[str, Any]:
    """Lazy, so that pages without the frame ask the database nothing."""
    chosen = request.COOKIES.get("theme", "")
    return {
        "member": getattr(request, "member", None),
        "theme": chosen if chosen in THEMES else "",
        "scripts": "scripts" in request.COOKIES,  # app.js leaves this mark
        "frame_campaigns": SimpleLazyObject(_campaigns),
        "frame_troubles": SimpleLazyObject(in_trouble),
        "debug_pages": settings.DEBUG,
    }


def _campaigns() -> list[Campaign]:
    return list(Campaign.objects.order_by("-pk")[:SWITCHER_LIMIT])
