"""Registers this app with Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The accounts app."""

    name = "passalong.accounts"
    label = "accounts"
