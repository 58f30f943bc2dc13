"""Registers this app with Django."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """The campaigns app."""

    name = "passalong.campaigns"
    label = "campaigns"
