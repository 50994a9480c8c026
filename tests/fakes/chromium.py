"""A Chromium that a person started: on an address, and with DevTools where somebody may attach."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from automation.browser.discovery import find_browser, sandbox_obstacle
from automation.browser.display import VirtualDisplay, has_display

_START_S = 200.0
_STOP_S = 10.0


class Chromium:
    """One running browser; get one from ``open_chromium``.

    Attributes:
        cdp_url: Where it can be attached to.
        process: Its first process.
    """

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.cdp_url = f"http://127.0.0.1:{port}" if port else ""
        self._port = port

    async def until_listening(self) -> None:
        with anyio.fail_after(_START_S):
            while self.process.returncode is None:
                try:
                    stream = await anyio.connect_tcp("127.0.0.1", self._port)
                except OSError:
                    await anyio.sleep(0.05)
                else:
                    await stream.aclose()
                    return
        msg = "the browser has ended"
        raise AssertionError(msg)

    async def stop(self) -> None:
        """End it and everything that it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            with anyio.move_on_after(_STOP_S, shield=True):
                await self.process.wait()


@asynccontextmanager
async def open_chromium(
    url: str, display: VirtualDisplay, *, attachable: bool = False, headless: bool = False
) -> AsyncIterator[Chromium]:
    """Start a browser on ``url`` with a fresh profile; it ends with the block."""
    variables = dict(os.environ)
    if not headless and not has_display(variables):
        variables |= await display.variables()
    with tempfile.TemporaryDirectory(prefix="parley-chromium-", ignore_cleanup_errors=True) as profile:
        arguments = [f"--user-data-dir={profile}", "--no-first-run"]
        arguments += ["--no-sandbox"] if sandbox_obstacle() else []
        # Port 0, by which Chromium chooses one, also makes it tell pages that it is automated.
        port = _free_port() if attachable else 0
        arguments += [f"--remote-debugging-port={port}"] if attachable else []
        arguments += ["--headless=new"] if headless else []
        program = str(find_browser().executable)
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            url,
            env=variables,
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )
        browser = Chromium(process, port)
        try:
            if attachable:
                await browser.until_listening()
            yield browser
        finally:
            with anyio.CancelScope(shield=True):
                await browser.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
