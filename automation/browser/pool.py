"""The browsers of this process: started when first needed, shared by equal configurations, replaced when they die."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
from playwright.async_api import Browser, BrowserContext, CDPSession, Playwright

from automation.browser.discovery import find_browser
from automation.browser.display import VirtualDisplay, open_display
from automation.browser.drivers import driver_kind, running_driver
from automation.browser.launcher import launch, open_context
from automation.errors import BrowserUnavailableError, PageLostError, PoolFullError
from automation.owned_tasks import owned_tasks
from automation.playwright_errors import DRIVER_ERRORS, first_line
from automation.stealth.options import BrowserConfig, DriverKind

log = logging.getLogger(__name__)

_HEARTBEAT_S = 5.0
_CLOSE_S = 5.0


@dataclass(eq=False)
class _Running:
    browser: Browser
    heart: CDPSession


class BrowserPool:
    """Gives contexts in running browsers and keeps all pages together under one limit."""

    def __init__(self, executable: str | None, max_pages: int) -> None:
        self._executable = executable
        self._max_pages = max_pages
        self._pages = 0
        self._stack = AsyncExitStack()
        self._drivers: dict[DriverKind, Playwright] = {}
        self._display: VirtualDisplay | None = None
        self._running: dict[BrowserConfig, _Running] = {}
        self._starting = anyio.Lock()
        self._is_closing = False

    def status(self) -> dict[str, Any]:
        """Describe the pool: ``{"executable", "browsers", "pages", "max_pages", "problem"}``; needs no browser."""
        executable, problem = None, None
        try:
            driver = self._drivers.get("playwright")
            own = driver.chromium.executable_path if driver else None
            executable = str(find_browser(self._executable, own).executable)
        except BrowserUnavailableError as exc:
            problem = str(exc)
        return {
            "executable": executable,
            "browsers": len(self._running),
            "pages": self._pages,
            "max_pages": self._max_pages,
            "problem": problem,
        }

    @asynccontextmanager
    async def page_slot(self) -> AsyncIterator[None]:
        """Hold one of the places for pages, also while the page is being opened.

        Raises:
            PoolFullError: All are taken.
        """
        if self._pages >= self._max_pages:
            raise PoolFullError(0.0)
        self._pages += 1
        try:
            yield
        finally:
            self._pages -= 1

    async def new_context(
        self, config: BrowserConfig, storage_state: dict[str, Any] | None
    ) -> BrowserContext:
        """Open a context of its own cookies and storage; the caller closes it, unless the browser is a person's own.

        Raises:
            BrowserUnavailableError: No browser could be started.
            PageLostError: The browser died meanwhile.
        """
        async with self._starting:
            running = self._running.get(config)
            if running is None or not running.browser.is_connected():
                running = await self._start(config)
        try:
            return await open_context(running.browser, config, storage_state)
        except DRIVER_ERRORS as exc:
            await self._discard(config, running)
            msg = f"The browser was lost: {first_line(exc)}"
            raise PageLostError(msg) from exc

    async def _start(self, config: BrowserConfig) -> _Running:
        try:
            driver = await self._living_driver(driver_kind(config))
            browser = await launch(driver, config, self._executable, await self._own_display())
            heart = await browser.new_browser_cdp_session()
        except DRIVER_ERRORS as exc:
            self._drivers.pop(driver_kind(config), None)
            msg = f"The browser's driver was lost: {first_line(exc)}"
            raise PageLostError(msg) from exc
        running = self._running[config] = _Running(browser, heart)
        browser.on("disconnected", lambda _: self._forget(config, running))
        return running

    async def _living_driver(self, kind: DriverKind) -> Playwright:
        if kind not in self._drivers:
            self._drivers[kind] = await self._stack.enter_async_context(running_driver(kind))
        return self._drivers[kind]

    async def _own_display(self) -> VirtualDisplay:
        if self._display is None:
            self._display = await self._stack.enter_async_context(open_display())
        return self._display

    def _forget(self, config: BrowserConfig, running: _Running) -> None:
        if self._running.get(config) is running:
            del self._running[config]
            if not self._is_closing:
                log.warning("browser_gone")

    async def _discard(self, config: BrowserConfig, running: _Running) -> None:
        self._forget(config, running)
        with anyio.move_on_after(_CLOSE_S, shield=True):
            try:
                await running.browser.close()
            except DRIVER_ERRORS as exc:
                log.debug("browser_close_failed", extra={"reason": first_line(exc)})

    async def watch(self) -> None:
        """Ask every browser for a sign of life every few seconds: a dead driver or a hung browser tells nothing itself."""
        while True:
            await anyio.sleep(_HEARTBEAT_S)
            for config, running in list(self._running.items()):
                if not await _beats(running.heart):
                    log.warning("browser_hung")
                    await self._discard(config, running)
                    kind = driver_kind(config)
                    if not any(driver_kind(other) == kind for other in self._running):
                        self._drivers.pop(kind, None)

    async def close(self) -> None:
        """End every browser and the driver."""
        self._is_closing = True
        for config, running in list(self._running.items()):
            await self._discard(config, running)
        await self._stack.aclose()


async def _beats(heart: CDPSession) -> bool:
    with anyio.move_on_after(_HEARTBEAT_S):
        try:
            await heart.send("Browser.getVersion")
        except DRIVER_ERRORS:
            return False
        return True
    return False


@asynccontextmanager
async def open_browser_pool(executable: str | None, max_pages: int) -> AsyncIterator[BrowserPool]:
    """Hold the browsers of this process. None is started before it is needed, so this never fails."""
    pool = BrowserPool(executable, max_pages)
    async with owned_tasks() as tasks:
        tasks.start_soon(pool.watch)
        try:
            yield pool
        finally:
            with anyio.move_on_after(2 * _CLOSE_S, shield=True):
                await pool.close()
