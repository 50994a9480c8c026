"""Navigates a page to an address, and tolerates the navigation that was still under way before."""

from __future__ import annotations

import time
from typing import Literal

from playwright.async_api import Page, Response

from automation.errors import UnreachableError
from automation.playwright_errors import DRIVER_ERRORS, first_line, navigation
from automation.web_address import check_web_address

_INTERRUPTED = "is interrupted by another navigation"
_TRIES = 4


async def go_to(
    page: Page,
    url: str,
    wait_until: Literal["commit", "domcontentloaded", "load"],
    timeout_s: float,
) -> Response | None:
    """Load an address, and return its response; None where nothing was fetched, as for another ``#fragment``.

    After an address that could not be loaded Chromium shows a page of its own about it. When that comes late it
    takes the next address's place: so what interrupts is waited for, or each try would be interrupted by the last.

    Raises:
        UnreachableError: It can't be loaded, or isn't of the web, such as a file; the reason in plain words.
        PageLostError: The page is gone, or goes elsewhere each time.
    """
    try:
        check_web_address(url)
    except ValueError as exc:
        raise UnreachableError(url, f"it {exc}") from exc
    until = time.monotonic() + timeout_s
    with navigation(url, timeout_s):
        for _ in range(_TRIES - 1):
            try:
                return await page.goto(url, wait_until=wait_until, timeout=_left_ms(until))
            except DRIVER_ERRORS as exc:
                if _INTERRUPTED not in first_line(exc):
                    raise
            await page.wait_for_load_state("domcontentloaded", timeout=_left_ms(until))
        return await page.goto(url, wait_until=wait_until, timeout=_left_ms(until))


def _left_ms(until: float) -> float:
    # At least one: Playwright takes 0 for no limit.
    return max(1.0, (until - time.monotonic()) * 1000)
