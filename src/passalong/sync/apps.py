"""Registers this app with Django."""

from django.apps import AppConfig


class SyncConfig(AppConfig):
    """The sync app."""

    name = "passalong.sync"
    label = "sync"
