"""Opens a page in a window of its own, and closes those that a page opens.

Of several tabs in one window Chromium paints only the one in front: behind it, a page gets one frame a second (measured in
Chromium 156, headless), although it calls itself visible. That saves the time of painting where an answer is read off the
wire: on Open WebUI's page half of a piece's delay and of the CPU. An answer that is read from the page comes late by it,
since many pages draw by frames.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from playwright.async_api import BrowserContext, Page

from automation.closing import close_if_alive
from automation.playwright_errors import DRIVER_ERRORS, first_line

logger = logging.getLogger(__name__)

Spawn = Callable[[Coroutine[Any, Any, None]], None]


async def open_window(context: BrowserContext) -> Page:
    """Open an empty page in a new window of the context; as a tab where the page beside it closes in that moment.

    Raises:
        playwright.async_api.Error: The browser is gone.
    """
    if not context.pages:
        return await context.new_page()
    try:
        session = await context.new_cdp_session(context.pages[0])
        own = (await session.send("Target.getTargetInfo"))["targetInfo"]
        wanted = {"url": "about:blank", "browserContextId": own["browserContextId"], "newWindow": True}
        async with context.expect_page() as opened:
            target_id = (await session.send("Target.createTarget", wanted))["targetId"]
    except DRIVER_ERRORS as exc:
        logger.debug("window_not_opened", extra={"reason": first_line(exc)})
        return await context.new_page()
    pages = [await opened.value, *context.pages]
    # The site may have opened a window of its own in the same moment.
    for page in pages:
        if await _target_id(page) == target_id:
            return page
    return await context.new_page()


def close_popups(page: Page, spawn: Spawn, note: Callable[[], None]) -> None:
    """Close every window that the page opens, and those that these open; ``note`` is called for each.

    Nobody looks at them, and each takes the memory of a page that MAX_PAGES doesn't count. Not for a sign-in, in which a
    window may be the place to sign in.
    """

    def opened(popup: Page) -> None:
        popup.on("popup", opened)
        note()
        if not page.is_closed():
            spawn(close_if_alive(popup))

    page.on("popup", opened)


async def _target_id(page: Page) -> str | None:
    """Return the page's target, or None where it has closed meanwhile."""
    try:
        session = await page.context.new_cdp_session(page)
        info = (await session.send("Target.getTargetInfo"))["targetInfo"]
        await session.detach()
    except DRIVER_ERRORS:
        return None
    return str(info["targetId"])
