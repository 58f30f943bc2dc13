"""The mail server's address becomes Django's settings, and never an error message."""

from typing import Any

import pytest
from pydantic import ValidationError

from passalong.config.mail import mail_settings
from passalong.config.settings import Settings

SMTP = {
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "EMAIL_HOST": "mail.acme.com",
    "EMAIL_PORT": 587,
    "EMAIL_HOST_USER": "",
    "EMAIL_HOST_PASSWORD": "",
    "EMAIL_USE_TLS": True,
    "EMAIL_USE_SSL": False,
    "EMAIL_TIMEOUT": 10,
}
TLS = {"EMAIL_PORT": 465, "EMAIL_USE_TLS": False, "EMAIL_USE_SSL": True}


@pytest.mark.parametrize("url", [None, ""])
def test_it_prints_mail_without_a_server(url: str | None) -> None:
    assert mail_settings(url) == {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}


@pytest.mark.parametrize(
    ("url", "differs"),
    [
        ("smtp://mail.acme.com", {}),
        ("smtp://mail.acme.com/", {}),
        ("smtp://mail.acme.com:25?starttls=off", {"EMAIL_PORT": 25, "EMAIL_USE_TLS": False}),
        ("smtps://mail.acme.com", TLS),
        (
            "smtps://ada%40acme.com:p%3Aw%2Fd@mail.acme.com:2465",
            {**TLS, "EMAIL_PORT": 2465, "EMAIL_HOST_USER": "ada@acme.com", "EMAIL_HOST_PASSWORD": "p:w/d"},
        ),
    ],
)
def test_it_reads_an_address(url: str, differs: dict[str, Any]) -> None:
    assert mail_settings(url) == {**SMTP, **differs}


@pytest.mark.parametrize(
    "url",
    [
        "mail.acme.com",
        "http://u:pass-word@mail.acme.com",
        "smtp://",
        "smtp://u:pass-word@",
        "smtp://u:pass-word@mail.acme.com:port",
        "smtp://u:pass-word@mail.acme.com:99999",
        "smtp://u:pass-word@mail.acme.com/inbox",
        "smtp://u:pass-word@mail.acme.com?starttls=maybe",
        "smtp://u:pass-word@mail.acme.com?tls=off",
    ],
)
def test_it_says_what_it_wants_and_quotes_nothing(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(smtp_url=url)  # type: ignore[arg-type]
    assert "smtp://user:password@host:587" in str(caught.value)
    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize("sender", ["refer@acme.com", "Acme Referrals <refer@acme.com>"])
def test_it_takes_a_sender(sender: str) -> None:
    assert Settings(mail_from=sender).mail_from == sender


@pytest.mark.parametrize("sender", ["Acme", "Acme <refer>", "a@b.c\nBcc: eve@example.com", "<>"])
def test_it_refuses_what_is_no_sender(sender: str) -> None:
    with pytest.raises(ValidationError):
        Settings(mail_from=sender)
