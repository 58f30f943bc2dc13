"""Registers this app with Django."""

from django.apps import AppConfig


class ReferrersConfig(AppConfig):
    """The referrers app."""

    name = "passalong.referrers"
    label = "referrers"
