"""The drivers that can control a browser: Playwright, and patchright, its fork that pages don't notice.

patchright is optional. Its objects have Playwright's interface, and code here knows them by Playwright's types.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import cast

import anyio
from playwright.async_api import Playwright, async_playwright

from automation.errors import BrowserUnavailableError
from automation.playwright_errors import DRIVER_ERRORS, first_line
from automation.stealth.options import BrowserConfig, DriverKind

logger = logging.getLogger(__name__)

_CLOSE_S = 5.0
_ANSWERS_S = 5.0


def driver_kind(config: BrowserConfig) -> DriverKind:
    """Return which driver's process serves this configuration.

    ``cdp`` is a way to a browser, not a driver: patchright goes it unnoticed where it is installed.
    """
    if config.is_attached:
        return "patchright" if _has_patchright() else "playwright"
    return "patchright" if config.driver == "patchright" else "playwright"


def _has_patchright() -> bool:
    return find_spec("patchright") is not None


def driver_obstacle(config: BrowserConfig) -> str | None:
    """Return why the driver can't be used, with what to do about it, or None."""
    if config.driver == "patchright" and not _has_patchright():
        return (
            "The driver `patchright` is not installed. Run `pip install -r requirements-patchright.txt` in the "
            "gateway's environment, or set the driver to `playwright`."
        )
    return None


@asynccontextmanager
async def running_driver(kind: DriverKind = "playwright") -> AsyncIterator[Playwright]:
    """Run the driver's process for as long as the block lasts.

    Raises:
        BrowserUnavailableError: It isn't installed; the message says how.
    """
    driver = await _start(kind)
    try:
        yield driver
    finally:
        with anyio.move_on_after(_CLOSE_S, shield=True):
            try:
                await driver.stop()
            except DRIVER_ERRORS as exc:
                logger.debug("driver_gone", extra={"reason": first_line(exc)})


async def driver_answers(driver: Playwright) -> bool:
    """Return whether a driver's process lives, by creating and dropping an object in it; needs no browser."""
    with anyio.move_on_after(_ANSWERS_S):
        try:
            await (await driver.request.new_context()).dispose()
        except DRIVER_ERRORS:
            return False
        return True
    return False


async def _start(kind: DriverKind) -> Playwright:
    if kind == "playwright":
        return await async_playwright().start()
    obstacle = driver_obstacle(BrowserConfig(driver=kind))
    if obstacle:
        raise BrowserUnavailableError(obstacle)
    from patchright.async_api import async_playwright as async_patchright  # noqa: PLC0415 - optional

    return cast("Playwright", await async_patchright().start())
