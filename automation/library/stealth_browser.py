"""One page in a browser of its own, worked by selectors at the pace of a person: for programs that use this as a library."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from random import SystemRandom
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
from playwright.async_api import Browser, Locator, Page

from automation.browser.display import open_display
from automation.browser.drivers import driver_kind, running_driver
from automation.browser.launcher import launch, open_context
from automation.errors import PageLostError, SiteChangedError
from automation.navigation import go_to
from automation.playwright_errors import DRIVER_ERRORS, DRIVER_TIMEOUTS, first_line, page_calls
from automation.stealth.options import BrowserConfig
from automation.stealth.pacing import TYPED_CHARACTERS, HumanMotion, Point, key_for

logger = logging.getLogger(__name__)

T = TypeVar("T")

_CLOSE_S = 5.0


class ElementNotFoundError(SiteChangedError):
    """Nothing that matches a selector could be acted on in time.

    Attributes:
        selector: Also ``profile_key``, with ``step``.
    """

    def __init__(self, selector: str, step: str, reason: str) -> None:
        super().__init__(selector, step)
        self.selector = selector
        self.args = (f"{step} {selector!r}: {reason}",)


class StealthBrowser:
    """A browser with one page: ``initialize``, then the rest, at last ``cleanup``; or an ``async with`` block.

    It starts as the gateway's own browsers do, so a page is told nothing of automation (docs/browser.md). Where the machine has
    no display, ``headless=False`` draws on a virtual one.

    Args:
        name: For logs of the caller's.
        headless: Without a window.
        executable: The browser's program; None for the one that is found.
        config: Everything else about how the browser starts; its ``headless`` wins.
        timeout_s: How long each wait may take.
        pace: Whose hand it is.
    """

    def __init__(
        self,
        name: str = "browser",
        *,
        headless: bool = True,
        executable: str | None = None,
        config: BrowserConfig | None = None,
        timeout_s: float = 30.0,
        pace: HumanMotion | None = None,
    ) -> None:
        self.name = name
        self._config = config or BrowserConfig(headless=headless)
        self._executable = executable
        self._timeout_s = timeout_s
        self._pace = pace or HumanMotion(SystemRandom())
        self._pointer = Point(0, 0)
        self._stack = AsyncExitStack()
        self._page: Page | None = None

    @classmethod
    def on(cls, page: Page, *, timeout_s: float = 30.0) -> Self:
        """Return one that works a page which is open already, and stays its owner's."""
        browser = cls(timeout_s=timeout_s)
        browser._page = page
        return browser

    @property
    def page(self) -> Page:
        """Playwright's page, for what has no method here.

        Raises:
            PageLostError: There is none: ``initialize`` was not called, or ``cleanup`` was.
        """
        if self._page is None:
            msg = f"The browser {self.name!r} is not open; call initialize() first."
            raise PageLostError(msg)
        return self._page

    async def initialize(self) -> None:
        """Start the browser with an empty page; harmless where it runs already.

        Raises:
            BrowserUnavailableError: None is installed, or it does not start; the message says what to do.
        """
        if self._page is not None:
            return
        async with AsyncExitStack() as opening:
            driver = await opening.enter_async_context(running_driver(driver_kind(self._config)))
            display = await opening.enter_async_context(open_display())
            browser = await launch(driver, self._config, self._executable, display)
            if not self._config.is_attached:
                opening.push_async_callback(_closed, browser)
            with page_calls("opening a page"):
                context = await open_context(browser, self._config, None)
                self._page = await context.new_page()
                opening.push_async_callback(_closed, self._page)
            self._stack = opening.pop_all()

    async def navigate(self, url: str) -> None:
        """Load an address, until its document is there.

        Raises:
            UnreachableError: It can't be loaded; the reason in plain words.
        """
        await go_to(self.page, url, "domcontentloaded", self._timeout_s)

    async def type_text(self, selector: str, text: str) -> None:
        """Click a field, and type into it at the end of what it holds; a long text comes as one piece, as if pasted.

        Raises:
            ElementNotFoundError: Nothing that can be typed into matches.
            PageLostError: The page is gone.
        """
        await self.click_element(selector)
        keyboard, step = self.page.keyboard, f"typing into {selector!r}"
        await self._within(step, keyboard.press("Control+End"))
        if len(text) > TYPED_CHARACTERS:
            await self._within(step, keyboard.insert_text(text))
            return
        for character in text:
            key = key_for(character)
            # What is on no key is an input event of its own; so is a line end, since Enter sends on most pages.
            if key is None:
                await self._within(step, keyboard.insert_text(character))
            else:
                await self._within(step, keyboard.press(key, delay=self._pace.hold_s() * 1000))
            await anyio.sleep(self._pace.key_gap_s())

    async def click_element(self, selector: str) -> None:
        """Move to the first element that matches, and click it once it is visible, still and uncovered.

        Raises:
            ElementNotFoundError: There is none in time.
            PageLostError: The page is gone.
        """
        element, mouse = self.page.locator(selector).first, self.page.mouse
        await self._until_clickable(element, selector)
        step = f"clicking {selector!r}"
        box = await self._within(step, element.bounding_box())
        if box is None:
            raise ElementNotFoundError(selector, "clicking", "it went away")
        middle = Point(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        target = self._pace.aim(middle, box["width"], box["height"])
        for point in self._pace.path(self._pointer, target):
            await self._within(step, mouse.move(point.x, point.y))
            await anyio.sleep(self._pace.move_s())
        self._pointer = target
        await self._within(step, mouse.click(target.x, target.y, delay=self._pace.press_s() * 1000))

    async def get_text(self, selector: str) -> str:
        """Return the visible text of the first element that matches, once there is one.

        Raises:
            ElementNotFoundError: There is none in time.
            PageLostError: The page is gone.
        """
        step = "reading"
        try:
            with page_calls(f"{step} {selector!r}"):
                return await self.page.locator(selector).first.inner_text(timeout=self._timeout_s * 1000)
        except PageLostError as exc:
            raise _not_found(exc, selector, step, self._timeout_s) from exc

    async def close_page(self) -> None:
        """Close the page alone; harmless where there is none."""
        page, self._page = self._page, None
        if page is not None:
            await _closed(page)

    async def cleanup(self) -> None:
        """Close the page, the browser and its driver; harmless where nothing is open."""
        self._page = None
        await self._stack.aclose()

    async def _within(self, step: str, work: Coroutine[Any, Any, T]) -> T:
        """Return what a call on the page returns; some of the driver's have no time limit of their own."""
        try:
            with page_calls(step):
                async with asyncio.timeout(self._timeout_s):
                    return await work
        except TimeoutError as exc:
            msg = f"The page did not react within {self._timeout_s:g} s while {step}."
            raise PageLostError(msg) from exc

    async def _until_clickable(self, element: Locator, selector: str) -> None:
        step = "clicking"
        try:
            with page_calls(f"{step} {selector!r}"):
                await element.click(trial=True, timeout=self._timeout_s * 1000)
        except PageLostError as exc:
            raise _not_found(exc, selector, step, self._timeout_s) from exc

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cleanup()


async def _closed(thing: Page | Browser) -> None:
    """Close a page or a browser, or leave it to what holds it: one that hangs would keep the rest from being closed."""
    with anyio.move_on_after(_CLOSE_S, shield=True):
        try:
            await thing.close()
        except DRIVER_ERRORS as exc:
            logger.debug("gone_already", extra={"reason": first_line(exc)})


def _not_found(lost: PageLostError, selector: str, step: str, timeout_s: float) -> Exception:
    """Return what a failed wait means: a page that lives and has no such element, or one that is gone."""
    cause = lost.__cause__
    if isinstance(cause, DRIVER_TIMEOUTS):
        return ElementNotFoundError(selector, step, f"nothing was there to be used within {timeout_s:g} s")
    if cause is not None and "selector" in first_line(cause):  # type: ignore[arg-type]
        return ElementNotFoundError(selector, step, first_line(cause))  # type: ignore[arg-type]
    return lost
