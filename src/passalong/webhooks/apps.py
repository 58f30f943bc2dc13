"""Registers this app with Django."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """The webhooks app."""

    name = "passalong.webhooks"
    label = "webhooks"

    def ready(self) -> None:
        """Listen to everything that may be told."""
        from passalong.referrers.signals import erasing
        from passalong.webhooks import erase, listen

        listen.connect()
        erasing.connect(erase.on_erasing)
