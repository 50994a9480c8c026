"""Takes a page's picture with a profile's roles outlined, without touching the page: all is painted onto the PNG."""

from __future__ import annotations

import base64
import logging
from collections.abc import Awaitable, Callable

import anyio.to_thread
from playwright.async_api import Page

from automation.errors import PageLostError
from automation.page.cdp import CALL_S
from automation.playwright_errors import DRIVER_ERRORS, first_line
from automation.web_provider.page_connection import PageConnection
from automation.workbench.role_picture import Box, paint_roles

logger = logging.getLogger(__name__)

FindBoxes = Callable[[], Awaitable[tuple[float, list[Box]]]]

_FIELDS = "input, textarea, [contenteditable]:not([contenteditable=false])"
_SECRETS = "input[type=password], input[autocomplete=one-time-code]"
_SAME_PX = 2.0
_MOST_FIELDS = 50


async def take_screenshot(connection: PageConnection, find_roles: FindBoxes) -> bytes | None:
    """Return a PNG in which fields but the prompt's are painted over; None where the page can't be pictured."""
    page = connection.page
    try:
        before = await _find_fields(page, _FIELDS)
        scale, roles = await find_roles()
        taken = await connection.devtools.send("Page.captureScreenshot", {"format": "png"}, CALL_S)
        # A page that moves meanwhile shows a field where it stood before, or where it stands now.
        fields = [*before, *await _find_fields(page, _FIELDS)]
        secrets = await _find_fields(page, _SECRETS)
    except PageLostError as exc:
        logger.info("screenshot_failed", extra={"reason": str(exc)})
        return None
    except DRIVER_ERRORS as exc:
        logger.info("screenshot_failed", extra={"reason": first_line(exc)})
        return None
    prompts = [box for box in roles if box.name == "input"]
    masked = [*secrets, *(f for f in fields if not any(_is_same(f, prompt) for prompt in prompts))]
    png = base64.b64decode(taken["data"])
    return await anyio.to_thread.run_sync(paint_roles, png, roles, masked, scale)


async def _find_fields(page: Page, css: str) -> list[Box]:
    """Return where the fields of all frames are; they may hold what nobody should see."""
    found = []
    for frame in page.frames:
        for field in (await frame.locator(css).all())[:_MOST_FIELDS]:
            box = await field.bounding_box(timeout=1000) if await field.is_visible() else None
            if box is not None:
                found.append(Box("", box["x"], box["y"], box["width"], box["height"]))
    return found


def _is_same(one: Box, other: Box) -> bool:
    pairs = (
        (one.left, other.left),
        (one.top, other.top),
        (one.width, other.width),
        (one.height, other.height),
    )
    return all(abs(a - b) <= _SAME_PX for a, b in pairs)
