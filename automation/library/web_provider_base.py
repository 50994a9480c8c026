"""Base class for library users' chat-page providers; a subclass describes its site."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

from automation.account.account import Account, open_account
from automation.account.config import WebChatConfig
from automation.account.credentials import Credentials
from automation.account.session_import import find_session
from automation.browser.pool import open_browser_pool
from automation.errors import AnswerRewrittenError, AutomationError, SignInRequiredError
from automation.library.interface import (
    BaseProvider,
    Messages,
    ProviderContext,
    ProviderResponse,
    ProviderStatus,
    ProviderType,
    status_after,
)
from automation.library.kept_open import KeptOpen
from automation.library.prompts import build_prompt
from automation.library.sessions import MemorySession
from automation.library.stealth_browser import StealthBrowser
from automation.profiles.validation import parse_profile
from automation.stealth.options import BrowserConfig, ProxyConfig
from automation.timing import Timeouts
from automation.turn import (
    ReasoningDelta,
    SourceFound,
    TextDelta,
    TurnEvent,
    TurnFinished,
    UsageReported,
    join_answer,
)
from automation.web_provider.chat_site import ChatSite as ChatPages

# The names that programs know a page's parts by; every other name is the profile's own (selectors/README.md).
_PARTS = {"chat_input": "input", "send_button": "send", "response_area": "assistant_turn"}


class WebProviderBase(BaseProvider):
    """Answers through a chat page. It is usable as it is; a subclass may override the methods with an underscore.

    Attributes:
        selectors: ``chat_input``, ``send_button``, ``response_area``, and any key of a profile, such as ``stop``. They may be
            changed until ``initialize``.
        browser: The page that ``_authenticate`` works on; None at any other time.

    ``config`` may have ``base_url`` (needed), ``login_url``, ``selectors``, ``headless`` (True), ``timeout`` (seconds a whole
    answer may take), ``max_pages`` (answers at once, 1), ``executable`` (the browser's program), ``user_agent``, ``locale``,
    ``timezone``, ``proxy`` (``{"server", "username", "password"}``) and ``login_required`` (refuse to start without credentials).
    """

    def __init__(
        self,
        name: str,
        provider_type: ProviderType | str = ProviderType.WEB_AUTOMATION,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(name, provider_type, config)
        self.selectors: dict[str, Any] = dict(self.config.get("selectors") or {})
        self.browser: StealthBrowser | None = None
        self._kept: KeptOpen[ChatPages] | None = None
        self._pages: ChatPages | None = None

    # -- what a subclass may say of its site -----------------------------------------------------------------------------

    async def _authenticate(self) -> bool | None:
        """Sign in with ``self.browser``, which shows the sign-in page; False means that it didn't work.

        Without an override a form is filled where the selectors have ``sign_in``.
        """

    async def _wait_for_response(self) -> None:
        """Wait for what the site still needs when an answer is whole; its end itself is noticed without this."""

    # -- the interface ---------------------------------------------------------------------------------------------------

    async def initialize(self, context: ProviderContext) -> None:
        """Start the browser, sign in, and open the chat.

        Raises:
            AutomationError: The site can't be reached, wants a sign-in, or isn't what the selectors say.
            ValueError: The configuration or the credentials can't be used.
        """
        await self.cleanup()
        self.context, self.status = context, ProviderStatus.INITIALIZING
        try:
            kept = KeptOpen(self._opened(self._chat_config(context), context))
            self._pages = await kept.open()
        except (AutomationError, ValueError) as exc:
            self.status = status_after(exc)
            raise
        self._kept, self.status = kept, ProviderStatus.ACTIVE

    async def send_message(self, message: Messages, **kwargs: Any) -> ProviderResponse:
        """Return the page's answer; ``model`` chooses one at the site.

        Raises:
            ValueError: The message asks nothing.
        """
        model = kwargs.get("model")
        try:
            found = [event async for event in self._events(message, model)]
        except AutomationError as exc:
            return ProviderResponse("", success=False, provider=self.name, error=str(exc), model=model)
        return _response(found, self.name, model)

    async def stream_message(self, message: Messages, **kwargs: Any) -> AsyncIterator[str]:
        """Yield the answer's text as the page writes it.

        Raises:
            AutomationError: It broke off, or the page replaced what was yielded: what came so far is not the answer.
            ValueError: The message asks nothing.
        """
        async with aclosing(self._events(message, kwargs.get("model"))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    yield event.text
                elif isinstance(event, TurnFinished) and event.is_rewritten:
                    raise AnswerRewrittenError

    async def health_check(self) -> bool:
        """Return whether the chat is open and can take a prompt."""
        if self._pages is None:
            return False
        try:
            await self._pages.check()
        except AutomationError as exc:
            self.status = status_after(exc)
            return False
        return True

    async def cleanup(self) -> None:
        """Close the pages and the browser; harmless where nothing is open."""
        kept, self._kept, self._pages = self._kept, None, None
        self.status = ProviderStatus.INACTIVE
        if kept is not None:
            await kept.close()

    # -- inside ----------------------------------------------------------------------------------------------------------

    async def _events(self, message: Messages, model: str | None) -> AsyncGenerator[TurnEvent, None]:
        prompt = replace(build_prompt(message, model), is_throwaway=True)
        if self._pages is None:
            msg = f"the provider {self.name!r} is not open; call initialize() first"
            raise RuntimeError(msg)
        with self.answering():
            async with KeptOpen(self._pages.open_turn(prompt)) as events:
                async for event in events:
                    if isinstance(event, TurnFinished):
                        await self._wait_for_response()
                    yield event

    @asynccontextmanager
    async def _opened(self, config: WebChatConfig, context: ProviderContext) -> AsyncIterator[ChatPages]:
        store = MemorySession(find_session(context.credentials, config.base_url))
        # Beside those that answer: the one to sign in on, and one that takes another's place.
        most = config.max_pages + 2
        async with (
            open_browser_pool(self.config.get("executable"), most) as pool,
            open_account(pool, config, store) as account,
        ):
            if type(self)._authenticate is not WebProviderBase._authenticate:  # noqa: SLF001  our own class
                await self._sign_in(account, config)
            async with ChatPages.open(account, config) as pages:
                yield pages

    async def _sign_in(self, account: Account, config: WebChatConfig) -> None:
        page = await account.new_page(in_own_window=False)
        self.browser = StealthBrowser.on(page, timeout_s=config.timeouts.sign_in_s)
        try:
            await self.browser.navigate(config.login_url or config.base_url)
            if await self._authenticate() is False:
                msg = f"_authenticate of {self.name!r} said so"
                raise SignInRequiredError(msg)
            await account.signed_in()
        finally:
            await self.browser.close_page()
            self.browser = None

    def _chat_config(self, context: ProviderContext) -> WebChatConfig:
        given = self.config
        credentials = _credentials(context.credentials)
        if not given.get("base_url"):
            msg = f"config of {self.name!r}: base_url is missing"
            raise ValueError(msg)
        if given.get("login_required") and not context.credentials:
            msg = f"the provider {self.name!r} wants credentials (login_required)"
            raise SignInRequiredError(msg)
        parts = {_PARTS.get(name, name): value for name, value in self.selectors.items()}
        return WebChatConfig(
            base_url=given["base_url"],
            login_url=given.get("login_url"),
            profile=parse_profile(parts),
            credentials=credentials,
            browser=_browser(given),
            max_pages=int(given.get("max_pages", 1)),
            timeouts=replace(Timeouts(), turn_s=given.get("timeout")),
            name=self.name,
        )


def _response(events: list[TurnEvent], provider: str, model: str | None) -> ProviderResponse:
    end = events[-1]
    assert isinstance(end, TurnFinished)
    told = next((event for event in events if isinstance(event, UsageReported)), None)
    usage = {"prompt_tokens": told.input_tokens, "completion_tokens": told.output_tokens} if told else {}
    return ProviderResponse(
        join_answer(events),
        success=True,
        provider=provider,
        model=model,
        reasoning="".join(event.text for event in events if isinstance(event, ReasoningDelta)) or None,
        usage=usage,
        metadata={
            "finish_reason": end.finish_reason,
            "sources": [
                {"url": event.url, "title": event.title} for event in events if isinstance(event, SourceFound)
            ],
        },
    )


def _credentials(given: Mapping[str, Any]) -> Credentials | None:
    username = given.get("username") or given.get("email")
    if not username or not given.get("password"):
        return None
    return Credentials(str(username), str(given["password"]), given.get("totp_secret"))


def _browser(given: Mapping[str, Any]) -> BrowserConfig:
    proxy = given.get("proxy")
    return BrowserConfig(
        headless=bool(given.get("headless", True)),
        user_agent=given.get("user_agent"),
        locale=given.get("locale"),
        timezone=given.get("timezone"),
        proxy=ProxyConfig(proxy["server"], proxy.get("username"), proxy.get("password")) if proxy else None,
    )
