"""The signing key: from the environment, or generated once into the data folder."""

import os
import secrets
from pathlib import Path

from passalong.config.settings import Settings

FILE_NAME = "secret_key"
MIN_LENGTH = 32


class WeakSecretKeyError(ValueError):
    """`PASSALONG_SECRET_KEY` holds a key that is too short to protect anything."""


def secret_keys(config: Settings) -> list[str]:
    """All keys, newest first. The first signs and encrypts; the others only verify and decrypt."""
    if config.secret_key is None:
        return [_stored_key(config.data_path)]
    keys = [key.strip() for key in config.secret_key.get_secret_value().split(",") if key.strip()]
    if not keys or any(len(key) < MIN_LENGTH for key in keys):
        raise WeakSecretKeyError(
            f"PASSALONG_SECRET_KEY needs keys of at least {MIN_LENGTH} characters. "
            "Make one with: openssl rand -base64 48"
        )
    return keys


def _stored_key(folder: Path) -> str:
    path = folder / FILE_NAME
    folder.mkdir(parents=True, exist_ok=True)
    fresh = secrets.token_urlsafe(48)
    scratch = folder / f".{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}"
    if not path.exists():
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(fresh)
        # link() fails when another process was first, and never exposes a half-written key.
        try:
            os.link(scratch, path)
        except FileExistsError:
            fresh = ""
        finally:
            scratch.unlink()
    return path.read_text().strip()
