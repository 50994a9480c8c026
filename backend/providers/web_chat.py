"""Serves an endpoint from a chat page in a browser."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from automation.browser.pool import BrowserPool
from automation.sign_in.session_state import SessionStore
from automation.stealth.options import BrowserConfig, Driver, ProxyConfig
from automation.timing import Timeouts
from automation.turn import ChatLink, Prompt, TurnEvent
from automation.web_provider.base import Credentials, WebChatConfig, WebProviderBase
from automation.web_provider.config import CaptureRoute
from backend.providers.config import BrowserSettings, EndpointConfig, Proxy
from backend.providers.profile_source import read_profile
from backend.providers.protocol import Provider, ProviderHealth, ProviderOpener


@dataclasses.dataclass(frozen=True, slots=True)
class _WebChat:
    """A ``Provider`` on a page."""

    page: WebProviderBase

    def open_turn(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[TurnEvent]]:
        """Return a context that hands out the turn's events."""
        return self.page.open_turn(prompt)

    async def models(self) -> list[str]:
        """Return the site's own model names; empty when the site offers no choice."""
        return list(await self.page.models())

    async def check(self) -> ProviderHealth:
        """Look whether the site could answer now; its details count the pages."""
        return ProviderHealth(is_healthy=True, details=await self.page.check())

    async def forget_chat(self, chat: ChatLink) -> bool:
        """Delete a chat at the site, and return whether it was; False where the profile doesn't say how."""
        return await self.page.forget_chat(chat)


def web_chat_opener(
    pool: BrowserPool,
    sessions_for: Callable[[EndpointConfig], SessionStore],
    *,
    selectors_dir: Path,
    headless: bool,
    driver: Driver = "playwright",
    capture: CaptureRoute = "auto",
) -> ProviderOpener:
    """Return the opener of ``web_chat`` endpoints; their pages come from ``pool``."""

    @asynccontextmanager
    async def open_web_chat(config: EndpointConfig) -> AsyncIterator[Provider]:
        web = web_chat_config(config, selectors_dir, headless=headless, driver=driver, capture=capture)
        async with WebProviderBase.open(pool, web, sessions_for(config)) as page:
            yield _WebChat(page)

    return open_web_chat


def web_chat_config(
    config: EndpointConfig,
    selectors_dir: Path,
    *,
    headless: bool,
    driver: Driver = "playwright",
    capture: CaptureRoute = "auto",
) -> WebChatConfig:
    """Return the endpoint in the words of ``automation``.

    Raises:
        ProfileError: Its profile is invalid.
    """
    return WebChatConfig(
        base_url=config.base_url,
        login_url=config.login_url,
        profile=read_profile(config, selectors_dir),
        credentials=_credentials(config),
        browser=browser_of(config.browser_config, headless=headless, driver=driver),
        max_pages=config.max_concurrent_requests,
        timeouts=Timeouts(turn_s=config.timeout_seconds),
        name=config.slug,
        capture=capture,
        human_input=config.browser_config.human_input,
    )


def _credentials(config: EndpointConfig) -> Credentials | None:
    if config.username is None or config.password is None:
        return None
    return Credentials(config.username, config.password.get_secret_value())


def browser_of(browser: BrowserSettings, *, headless: bool, driver: Driver) -> BrowserConfig:
    """Return an endpoint's browser; ``headless`` and ``driver`` are the gateway's, for where it says nothing."""
    viewport = browser.viewport
    return BrowserConfig(
        headless=headless if browser.headless is None else browser.headless,
        user_agent=browser.user_agent,
        viewport=(viewport.width, viewport.height) if viewport else None,
        timeout_ms=browser.timeout,
        anti_detection=browser.anti_detection,
        proxy=_proxy(browser.proxy) if browser.proxy else None,
        locale=browser.locale,
        timezone=browser.timezone,
        driver=browser.driver or ("cdp" if browser.cdp_url else driver),
        cdp_url=browser.cdp_url,
        gl=browser.gl,
        stealth=browser.stealth.enabled(),
    )


def _proxy(proxy: Proxy) -> ProxyConfig:
    return ProxyConfig(
        proxy.server, proxy.username, proxy.password.get_secret_value() if proxy.password else None
    )
