"""Intercom: contacts, segments and fields, over its REST API (docs/reference/intercom.md)."""
