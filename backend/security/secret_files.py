"""Generates secrets on the first run, and keeps them in files that only the gateway's user can read."""

from __future__ import annotations

import logging
import os
import secrets
import stat
from pathlib import Path

logger = logging.getLogger(__name__)


class SecretFileError(ValueError):
    """A file that should hold a secret holds none; ``str()`` says what to do."""


_OWN_FOLDERS = ("profiles", "profiles/*", "screenshots")
_OWN_FILES = (
    "parley.db*",
    "secret_key",
    "admin_key",
    "providers.json",
    "rotations.json",
    "screenshots/*",
    "profiles/*/*",
)


def make_private(folder: Path) -> None:
    """Make a folder that holds secrets, or leave one that is there to its user alone, with what we keep in it.

    A folder that is others' too, such as a home directory or ``/tmp``, keeps its mode; what is ours in it doesn't.

    Raises:
        OSError: It can't be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = [] if _is_shared(folder) else [folder]
    own += [path for pattern in _OWN_FOLDERS for path in folder.glob(pattern) if path.is_dir()]
    for path, mode in [*((path, 0o700) for path in own), *((path, 0o600) for path in _own_files(folder))]:
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                path.chmod(mode)
        except FileNotFoundError:
            continue
        except PermissionError:
            logger.warning("data_open_to_others", extra={"path": str(path)})


def _own_files(folder: Path) -> list[Path]:
    return [path for pattern in _OWN_FILES for path in folder.glob(pattern) if path.is_file()]


def _is_shared(folder: Path) -> bool:
    resolved = folder.resolve()
    return resolved in {Path("/"), Path.home().resolve()} or bool(resolved.stat().st_mode & stat.S_ISVTX)


def load_or_create_secret(path: Path, prefix: str = "") -> tuple[str, bool]:
    """Return the secret in ``path`` and whether it was made just now, from 256 random bits.

    Raises:
        OSError: The file can't be read or written.
        SecretFileError: The file is there but empty.
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
        raise SecretFileError(msg)
    return secret
