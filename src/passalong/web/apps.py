"""Registers this app with Django."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The web app."""

    name = "passalong.web"
    label = "web"
