"""Intercom does what every integration must do."""

from tests.contract.conformance import Conformance


class TestIntercom(Conformance):
    """`world` comes from conftest."""
