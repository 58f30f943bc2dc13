"""Loads Django, whose email validator says which addresses are usable; no test here asks the database."""

import django

django.setup()
