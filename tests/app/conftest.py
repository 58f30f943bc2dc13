"""Loads Django once tests/conftest.py has said where the database is, before a test imports a model."""

import django

django.setup()
