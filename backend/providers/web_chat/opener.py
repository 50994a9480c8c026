"""Opens chat-page endpoints in browsers, with one account or many."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from automation.account.account import Account, build_account
from automation.account.config import CaptureRoute
from automation.account.credentials import Credentials
from automation.account.session_state import SessionStore, StorageState
from automation.browser.pool import BrowserPool
from automation.sign_in.interactive_sign_in import InteractiveSignIn, open_interactive_sign_in
from automation.stealth.options import BrowserConfig, Driver, ProxyConfig
from automation.timing import Timeouts
from automation.web_provider.chat_site import ChatSite, WebChatConfig
from automation.web_provider.form_sign_in import sign_in_by_form
from backend.accounts.account_config import AccountConfig, RateLimits, own_account, session_key
from backend.accounts.policy import AccountLimits
from backend.providers.config import BrowserSettings, EndpointConfig, Isolation, Proxy
from backend.providers.kinds import AccountStores
from backend.providers.protocol import PageProvider, PageProviderOpener
from backend.providers.web_chat.account_pool_provider import open_account_pool
from backend.providers.web_chat.page_evictor import PageEvictor
from backend.providers.web_chat.profile_source import read_profile
from backend.providers.web_chat.site_browsers import AccountPoolPlan, SiteBrowsers


class AccountBrowsers:
    """The browser contexts of an endpoint's accounts: each has one while its pages are open or a person is at work in it.

    With ``isolation`` ``profile`` it is that of a browser which no other account shares.
    """

    def __init__(
        self,
        pool: BrowserPool,
        web: WebChatConfig,
        stores: AccountStores,
        isolation: Isolation = "shared",
    ) -> None:
        self._pool = pool
        self._isolation = isolation
        self._web = web
        self._stores = stores
        self._accounts: dict[str, Account] = {}
        self._holders: Counter[str] = Counter()

    def account(self, config: AccountConfig) -> Account:
        """Return the account for ``automation``; the same object each time until it is closed."""
        if config.id not in self._accounts:
            is_own = self._isolation == "profile"
            self._accounts[config.id] = build_account(
                self._pool,
                self.web_chat(config),
                self._session_store(config),
                self._stores.profiles_for(self._web.name, session_key(config)) if is_own else None,
            )
        return self._accounts[config.id]

    def _session_store(self, config: AccountConfig) -> SessionStore:
        return self._stores.sessions_for(self._web.name, session_key(config))

    async def forget_session(self, config: AccountConfig) -> None:
        """Forget the session that is kept of an account."""
        await self._session_store(config).clear()

    def web_chat(self, config: AccountConfig, at_once: int = 1) -> WebChatConfig:
        """Return the ``automation`` configuration of the account's pages."""
        return replace(self._web, credentials=_credentials(config), max_pages=at_once)

    @asynccontextmanager
    async def open_pages(self, config: AccountConfig, limits: AccountLimits) -> AsyncIterator[ChatSite]:
        """Open the account's pages; at the end its session is stored and its context closed."""
        async with (
            self._held(config) as account,
            ChatSite.open(account, self.web_chat(config, limits.at_once)) as pages,
        ):
            yield pages

    @asynccontextmanager
    async def open_sign_in(
        self, config: AccountConfig, *, expects_check: bool
    ) -> AsyncIterator[InteractiveSignIn]:
        """Open the page on which a person signs the account in, or passes a check of the site."""
        async with (
            self._held(config) as account,
            open_interactive_sign_in(account, self.web_chat(config), expects_check=expects_check) as sign_in,
        ):
            yield sign_in

    async def sign_in_by_form(self, config: AccountConfig) -> None:
        """Fill the site's form with the account's credentials, also where they were refused before."""
        async with self._held(config) as account:
            await sign_in_by_form(account, self.web_chat(config))

    @asynccontextmanager
    async def _held(self, config: AccountConfig) -> AsyncIterator[Account]:
        """Hold the account's context for pages or a person; whoever leaves last stores the session and closes it."""
        account = self.account(config)
        self._holders[config.id] += 1
        try:
            yield account
        finally:
            self._holders[config.id] -= 1
            if not self._holders[config.id]:
                await account.close()

    async def session(self, config: AccountConfig) -> StorageState | None:
        """Return the account's session as it is now; None where there is none."""
        return await self.account(config).state()

    async def replace_session(self, config: AccountConfig, state: StorageState) -> None:
        """Replace the account's session."""
        await self.account(config).replace_session(state)

    async def let_go(self, account_id: str) -> None:
        """Close what is open of an account that was changed or removed."""
        account = self._accounts.pop(account_id, None)
        if account is not None:
            await account.close()


def web_chat_opener(
    pool: BrowserPool,
    stores: AccountStores,
    *,
    profile_folders: Sequence[Path],
    headless: bool,
    driver: Driver = "playwright",
    capture: CaptureRoute = "auto",
) -> PageProviderOpener:
    """Return the opener of ``web_chat`` endpoints; their pages come from ``pool``, by eviction where all are taken."""
    evictor = PageEvictor()

    @asynccontextmanager
    async def open_web_chat(config: EndpointConfig) -> AsyncIterator[PageProvider]:
        web = web_chat_config(config, profile_folders, headless=headless, driver=driver, capture=capture)
        browsers = AccountBrowsers(pool, web, stores, config.browser_config.isolation)
        async with open_account_pool(
            build_account_pool_plan(config, browsers), stores.accounts, evictor
        ) as provider:
            yield provider

    return open_web_chat


def build_account_pool_plan(config: EndpointConfig, browsers: SiteBrowsers) -> AccountPoolPlan:
    """Return the account pool's settings for an endpoint."""
    return AccountPoolPlan(
        slug=config.slug,
        pace=RateLimits(
            max_requests_per_period=config.max_requests_per_period,
            period_seconds=config.period_seconds,
            min_delay_between_requests=config.min_delay_between_requests,
        ),
        own=own_account(config.username, config.password),
        is_own_anonymous=config.username is None,
        most_at_once=config.max_concurrent_requests,
        keep_alive_s=config.keep_alive_seconds,
        challenge_wait_s=config.challenge_wait_seconds,
        browsers=browsers,
    )


def web_chat_config(
    config: EndpointConfig,
    profile_folders: Sequence[Path],
    *,
    headless: bool,
    driver: Driver = "playwright",
    capture: CaptureRoute = "auto",
) -> WebChatConfig:
    """Translate the endpoint into ``automation``'s configuration.

    Raises:
        ProfileError: Its profile is invalid.
    """
    return WebChatConfig(
        base_url=config.base_url,
        login_url=config.login_url,
        profile=read_profile(config, profile_folders),
        credentials=_credentials(own_account(config.username, config.password)),
        browser=build_browser_config(config.browser_config, headless=headless, driver=driver),
        max_pages=config.max_concurrent_requests,
        timeouts=_timeouts(config),
        name=config.slug,
        capture=capture,
        human_input=config.browser_config.human_input,
    )


def _timeouts(config: EndpointConfig) -> Timeouts:
    usual = Timeouts()
    return replace(
        usual,
        turn_s=config.timeout_seconds,
        first_token_s=config.first_token_seconds or usual.first_token_s,
        idle_s=config.idle_seconds or usual.idle_s,
    )


def _credentials(config: AccountConfig) -> Credentials | None:
    if config.username is None or config.password is None:
        return None
    totp_secret = config.totp_secret.get_secret_value() if config.totp_secret else None
    return Credentials(config.username, config.password.get_secret_value(), totp_secret)


def build_browser_config(browser: BrowserSettings, *, headless: bool, driver: Driver) -> BrowserConfig:
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
