"""Registers this app with Django."""

from django.apps import AppConfig


class LeadsConfig(AppConfig):
    """The leads app."""

    name = "passalong.leads"
    label = "leads"

    def ready(self) -> None:
        """Take lists of leads, and follow people who are merged or erased."""
        from passalong.leads import moves
        from passalong.leads.imports.leads import LEADS
        from passalong.leads.imports.qualify import QUALIFY
        from passalong.referrers.imports.kinds import register
        from passalong.referrers.signals import erasing, gathering, referrers_merged, spoken_for

        register(LEADS)
        register(QUALIFY)
        referrers_merged.connect(moves.on_referrers_merged)
        gathering.connect(moves.on_gathering)
        spoken_for.connect(moves.on_spoken_for)
        erasing.connect(moves.on_erasing)
