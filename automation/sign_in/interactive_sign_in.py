"""Sign-in by a person on the site's own pages in the account's context, until they show that it is done.

Nothing here solves anything. A person sees the page in the live view, or scans its QR code from elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import anyio
from playwright.async_api import Page

from automation.account.account import Account
from automation.account.config import WebChatConfig, effective_timeouts
from automation.closing import close_within
from automation.errors import PageLostError, SignInRequiredError, SiteChangedError
from automation.navigation import go_to
from automation.owned_tasks import owned_tasks
from automation.page.agent import PageAgent
from automation.page.cdp import Channel, PageChannel, TargetTree
from automation.sign_in.followed_pages import FollowedPages, open_devtools_session, open_followed_pages
from automation.sign_in.live_view import LiveView, open_live_view
from automation.sign_in.qr_code import QrCode, watch_for_qr_codes
from automation.sign_in.status import SignInState, SignInStatus

__all__ = ["EXPIRES_S", "InteractiveSignIn", "SignInState", "SignInStatus", "open_interactive_sign_in"]

logger = logging.getLogger(__name__)

EXPIRES_S = 900.0
_LOOK_S = 5.0
_RETRY_S = 1.0
# Many sites show their chat for a moment before they lead to the sign-in page.
_STAYS_MS = 1000


class InteractiveSignIn:
    """One sign-in; get it from ``open_interactive_sign_in``."""

    def __init__(
        self,
        account: Account,
        config: WebChatConfig,
        page: Page,
        pages: FollowedPages,
        dom: PageAgent,
        *,
        expects_check: bool,
    ) -> None:
        self.status = SignInStatus("waiting")
        self._account = account
        self._config = config
        self._page = page
        self._pages = pages
        self._dom = dom
        self._expects_check = expects_check
        self._news = anyio.Event()
        self._finishing = anyio.Lock()

    def view(self) -> AbstractAsyncContextManager[LiveView]:
        """Show the page to a person; one view at a time."""
        return open_live_view(self._pages)

    @property
    def news(self) -> anyio.Event:
        """Set when ``status`` changes; each change has its own event, so take it before ``status``."""
        return self._news

    async def until_over(self) -> None:
        """Return when the sign-in has ended in whatever way."""
        while True:
            news = self._news
            if self.status.is_over:
                return
            await news.wait()

    def cancel(self) -> None:
        """End it; the account stays as it was."""
        self._end(SignInStatus("cancelled", reason="it was cancelled"))

    async def complete(self) -> None:
        """Verify a person's claim that the account is signed in, by loading the chat.

        Raises:
            SignInRequiredError: The site doesn't show the chat; the sign-in goes on.
            UnreachableError, PageLostError: The chat could not be loaded.
        """
        if self.status.state == "signed_in":
            return
        if self.status.is_over:
            raise SignInRequiredError(self.status.reason)
        await self._load(self._config.chat_url)
        limit_s = self._config.timeouts.ready_s
        outcomes = {"ready": self._ready, **self._refusals}
        outcome = await self._dom.call("first", outcomes, int(limit_s * 1000), timeout_s=limit_s + 5)
        if outcome != "ready":
            reason = "the site does not show its chat yet; sign in first, then say that you are done"
            raise SignInRequiredError(reason)
        await self._finish()

    async def start(self) -> None:
        """Load the page on which one signs in.

        Raises:
            UnreachableError: It can't be loaded.
            PageLostError: The page went away.
        """
        await self._load(self._config.sign_in_url)

    async def watch(self) -> None:
        """Watch the page until the profile's roles show that the account is signed in, however that came about."""
        while not self.status.is_over:
            changed = self._pages.changed
            if self._page.is_closed() or self._pages.front is None:
                self._end(SignInStatus("lost", reason=self._pages.lost_reason or "The page was closed."))
                return
            try:
                if self._expects_check:
                    # The check may come with the next prompt only: the person sends one, and says when it is done.
                    self._expects_check = await self._shows_chat() and not await self._leaves_chat()
                elif await self._is_signed_in():
                    await self._finish()
            except (PageLostError, SiteChangedError) as exc:
                # It is loading, or hangs; a closed one is noticed above.
                logger.debug("sign_in_check_failed", extra={"reason": str(exc)})
                with anyio.move_on_after(_RETRY_S):
                    await changed.wait()

    async def watch_qr_code(self) -> None:
        """Keep ``status.qr`` equal to the QR code on the page."""
        await watch_for_qr_codes(self._pages, self.show_qr_code)

    async def expire(self, after_s: float) -> None:
        """End it after this time, unless it has ended by then."""
        await anyio.sleep(after_s)
        minutes = f"{after_s / 60:g} min"
        self._end(SignInStatus("expired", reason=f"nobody signed in within {minutes}; start it again"))

    @property
    def _ready(self) -> dict[str, bool]:
        form = self._config.profile.sign_in
        ready = {"input_ready": True, "captcha": False, "qrcode": False}
        return {**ready, "signed_in": True} if form and form.signed_in else ready

    @property
    def _refusals(self) -> dict[str, dict[str, bool]]:
        form = self._config.profile.sign_in
        if form is None:
            return {}
        refusals = {"form": {"username": True, "input": False}}
        return {**refusals, "signed_out": {"signed_out": True}} if form.signed_out else refusals

    async def _load(self, url: str) -> None:
        # Whatever its status is: a site's check is often a page with 403.
        await go_to(self._page, url, "commit", self._config.timeouts.navigate_s)
        self._dom.forget()

    async def _is_signed_in(self) -> bool:
        ready = {"ready": self._ready}
        if await self._dom.call("first", ready, int(_LOOK_S * 1000), timeout_s=2 * _LOOK_S) is None:
            return False
        left = await self._dom.call("until", {"input_ready": False}, _STAYS_MS)
        return not left and await self._dom.call("first", ready, 0) is not None

    async def _shows_chat(self) -> bool:
        """Whether the page shows its chat, rather than a check or a form."""
        outcomes = {
            "ready": self._ready,
            **self._refusals,
            "captcha": {"captcha": True},
            "qrcode": {"qrcode": True},
        }
        found = await self._dom.call("first", outcomes, int(_LOOK_S * 1000), timeout_s=2 * _LOOK_S)
        return bool(found == "ready")

    async def _leaves_chat(self) -> bool:
        return bool(await self._dom.call("until", {"input_ready": False}, _STAYS_MS))

    async def _finish(self) -> None:
        async with self._finishing:
            if self.status.is_over:
                return
            await self._account.signed_in()
            self._end(SignInStatus("signed_in"))

    def show_qr_code(self, qr: QrCode | None) -> None:
        """Tell what code the page shows now, or that it shows none any more."""
        if not self.status.is_over:
            self._change(SignInStatus("qrcode" if qr else "waiting", qr))

    def _end(self, status: SignInStatus) -> None:
        if not self.status.is_over:
            logger.info("sign_in_ended", extra={"endpoint": self._config.name, "state": status.state})
            self._change(status)

    def _change(self, status: SignInStatus) -> None:
        self.status = status
        news, self._news = self._news, anyio.Event()
        news.set()


@asynccontextmanager
async def open_interactive_sign_in(
    account: Account,
    config: WebChatConfig,
    *,
    expires_s: float = EXPIRES_S,
    expects_check: bool = False,
) -> AsyncIterator[InteractiveSignIn]:
    """Open the page on which a person signs the account in; it is closed at the end, whatever happens.

    It ends by itself when the page shows its chat. Where a check is what stopped the account (``expects_check``), a page that
    shows its chat from the start proves nothing: the person says then when he is done.

    While it is open no other page of the account tries to sign in: those that find themselves signed out wait for it.

    Raises:
        UnreachableError: The page can't be loaded.
        BrowserUnavailableError, PageLostError, PoolFullError: There is no page to load it in.
    """
    config = replace(config, timeouts=effective_timeouts(config))
    async with account.sign_in_lock, account.browsers.page_slot():
        page = await account.new_page(in_own_window=True, is_for_sign_in=True)
        try:
            async with open_followed_pages(page) as pages, owned_tasks() as tasks:
                dom = await _tap(page, pages, config)
                sign_in = InteractiveSignIn(account, config, page, pages, dom, expects_check=expects_check)
                await sign_in.start()
                tasks.start_soon(sign_in.watch)
                tasks.start_soon(sign_in.watch_qr_code)
                tasks.start_soon(sign_in.expire, expires_s)
                yield sign_in
        finally:
            await close_within(page, config.timeouts.close_s)


async def _tap(page: Page, pages: FollowedPages, config: WebChatConfig) -> PageAgent:
    session = await open_devtools_session(page)

    async def prepare(channel: Channel, kind: str) -> None:
        await dom.attach(channel, kind)

    targets = TargetTree(PageChannel(session), prepare, pages.spawn)
    dom = PageAgent(targets, config.profile, _LOOK_S)
    page.on("framenavigated", lambda _: dom.forget())
    page.on("close", lambda _: targets.close("The page was closed."))
    page.on("crash", lambda _: targets.close("The page's renderer crashed."))
    await targets.start()
    return dom
