"""Virtual display (Xvfb) for browsers with a window on machines without one, started when it is first needed.

Only this process and what it starts can look at the display: its key is in a file that nobody else may read.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import struct
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from automation.child_environment import limit_environment
from automation.errors import BrowserUnavailableError

logger = logging.getLogger(__name__)

_SCREEN = "1920x1080x24"
_START_S = 20.0
_STOP_S = 5.0
_ANY_FAMILY = 0xFFFF


def has_display(environment: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Return whether a browser with a window can be shown where this process runs."""
    return platform != "linux" or bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def display_obstacle() -> str | None:
    """Return why no virtual display can be started, with what to do about it, or None."""
    if shutil.which("Xvfb") is None:
        return (
            "A browser with a window needs a display; there is none, and Xvfb is not installed. Run "
            "`apt-get install -y xvfb`, or start the gateway where DISPLAY is set, or set headless to true."
        )
    return None


def display_in_words() -> str:
    """Return where browsers with a window are shown on this machine, or why they can't be."""
    if _is_display_here():
        return "the machine's own"
    return display_obstacle() or "none; Xvfb is started when it is needed"


def can_show_windows() -> bool:
    """Return whether browsers with a window can run on this machine."""
    return _is_display_here() or display_obstacle() is None


def _is_display_here() -> bool:
    # Browsers inherit it; no setting is read from it here.
    return has_display(dict(os.environ))  # noqa: TID251


class VirtualDisplay:
    """An Xvfb that runs from its first use to the end of ``open_display``; one that died is started anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: Process | None = None
        self._variables: dict[str, str] = {}

    @property
    def process(self) -> Process | None:
        """The Xvfb that runs, or ran last; None before the first use and after the end."""
        return self._process

    async def variables(self) -> dict[str, str]:
        """Return the environment variables by which programs find the display.

        Raises:
            BrowserUnavailableError: Xvfb is not installed or does not start; the message says what to do.
        """
        if self._process is None or self._process.returncode is not None:
            self._variables = await self._start()
        return self._variables

    async def _start(self) -> dict[str, str]:
        obstacle = display_obstacle()
        if obstacle:
            raise BrowserUnavailableError(obstacle)
        key = self._folder / "Xauthority"
        key.touch(mode=0o600)
        key.write_bytes(_authority(secrets.token_bytes(16)))
        # It writes the number of the display that it found free to its standard output.
        command = ["Xvfb", "-displayfd", "1", "-screen", "0", _SCREEN, "-nolisten", "tcp", "-auth", str(key)]
        if shutil.which("setpriv") is not None:
            # It ends with this process also where that is killed.
            command = ["setpriv", "--pdeathsig", "TERM", "--", *command]
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=DEVNULL,
                start_new_session=True,
                umask=0o022,  # the folder of its socket is every user's
                env=limit_environment(os.environ),  # noqa: TID251 - no setting is read
            )
        except OSError as exc:
            raise BrowserUnavailableError(f"Xvfb can't be started: {exc}") from exc
        self._process = process
        assert process.stdout is not None
        number = b""
        with anyio.move_on_after(_START_S):
            number = (await process.stdout.readline()).strip()
        if not number:
            await self.stop()
            raise BrowserUnavailableError(
                "Xvfb does not start. Run `Xvfb -displayfd 1` to see why, or set headless to true."
            )
        logger.info("display_started", extra={"display": number.decode()})
        return {"DISPLAY": f":{number.decode()}", "XAUTHORITY": str(key)}

    async def stop(self) -> None:
        """End the display; browsers that are on it end with it."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        with anyio.move_on_after(_STOP_S, shield=True) as patience:
            await process.wait()
        if patience.cancelled_caught:
            process.kill()
            with anyio.CancelScope(shield=True):
                await process.wait()


@asynccontextmanager
async def open_display() -> AsyncIterator[VirtualDisplay]:
    """Hold a display that is started when somebody asks for its variables, and ended with the block."""
    with tempfile.TemporaryDirectory(prefix="parley-display-") as folder:
        display = VirtualDisplay(Path(folder))
        try:
            yield display
        finally:
            await display.stop()


def _authority(cookie: bytes) -> bytes:
    """Return an Xauthority file with one cookie, good for any display: libXau's format, big-endian counted strings."""
    parts = (b"", b"", b"MIT-MAGIC-COOKIE-1", cookie)
    return struct.pack(">H", _ANY_FAMILY) + b"".join(struct.pack(">H", len(part)) + part for part in parts)
