"""Referral codes: permanent, unguessable, and readable aloud."""

import secrets

# No 0/o, 1/l/i, and no u, so that codes are neither misread nor rude by accident.
ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
LENGTH = 10
_SPACE = len(ALPHABET) ** LENGTH


def new_code() -> str:
    """A random code of 10 characters out of 30: 49 bits from the operating system's secure source."""
    number = secrets.randbelow(_SPACE)
    letters = []
    for _ in range(LENGTH):
        number, index = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[index])
    return "".join(letters)
