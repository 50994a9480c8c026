"""A site on loopback whose page reports what it sees of the browser that opens it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import anyio
from aiohttp import web

from automation.stealth.self_check import Sighting

_FILES = {
    "self_check.html": "text/html",
    "frame.html": "text/html",
    "self_check.js": "text/javascript",
    "collect.js": "text/javascript",
    "worker.js": "text/javascript",
}
_NOTED = ("user-agent", "accept-language", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform")


class CheckSite:
    """Serves the self-check page and collects its reports; get one from ``open_check_site``.

    Attributes:
        url: The page's address.
    """

    def __init__(self) -> None:
        self.url = ""
        self._headers: dict[str, dict[str, str]] = {}
        self._reported = anyio.Event()
        self._report: dict[str, Any] = {}

    async def sighting(self) -> Sighting:
        """Return what the page reported, once it has."""
        await self._reported.wait()
        return Sighting(
            self._report["seen"], self._report["silent"], self._report["only"], dict(self._headers)
        )

    def _note(self, place: str, request: web.Request) -> None:
        self._headers[place] = {name: request.headers[name] for name in _NOTED if name in request.headers}

    async def serve_file(self, request: web.Request) -> web.Response:
        """Serve one of the page's files."""
        name = request.match_info["name"]
        if name not in _FILES:
            raise web.HTTPNotFound
        if name == "self_check.html":
            self._note("navigation", request)
        text = files("automation.stealth").joinpath("pages", name).read_text("utf-8")
        return web.Response(text=text, content_type=_FILES[name], headers={"cache-control": "no-store"})

    async def note_headers(self, request: web.Request) -> web.Response:
        """Remember the headers of a request that a place made."""
        self._note(request.query.get("from", ""), request)
        return web.Response(text="")

    async def take_report(self, request: web.Request) -> web.Response:
        """Handle the page's report."""
        self._report = json.loads(await request.text())
        self._reported.set()
        return web.Response(text="")


@asynccontextmanager
async def open_check_site() -> AsyncIterator[CheckSite]:
    """Serve on a free loopback port until the block ends.

    Raises:
        OSError: No port could be had.
    """
    site = CheckSite()
    app = web.Application()
    app.router.add_get("/headers", site.note_headers)
    app.router.add_post("/result", site.take_report)
    app.router.add_get("/{name}", site.serve_file)
    async with serving(app) as origin:
        site.url = f"{origin}/self_check.html"
        yield site


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free loopback port until the block ends, and hand out its origin.

    Raises:
        OSError: No port could be had.
    """
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        with anyio.CancelScope(shield=True):
            await runner.cleanup()
