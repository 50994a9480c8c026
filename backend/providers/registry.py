"""The kinds of providers of this version, opened together with what they share: one browser pool."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from automation.browser.display import can_show_windows, display_obstacle
from automation.browser.drivers import driver_obstacle
from automation.browser.pool import open_browser_pool
from automation.stealth.options import BrowserConfig
from backend.providers.api.opener import api_opener, check_api
from backend.providers.config import EndpointConfig
from backend.providers.kinds import AccountStores, OpenedProviders
from backend.providers.profile_source import read_profile
from backend.providers.web_chat import web_chat_opener
from backend.settings import Settings

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_providers(settings: Settings, stores: AccountStores) -> AsyncIterator[OpenedProviders]:
    """Hand out the openers; browsers start when the first endpoint needs one, and end with the context."""

    def check(config: EndpointConfig) -> None:
        if config.is_api:
            check_api(config, settings.provider_keys)
        else:
            read_profile(config, settings.selectors_dir)

    for obstacle in start_obstacles(settings):
        _log.warning("browser_settings_need_more", extra={"reason": obstacle})
    async with (
        open_browser_pool(settings.browser_executable, settings.max_pages, settings.max_streaming) as pool,
        # How many go to an API at once is what its endpoint says; a cookie of one provider is nobody else's.
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
        ) as session,
    ):
        web_chat = web_chat_opener(
            pool,
            stores,
            selectors_dir=settings.selectors_dir,
            headless=settings.headless,
            driver=settings.browser_driver,
            capture=settings.capture,
        )
        api = api_opener(session, settings.provider_keys)
        openers = {"web_chat": web_chat, "rest_api": api, "api_token": api}
        yield OpenedProviders(openers, check, pool.status)


def start_obstacles(settings: Settings) -> list[str]:
    """Return what is missing here for the settings' kind of browser, each with what to do about it.

    No reason not to start: endpoints may say otherwise, and those of other types need no browser.
    """
    driver = driver_obstacle(BrowserConfig(driver=settings.browser_driver))
    display = None
    if not settings.headless and settings.browser_driver != "cdp" and not can_show_windows():
        display = display_obstacle()
    return [obstacle for obstacle in (driver, display) if obstacle]
