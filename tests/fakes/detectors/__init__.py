"""A page with bot detectors from npm, which tells this server what they say of the browser that opens it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import anyio
from aiohttp import web

from automation.stealth.check_site import serving

HERE = Path(__file__).parent
_INSTALL_S = 300
_REPORT_S = 200.0


class NoDetectors(Exception):
    """The detectors can't be installed here; the message says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the detectors say.

    Attributes:
        bot: The kind of bot that BotD sees, or None for a human.
        flags: The rules of fpscanner that the browser breaks.
    """

    bot: str | None
    flags: frozenset[str]


@cache
def detector_modules() -> Path:
    """Return the folder of the detectors' packages, installed outside the repository at the first call.

    Raises:
        NoDetectors: npm is not there, or installs nothing.
    """
    cache_root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    wanted = (HERE / "package.json").read_bytes()
    folder = cache_root / "parley-test-detectors" / hashlib.sha256(wanted).hexdigest()[:12]
    done = folder / "installed"
    if not done.exists():
        npm = shutil.which("npm")
        if npm is None:
            msg = "npm is not on PATH, so that there are no detectors"
            raise NoDetectors(msg)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_bytes(wanted)
        command = (npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_INSTALL_S)
        except (subprocess.SubprocessError, OSError) as exc:
            msg = f"the detectors can't be installed: {exc}"
            raise NoDetectors(msg) from exc
        # Last, so that an installation that was broken off is not taken for one.
        done.touch()
    return folder / "node_modules"


class DetectorSite:
    """The running page; get one from ``DetectorSite.open``."""

    def __init__(self) -> None:
        self.url = ""
        self._reports: list[dict[str, Any]] = []
        self._reported = anyio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[DetectorSite]:
        """Serve on a free loopback port until the block ends."""
        site = cls()
        app = web.Application()
        app.router.add_get("/", site._page)
        app.router.add_post("/result", site._take)
        app.router.add_static("/modules", detector_modules())
        async with serving(app) as origin:
            site.url = f"{origin}/"
            yield site

    async def verdict(self) -> Verdict:
        """Return what the page reported, once it has."""
        with anyio.fail_after(_REPORT_S):
            await self._reported.wait()
        report = self._reports[-1]
        assert "error" not in report, report
        assert report["rules"] > 15, "fpscanner has not looked"
        return Verdict(report["botd"], frozenset(report["flags"]))

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=(HERE / "detectors.html").read_text("utf-8"), content_type="text/html")

    async def _take(self, request: web.Request) -> web.Response:
        self._reports.append(json.loads(await request.text()))
        self._reported.set()
        return web.Response(text="")
