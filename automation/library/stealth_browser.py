"""Library browser: one page in a browser of its own, driven by selectors at human pace."""

from __future__ import annotations

from contextlib import AsyncExitStack
from random import SystemRandom
from types import TracebackType
from typing import Self

from playwright.async_api import Locator, Page

from automation.browser.display import open_display
from automation.browser.drivers import driver_kind, running_driver
from automation.browser.launcher import launch, open_context
from automation.closing import close_within
from automation.errors import PageLostError, SiteChangedError
from automation.navigation import go_to
from automation.playwright_errors import DRIVER_TIMEOUTS, first_line, limited_page_call, page_calls
from automation.stealth.input_devices import InputDevices
from automation.stealth.options import BrowserConfig
from automation.stealth.pacing import TYPED_CHARACTERS, HumanMotion, Point

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
        pace: Random source of the pointer's and the keys' timings.
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
        self._stack = AsyncExitStack()
        self._page: Page | None = None
        self._input: InputDevices | None = None

    @classmethod
    def on(cls, page: Page, *, timeout_s: float = 30.0) -> Self:
        """Return one that drives a page which is open already; the page stays its owner's."""
        browser = cls(timeout_s=timeout_s)
        browser._take(page)
        return browser

    def _take(self, page: Page) -> None:
        self._page, self._input = page, InputDevices(page, self._timeout_s, self._pace)

    @property
    def page(self) -> Page:
        """Playwright's page, for what has no method here.

        Raises:
            PageLostError: There is none: ``initialize`` was not called, or ``cleanup`` was.
        """
        if self._page is None:
            raise self._not_open()
        return self._page

    @property
    def _hand(self) -> InputDevices:
        if self._input is None:
            raise self._not_open()
        return self._input

    def _not_open(self) -> PageLostError:
        return PageLostError(f"The browser {self.name!r} is not open; call initialize() first.")

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
                opening.push_async_callback(close_within, browser, _CLOSE_S)
            with page_calls("opening a page"):
                context = await open_context(browser, self._config, None)
                page = await context.new_page()
                opening.push_async_callback(close_within, page, _CLOSE_S)
            self._take(page)
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
        hand, step = self._hand, f"typing into {selector!r}"
        await hand.press("Control+End", step)
        if len(text) > TYPED_CHARACTERS:
            await hand.insert(text, step)
        else:
            await hand.type(text, step)

    async def click_element(self, selector: str) -> None:
        """Move to the first element that matches, and click it once it is visible, still and uncovered.

        Raises:
            ElementNotFoundError: There is none in time.
            PageLostError: The page is gone.
        """
        element, hand = self.page.locator(selector).first, self._hand
        await self._until_clickable(element, selector)
        step = f"clicking {selector!r}"
        box = await limited_page_call(element.bounding_box(), step, self._timeout_s)
        if box is None:
            raise ElementNotFoundError(selector, "clicking", "it went away")
        middle = Point(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await hand.move_to(middle, box["width"], box["height"], step)
        await hand.click(step)

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
        page, self._page, self._input = self._page, None, None
        if page is not None:
            await close_within(page, _CLOSE_S)

    async def cleanup(self) -> None:
        """Close the page, the browser and its driver; harmless where nothing is open."""
        self._page = self._input = None
        await self._stack.aclose()

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


def _not_found(lost: PageLostError, selector: str, step: str, timeout_s: float) -> Exception:
    """Return what a failed wait means: a page that lives and has no such element, or one that is gone."""
    cause = lost.__cause__
    if isinstance(cause, DRIVER_TIMEOUTS):
        return ElementNotFoundError(selector, step, f"nothing was there to be used within {timeout_s:g} s")
    if cause is not None and "selector" in first_line(cause):  # type: ignore[arg-type]
        return ElementNotFoundError(selector, step, first_line(cause))  # type: ignore[arg-type]
    return lost
