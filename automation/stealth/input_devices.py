"""Mouse and keyboard of one page, at the pace of a person or as fast as they go, each gesture with a time limit."""

from __future__ import annotations

import anyio
from playwright.async_api import Page

from automation.playwright_errors import limited_page_call
from automation.stealth.pacing import HumanMotion, Point, key_for


class InputDevices:
    """Sends the browser's own input events. Without a ``pace`` the pointer jumps, and nothing is held down.

    Every method raises ``PageLostError`` when the page is gone or doesn't react within ``limit_s``; ``step`` says in the error
    what was being done.
    """

    def __init__(self, page: Page, limit_s: float, pace: HumanMotion | None) -> None:
        self._page = page
        self._limit_s = limit_s
        self._pace = pace
        self._pointer = Point(0, 0)

    async def move_to(self, middle: Point, width: float, height: float, step: str) -> None:
        """Move the pointer onto an element of this size: to its middle, at a person's pace to somewhere near it."""
        if self._pace is None:
            self._pointer = middle  # the click itself moves it there
            return
        target = self._pace.aim(middle, width, height)
        for point in self._pace.path(self._pointer, target):
            await limited_page_call(self._page.mouse.move(point.x, point.y), step, self._limit_s)
            await anyio.sleep(self._pace.move_s())
        self._pointer = target

    async def click(self, step: str) -> None:
        """Click where the pointer is."""
        press_ms = self._pace.press_s() * 1000 if self._pace else 0.0
        click = self._page.mouse.click(self._pointer.x, self._pointer.y, delay=press_ms)
        await limited_page_call(click, step, self._limit_s)

    async def press(self, key: str, step: str) -> None:
        """Press one key, or several at once such as ``Control+End``."""
        hold_ms = self._pace.hold_s() * 1000 if self._pace else 0.0
        await limited_page_call(self._page.keyboard.press(key, delay=hold_ms), step, self._limit_s)

    async def insert(self, text: str, step: str) -> None:
        """Put text where the caret is, as one input event."""
        await limited_page_call(self._page.keyboard.insert_text(text), step, self._limit_s)

    async def type(self, text: str, step: str) -> None:
        """Type key by key; what is on no key, line ends too, comes as an input event of its own.

        Enter would send the prompt on most pages.
        """
        for character in text:
            key = key_for(character)
            await (self.insert(character, step) if key is None else self.press(key, step))
            if self._pace is not None:
                await anyio.sleep(self._pace.key_gap_s())
