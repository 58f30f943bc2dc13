"""Registers this app with Django."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The core app."""

    name = "passalong.core"
    label = "core"
