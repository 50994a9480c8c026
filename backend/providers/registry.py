"""The kinds of providers of this version, opened together with what they share: one browser pool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from automation.browser.pool import open_browser_pool
from backend.providers.config import EndpointConfig
from backend.providers.kinds import AccountStores, OpenedProviders
from backend.providers.profile_source import read_profile
from backend.providers.web_chat import web_chat_opener
from backend.settings import Settings


@asynccontextmanager
async def open_providers(settings: Settings, stores: AccountStores) -> AsyncIterator[OpenedProviders]:
    """Hand out the openers; browsers start when the first endpoint needs one, and end with the context."""

    def check(config: EndpointConfig) -> None:
        read_profile(config, settings.selectors_dir)

    async with open_browser_pool(settings.browser_executable, settings.max_pages) as pool:
        web_chat = web_chat_opener(
            pool,
            stores,
            selectors_dir=settings.selectors_dir,
            headless=settings.headless,
            driver=settings.browser_driver,
            capture=settings.capture,
        )
        yield OpenedProviders({"web_chat": web_chat}, check, pool.status)
