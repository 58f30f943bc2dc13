"""Secrets at rest: Fernet with key rotation, keys derived from the installation's secret keys."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UndecryptableError(Exception):
    """The stored secret was encrypted with a key this installation no longer has."""


def _fernet() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derive(key)) for key in keys])


def _derive(key: str) -> bytes:
    digest = hashlib.blake2b(key.encode(), digest_size=32, person=b"passalong-fernet").digest()
    return base64.urlsafe_b64encode(digest)


def encrypt(text: str) -> str:
    """Ciphertext of `text` under the newest key."""
    return _fernet().encrypt(text.encode()).decode()


def decrypt(ciphertext: str) -> str:
    """The text behind `encrypt`; raises UndecryptableError when no key fits."""
    try:
        return _fernet().decrypt(ciphertext.encode()).decode()
    except InvalidToken as error:
        raise UndecryptableError("No key in PASSALONG_SECRET_KEY can read this secret.") from error
