"""Registers this app with Django."""

from django.apps import AppConfig


class ReferrersConfig(AppConfig):
    """The referrers app."""

    name = "passalong.referrers"
    label = "referrers"

    def ready(self) -> None:
        """Take lists of referrers."""
        from passalong.referrers.imports import kinds, people

        kinds.register(people.REFERRERS)
