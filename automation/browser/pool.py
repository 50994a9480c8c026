"""Browser pool: starts browsers when needed, shares one among equal configurations, restarts lost ones."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from playwright.async_api import Browser, BrowserContext, CDPSession, Playwright

from automation.browser.capacity import default_max_streaming
from automation.browser.discovery import find_browser
from automation.browser.display import VirtualDisplay, open_display
from automation.browser.drivers import driver_answers, driver_kind, running_driver
from automation.browser.launcher import launch, open_context
from automation.browser.process_table import cpu_seconds, end_own, waits_for_cpu
from automation.browser.processes import BrowserProcess, is_browser_hung, parse_processes
from automation.browser.profile_folder import find_profile, remove_scratch, until_unlocked
from automation.closing import close_within
from automation.errors import BrowserUnavailableError, PageLostError, PoolFullError, SessionRefusedError
from automation.owned_tasks import owned_tasks
from automation.playwright_errors import DRIVER_ERRORS, first_line, page_calls
from automation.stealth.options import BrowserConfig, DriverKind

logger = logging.getLogger(__name__)

_HEARTBEAT_S = 2.0
_ANSWERS_S = 5.0
_CLOSE_S = 5.0


class _Kind(NamedTuple):
    """Key under which browsers are shared: equal configurations share one; one with a profile is its account's."""

    config: BrowserConfig
    profile: Path | None = None


@dataclass(eq=False)
class _Running:
    browser: Browser
    heart: CDPSession
    driver: Playwright
    pid: int
    scratch: Path | None = None
    heard_s: float = field(default_factory=time.monotonic)
    end: str = ""
    gone: anyio.Event = field(default_factory=anyio.Event)


class BrowserPool:
    """Gives contexts in running browsers and keeps all pages together under one limit.

    Args:
        executable: The browser's program; None for the one that is found.
        max_pages: Pages at once, of all accounts together.
        max_streaming: Turns at once; None for what the machine's cores bear.
        run_driver: Starts the process that controls browsers.
        answers_s: So long a browser may leave a question unanswered before it is looked at.
        heartbeat_s: The time between two questions.
    """

    def __init__(
        self,
        executable: str | None,
        max_pages: int,
        max_streaming: int | None = None,
        *,
        run_driver: Callable[[DriverKind], AbstractAsyncContextManager[Playwright]] = running_driver,
        answers_s: float = _ANSWERS_S,
        heartbeat_s: float = _HEARTBEAT_S,
    ) -> None:
        self._executable = executable
        self._run_driver = run_driver
        self._answers_s = answers_s
        self._heartbeat_s = heartbeat_s
        self._max_pages = max_pages
        self._pages = 0
        self._streaming = anyio.CapacityLimiter(max_streaming or default_max_streaming(os.cpu_count() or 1))
        self._stack = AsyncExitStack()
        self._drivers: dict[DriverKind, Playwright] = {}
        self._display: VirtualDisplay | None = None
        self._running: dict[_Kind, _Running] = {}
        self._starting = anyio.Lock()
        self._is_closing = False
        self._scratch: list[Path] = []
        self.ends: Counter[str] = Counter()
        self.popups_closed = 0

    @property
    def browsers(self) -> list[Browser]:
        """Every browser that runs."""
        return [running.browser for running in self._running.values()]

    @property
    def display(self) -> VirtualDisplay | None:
        """The display that browsers with a window are on; None before one was needed."""
        return self._display

    def status(self) -> dict[str, Any]:
        """Describe the pool; needs no browser.

        ``{"executable", "browsers", "ended", "popups_closed", "pages", "max_pages", "streaming", "waiting_to_stream", "max_streaming",
        "problem"}``. ``ended`` counts browsers that were lost by how: ``browser_gone``, ``browser_hung`` or ``driver_gone``.
        """
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
            "ended": dict(self.ends),
            "popups_closed": self.popups_closed,
            "pages": self._pages,
            "max_pages": self._max_pages,
            "streaming": self._streaming.borrowed_tokens,
            "waiting_to_stream": self._streaming.statistics().tasks_waiting,
            "max_streaming": int(self._streaming.total_tokens),
            "problem": problem,
        }

    def note_popup(self) -> None:
        """Count a window that a page opened and that is closed."""
        self.popups_closed += 1

    @asynccontextmanager
    async def page_slot(self) -> AsyncIterator[None]:
        """Count a page against the limit of pages, from when it begins to be opened.

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

    @asynccontextmanager
    async def streaming_slot(self, timeout_s: float | None) -> AsyncIterator[None]:
        """Hold a slot of the semaphore for turns that run at once, in order of arrival: a page that draws takes CPU.

        Raises:
            PoolFullError: All stayed taken for so long.
        """
        turn = object()
        with anyio.move_on_after(timeout_s) as waiting:
            await self._streaming.acquire_on_behalf_of(turn)
        if waiting.cancelled_caught:
            raise PoolFullError(timeout_s or 0.0)
        try:
            yield
        finally:
            self._streaming.release_on_behalf_of(turn)

    async def new_context(
        self, config: BrowserConfig, storage_state: dict[str, Any] | None
    ) -> BrowserContext:
        """Open a context of its own cookies and storage; the caller closes it, unless the browser is a person's own.

        Raises:
            BrowserUnavailableError: No browser could be started.
            PageLostError: The browser died meanwhile.
            SessionRefusedError: It does not take the ``storage_state``.
        """
        kind = _Kind(config)
        running = await self._running_for(kind)
        try:
            return await open_context(running.browser, config, storage_state)
        except DRIVER_ERRORS as exc:
            await self._examine(kind, running)
            if not running.gone.is_set() and storage_state is not None:
                logger.warning("session_refused", extra={"reason": first_line(exc)})
                raise SessionRefusedError from exc
            if not running.gone.is_set():
                msg = f"The browser was lost: {first_line(exc)}"
                raise PageLostError(msg) from exc
        # Its end had not been noticed yet; with a new one nothing is lost but a second.
        running = await self._running_for(kind)
        with page_calls("opening a context"):
            return await open_context(running.browser, config, storage_state)

    async def open_own(self, config: BrowserConfig, profile: Path) -> BrowserContext:
        """Start a browser on a profile that nobody else uses, and return the context in it; end it with ``close_own``.

        Raises:
            BrowserUnavailableError: It does not start, or another one still uses the profile.
            PageLostError: It died meanwhile.
        """
        kind = _Kind(config, profile)
        before = self._running.get(kind)
        if before is not None:
            # Whoever asks has lost its context.
            await self._discard(kind, before, "browser_gone")
        if not await until_unlocked(profile, _CLOSE_S):
            msg = f"Another browser uses the profile in {profile}. End it, and start the endpoint again."
            raise BrowserUnavailableError(msg)
        running = await self._running_for(kind)
        return running.browser.contexts[0]

    async def close_own(self, browser: Browser) -> None:
        """End a browser that one account has for itself."""
        for kind, running in list(self._running.items()):
            if running.browser is browser:
                await self._discard(kind, running, "closed")

    async def _running_for(self, kind: _Kind) -> _Running:
        async with self._starting:
            running = self._running.get(kind)
            if running is None or not running.browser.is_connected():
                running = await self._start(kind)
            return running

    async def _start(self, kind: _Kind) -> _Running:
        driver = await self._living_driver(driver_kind(kind.config))
        try:
            display = await self._own_display()
            browser = await launch(driver, kind.config, self._executable, display, kind.profile)
            heart = await browser.new_browser_cdp_session()
            processes = parse_processes(await heart.send("SystemInfo.getProcessInfo"))
        except DRIVER_ERRORS as exc:
            msg = f"The browser was lost while it started: {first_line(exc)}"
            raise PageLostError(msg) from exc
        pid = next(p.pid for p in processes if p.kind == "browser")
        # Its driver removes what it wrote, if it lives: only of one that we started is the number ours.
        is_forgetful = kind.profile is None and not kind.config.is_attached
        running = _Running(browser, heart, driver, pid, find_profile(pid) if is_forgetful else None)
        self._running[kind] = running
        browser.on("disconnected", lambda _: self._forget(kind, running, "browser_gone"))
        return running

    async def _living_driver(self, kind: DriverKind) -> Playwright:
        driver = self._drivers.get(kind)
        if driver is not None and not await driver_answers(driver):
            self._lose_driver(driver)
            driver = None
        if driver is None:
            driver = self._drivers[kind] = await self._stack.enter_async_context(self._run_driver(kind))
        return driver

    async def _own_display(self) -> VirtualDisplay:
        if self._display is None:
            self._display = await self._stack.enter_async_context(open_display())
        return self._display

    def _lose_driver(self, driver: Playwright) -> None:
        """Forget a dead driver and its browsers: their pipes closed with it, and they end by themselves."""
        self._drivers = {kind: known for kind, known in self._drivers.items() if known is not driver}
        for kind, running in list(self._running.items()):
            if running.driver is driver:
                self._forget(kind, running, "driver_gone")
                self._scratch += [running.scratch] if running.scratch else []

    def _forget(self, kind: _Kind, running: _Running, end: str) -> None:
        if self._running.get(kind) is running:
            del self._running[kind]
            running.end = end
            running.gone.set()
            if end != "closed" and not self._is_closing:
                self.ends[end] += 1
                logger.warning("browser_ended", extra={"reason": end})

    async def _discard(self, kind: _Kind, running: _Running, end: str) -> None:
        self._forget(kind, running, end)
        if end == "browser_hung":
            # It would leave the wish to close unanswered as well.
            end_own(running.pid)
        if not await close_within(running.browser, _CLOSE_S):
            end_own(running.pid)

    async def until_gone(self, browser: Browser) -> str:
        """Return how a browser ended, once it has: ``browser_gone``, ``browser_hung`` or ``driver_gone``."""
        running = self._find_running(browser)
        if running is None:
            return "browser_gone"
        await running.gone.wait()
        return running.end

    def is_gone(self, browser: Browser) -> bool:
        """Return whether a browser has ended. A dead driver can't report it, so its own word is not enough."""
        return self._find_running(browser) is None

    async def processes(self, browser: Browser) -> tuple[BrowserProcess, ...]:
        """Return a browser's processes.

        Raises:
            PageLostError: It is gone, or doesn't answer.
        """
        running = self._find_running(browser)
        if running is not None:
            with anyio.move_on_after(self._answers_s), page_calls("listing the browser's processes"):
                return parse_processes(await running.heart.send("SystemInfo.getProcessInfo"))
        msg = "The browser is gone, or does not answer."
        raise PageLostError(msg)

    def _find_running(self, browser: Browser) -> _Running | None:
        return next((running for running in self._running.values() if running.browser is browser), None)

    async def examine(self, browser: Browser) -> None:
        """Check at once whether a browser lives, after a call failed: a dead driver reports nothing by itself."""
        for kind, running in list(self._running.items()):
            if running.browser is browser:
                await self._examine(kind, running)

    async def _examine(self, kind: _Kind, running: _Running) -> None:
        if await _lives(running, self._answers_s) or running.gone.is_set():
            return
        if await driver_answers(running.driver):
            await self._discard(kind, running, "browser_hung")
        else:
            self._lose_driver(running.driver)

    async def watch(self) -> None:
        """Send every browser a heartbeat every other second: a dead driver or a hung browser reports nothing itself."""
        while True:
            await anyio.sleep(self._heartbeat_s)
            # All at once: one that is silent takes its time, in which another may die.
            async with anyio.create_task_group() as looks:
                for kind, running in list(self._running.items()):
                    looks.start_soon(self._examine, kind, running)
            await self._remove_scratch()

    async def _remove_scratch(self) -> None:
        """Remove what browsers wrote whose driver was killed before it could; what isn't gone is tried again."""
        profiles, self._scratch = self._scratch, []
        for profile in profiles:
            if not await remove_scratch(profile):
                self._scratch.append(profile)

    async def close(self) -> None:
        """End every browser and the driver."""
        self._is_closing = True
        for kind, running in list(self._running.items()):
            await self._discard(kind, running, "closed")
        await self._remove_scratch()
        await self._stack.aclose()


async def _lives(running: _Running, answers_s: float) -> bool:
    """Send a heartbeat; return whether the browser answers, or is only too busy to."""
    before, asked_s = cpu_seconds(running.pid), time.monotonic()
    with anyio.move_on_after(answers_s):
        try:
            await running.heart.send("Browser.getVersion")
        except DRIVER_ERRORS:
            return False
        running.heard_s = time.monotonic()
        return True
    after, now_s = cpu_seconds(running.pid), time.monotonic()
    spent_s = None if before is None or after is None else after - before
    is_crowded_out = spent_s is not None and waits_for_cpu(running.pid)
    is_hung = is_browser_hung(now_s - running.heard_s, now_s - asked_s, spent_s, waits_for_cpu=is_crowded_out)
    logger.warning("browser_hangs" if is_hung else "browser_busy", extra={"cpu_s": spent_s})
    return not is_hung


@asynccontextmanager
async def open_browser_pool(
    executable: str | None, max_pages: int, max_streaming: int | None = None
) -> AsyncIterator[BrowserPool]:
    """Hold the browsers of this process. None is started before it is needed, so this never fails."""
    pool = BrowserPool(executable, max_pages, max_streaming)
    async with owned_tasks() as tasks:
        tasks.start_soon(pool.watch)
        try:
            yield pool
        finally:
            with anyio.move_on_after(2 * _CLOSE_S, shield=True):
                await pool.close()
