"""Registers this app with Django."""

from typing import Any

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The api app."""

    name = "passalong.api"
    label = "api"

    def ready(self) -> None:
        """Lend webhooks our words: what is told looks like what is asked for."""
        from passalong.api import erase
        from passalong.api.connections import connection_out
        from passalong.api.leads import lead_out
        from passalong.api.referrers import referrer_out
        from passalong.api.run_schemas import run_out
        from passalong.api.schemas import plain
        from passalong.referrers.signals import erasing
        from passalong.webhooks.listen import show

        erasing.connect(erase.on_erasing)

        words: dict[str, Any] = {
            "lead": lead_out,
            "referrer": referrer_out,
            "run": run_out,
            "connection": connection_out,
        }
        show.update({noun: plain(shape) for noun, shape in words.items()})
