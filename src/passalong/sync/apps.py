"""Registers this app with Django."""

from django.apps import AppConfig


class SyncConfig(AppConfig):
    """The sync app."""

    name = "passalong.sync"
    label = "sync"

    def ready(self) -> None:
        """Listen to what changes the facts that syncs write back, to people merged or erased, and to how runs
        and connections fare."""
        from passalong.campaigns.signals import renamed
        from passalong.referrers.signals import erasing, facts_changed, gathering, referrers_merged
        from passalong.sync import alerts, changes, erase, hints, moves
        from passalong.sync.newcomers import listen
        from passalong.sync.signals import connection_lost, run_finished

        facts_changed.connect(changes.on_facts_changed)
        renamed.connect(changes.on_renamed)
        run_finished.connect(hints.on_run_finished)
        referrers_merged.connect(moves.on_referrers_merged)
        gathering.connect(erase.on_gathering)
        erasing.connect(erase.on_erasing)
        connection_lost.connect(alerts.on_connection_lost)
        listen.connect()
