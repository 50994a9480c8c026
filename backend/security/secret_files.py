"""Generates secrets on the first run, and keeps them in files that only the gateway's user can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def load_or_create_secret(path: Path, prefix: str = "") -> tuple[str, bool]:
    """Return the secret in ``path`` and whether it was made just now, from 256 random bits.

    Raises:
        OSError: The file can't be read or written.
        ValueError: The file is there but empty.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path), False
    secret = prefix + secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)
    return secret, True


def _read(path: Path) -> str:
    secret = path.read_text("utf-8").strip()
    if not secret:
        msg = f"{path} is empty. Restore it, or remove it to have a new one made."
        raise ValueError(msg)
    return secret
