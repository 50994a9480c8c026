"""Opens the browser pool and the opener of chat endpoints. Importing it loads the browser drivers."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from automation.browser.display import can_show_windows, display_obstacle
from automation.browser.drivers import driver_obstacle
from automation.browser.pool import open_browser_pool
from automation.profiles.model import SelectorProfile
from automation.stealth.options import BrowserConfig
from automation.workbench.report import TrialPlan, TrialReport
from automation.workbench.trial import try_profile
from backend.providers.config import BrowserSettings
from backend.providers.kinds import AccountStores, TrialOrder
from backend.providers.protocol import PageProviderOpener
from backend.providers.web_chat.opener import build_browser_config, web_chat_opener
from backend.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenedPages:
    """The open browser pool and its openers.

    Attributes:
        open: The opener of ``web_chat`` endpoints.
        status: Facts about the pool.
        try_profile: Tries a profile on its page, in a browser as an endpoint's that says nothing about it.
    """

    open: PageProviderOpener
    status: Callable[[], dict[str, Any]]
    try_profile: Callable[[TrialOrder, SelectorProfile], Awaitable[TrialReport]]


@asynccontextmanager
async def open_pages(settings: Settings, stores: AccountStores) -> AsyncIterator[OpenedPages]:
    """Hold the pool; browsers start when the first endpoint needs one, and end with the context."""
    for obstacle in start_obstacles(settings):
        logger.warning("browser_settings_need_more", extra={"reason": obstacle})
    async with open_browser_pool(
        settings.browser_executable, settings.max_pages, settings.max_streaming
    ) as pool:
        opener = web_chat_opener(
            pool,
            stores,
            profile_folders=settings.profile_folders,
            headless=settings.headless,
            driver=settings.browser_driver,
            capture=settings.capture,
        )
        browser = build_browser_config(
            BrowserSettings(), headless=settings.headless, driver=settings.browser_driver
        )

        async def try_once(order: TrialOrder, profile: SelectorProfile) -> TrialReport:
            return await try_profile(
                pool, TrialPlan(url=order.url, profile=profile, browser=browser, ask=order.ask)
            )

        yield OpenedPages(opener, pool.status, try_once)


def start_obstacles(settings: Settings) -> list[str]:
    """Return what is missing here for the settings' kind of browser, each with what to do about it.

    No reason not to start: endpoints may say otherwise, and those of other types need no browser.
    """
    driver = driver_obstacle(BrowserConfig(driver=settings.browser_driver))
    display = None
    if not settings.headless and settings.browser_driver != "cdp" and not can_show_windows():
        display = display_obstacle()
    return [obstacle for obstacle in (driver, display) if obstacle]
