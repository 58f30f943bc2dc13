"""Registers this app with Django."""

from django.apps import AppConfig


class TrackingConfig(AppConfig):
    """The tracking app."""

    name = "passalong.tracking"
    label = "tracking"

    def ready(self) -> None:
        """Count leads by day, and follow people who are merged or erased."""
        from passalong.referrers.signals import erasing, referrers_merged
        from passalong.tracking import moves, tally

        tally.connect()
        referrers_merged.connect(moves.on_referrers_merged)
        erasing.connect(moves.on_erasing)
