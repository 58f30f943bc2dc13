"""Registers this app with Django."""

from django.apps import AppConfig


class TrackingConfig(AppConfig):
    """The tracking app."""

    name = "passalong.tracking"
    label = "tracking"
