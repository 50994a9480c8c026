"""Protocol for the storage of an account's own browser profile; its implementation encrypts.

Chromium locks a profile by a link named after its host and process; a browser that was killed leaves it behind.
"""

from __future__ import annotations

import shutil
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import anyio

from automation.browser.process_table import end_own, read_arguments

_LOCK = "SingletonLock"
_LOCKS = (_LOCK, "SingletonCookie", "SingletonSocket")
_LOOK_S = 0.02
_GONE_S = 5.0
_SWITCH = "--user-data-dir="

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
    """Storage of one account's profile: encrypted while no browser runs, a plain directory while one does."""

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
        """Delete it, encrypted or not."""
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
    return int(number) if profile == find_profile(int(number)) else None


def find_profile(pid: int) -> Path | None:
    """Return the profile that a browser was started on; None of a process that is gone or no browser."""
    found = (argument for argument in read_arguments(pid) if argument.startswith(_SWITCH))
    return next((Path(argument.removeprefix(_SWITCH)) for argument in found), None)


async def remove_scratch(profile: Path) -> bool:
    """Remove a temporary profile once its browser is gone; the driver that would have removed it was killed.

    Return whether it is gone: a browser that is ending may write while it is removed, so that it must be tried again.
    """
    if await until_unlocked(profile, _GONE_S):
        await anyio.to_thread.run_sync(lambda: shutil.rmtree(profile, ignore_errors=True))
    return not profile.exists()
