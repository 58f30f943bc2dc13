"""A mail server that does not answer."""

from collections.abc import Sequence

from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage


class Down(BaseEmailBackend):
    """Refuses every connection, as Django's own backend would report it."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:  # noqa: ARG002
        raise ConnectionRefusedError(111, "Connection refused")
