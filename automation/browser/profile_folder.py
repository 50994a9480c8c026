"""Where the browser that one account has for itself keeps its profile: a protocol; its implementation encrypts.

Chromium locks a profile by a link named after its host and process; a browser that was killed leaves it behind.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import anyio

from automation.browser.process_table import command_of, end_own

_LOCK = "SingletonLock"
_LOCKS = (_LOCK, "SingletonCookie", "SingletonSocket")
_LOOK_S = 0.02

Found = Literal["new", "sealed", "left"]


@dataclass(frozen=True, slots=True)
class OpenProfile:
    """A profile that a browser may use now.

    Attributes:
        found: ``new`` is empty, ``sealed`` as its browser closed it, ``left`` as a browser left it that was killed.
    """

    path: Path
    found: Found


class ProfileFolder(Protocol):
    """One account's profile: sealed while no browser runs, a plain directory while one does."""

    async def unseal(self) -> OpenProfile:
        """Return the plain directory, made from what is kept.

        Raises:
            BrowserUnavailableError: It can't be written.
        """
        ...

    async def seal(self) -> None:
        """Encrypt it and remove the plain directory, once its browser is gone; where that fails, it stays as it is."""
        ...

    async def clear(self) -> None:
        """Forget it, sealed or not."""
        ...


async def until_unlocked(profile: Path, limit_s: float) -> bool:
    """Wait until no browser uses a profile, and remove the lock that it left; False where one still does.

    One that descends from this process is ended: who asks knows that it is of no use any more.
    """
    deadline_s = time.monotonic() + limit_s
    while (pid := _holder(profile)) is not None:
        end_own(pid)
        if time.monotonic() > deadline_s:
            return False
        await anyio.sleep(_LOOK_S)
    for name in _LOCKS:
        with suppress(FileNotFoundError):
            (profile / name).unlink()
    return True


def _holder(profile: Path) -> int | None:
    """Return the living browser that uses a profile, by its lock, ``<host>-<process id>``."""
    try:
        host, _, number = str((profile / _LOCK).readlink()).rpartition("-")
    except OSError:
        return None
    if host != socket.gethostname() or not number.isdecimal():
        return None  # of a container that is no more: only we use what is in our data directory
    # Its number may have become somebody else's since.
    return int(number) if str(profile) in command_of(int(number)) else None
