"""One account at a site: its browser context, its stored session, and one sign-in at a time."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
from playwright.async_api import Browser, BrowserContext, Page

from automation.account.config import WebChatConfig
from automation.account.credentials import Credentials
from automation.account.session_state import SessionNotKeptError, SessionStore, StorageState
from automation.account.stored_session import take_up
from automation.browser.pool import BrowserPool
from automation.browser.processes import network_pid
from automation.browser.profile_folder import ProfileFolder
from automation.browser.windows import open_window
from automation.closing import close_within
from automation.errors import PageLostError, SessionRefusedError, SignInRequiredError
from automation.playwright_errors import page_calls
from automation.stealth.options import BrowserConfig

logger = logging.getLogger(__name__)

_SAVE_EVERY_S = 30.0
_OPEN_S = 20.0
_COOKIES_S = 5.0
_SAVE_S = 20.0
_CLOSE_S = 5.0


class Account:
    """Owns the context that all of the account's pages share; makes a new one when the browser died.

    With a ``profile`` it has a browser of its own, which keeps everything there.
    """

    def __init__(
        self,
        browsers: BrowserPool,
        browser: BrowserConfig,
        sessions: SessionStore,
        credentials: Credentials | None,
        *,
        keeps_state: bool = False,
        profile: ProfileFolder | None = None,
    ) -> None:
        self.browsers = browsers
        self.credentials = credentials
        self.sign_in_lock = anyio.Lock()
        self.refusal: SignInRequiredError | None = None
        self._browser = browser
        self._sessions = sessions
        self._context: BrowserContext | None = None
        self._cookies: list[dict[str, Any]] = []
        self._network: int | None = None
        # What the store could not keep: a new context gets it.
        self._unsaved: StorageState | None = None
        self._opening = anyio.Lock()
        self._opening_window = anyio.Lock()
        self._profile = profile
        self._first_page: Page | None = None
        self._keeps_state = keeps_state or credentials is not None
        self._was_active = False

    async def context(self, *, is_for_sign_in: bool = False) -> BrowserContext:
        """Return the living context, opened from the stored session if there is none.

        Where the browser does not take the session, an account that can sign in, or is about to, begins without one.

        Raises:
            BrowserUnavailableError, PageLostError: No browser, or it died in that moment.
            SessionRefusedError: The browser does not take the session, and without it the account is nobody.
        """
        async with self._opening:
            context = self._context
            if context is None or self.browsers.is_gone(context_browser(context)):
                state = self._unsaved or await self._sessions.load()
                # A session that somebody brought must be kept up to date, whoever signed in.
                self._keeps_state = self._keeps_state or state is not None
                try:
                    context = await self._open_context(state)
                except SessionRefusedError:
                    if not (is_for_sign_in or self.credentials):
                        raise
                    state = None
                    context = await self._open_context(state)
                context.on("close", self._forget)
                self._context = context
                self._cookies = list(state["cookies"]) if state else []
                # Reading them starts the network process of a new browser. One that was just replaced has none, and is not ours.
                found = await self._read_cookies(context)
                has_all = bool(found) or not self._cookies
                if self._profile is not None:
                    self._cookies = found
                self._network = await self._read_network_pid(context) if has_all else None
            return context

    async def _open_context(self, state: StorageState | None) -> BrowserContext:
        if self._profile is None:
            return await self.browsers.new_context(self._browser, state)
        profile = await self._profile.unseal()
        context = await self.browsers.open_own(self._browser, profile.path)
        # With a window, Chromium ends with its last page: the empty one that it began with is left to hold it open.
        self._first_page = context.pages[0] if context.pages and self._browser.headless else None
        if state is None:
            return context
        try:
            await take_up(context, state, profile.found)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.browsers.close_own(context_browser(context))
                # Half a session is none.
                await (self._profile.clear() if profile.found == "new" else self._profile.seal())
            raise
        return context

    async def new_page(self, *, in_own_window: bool, is_for_sign_in: bool = False) -> Page:
        """Return a new, empty page: a tab of the window that there is, or in a window of its own.

        Raises:
            BrowserUnavailableError, PageLostError: No browser, or it died in that moment.
            SessionRefusedError: See ``context``.
        """
        context = await self.context(is_for_sign_in=is_for_sign_in)
        # One at a time, or each would take the other's window for its own.
        async with self._opening_window:
            try:
                # Chromium may have had the page's renderer ready, and that one may hang.
                first, self._first_page = self._first_page, None
                if first is not None and not first.is_closed():
                    # A browser that was started on a profile has one open already.
                    return first
                with anyio.move_on_after(_OPEN_S), page_calls("opening a page"):
                    return await (open_window(context) if in_own_window else context.new_page())
            except PageLostError:
                await self.browsers.examine(context_browser(context))
                raise
        msg = f"The browser opened no page within {_OPEN_S:g} s."
        raise PageLostError(msg)

    def _forget(self, context: BrowserContext) -> None:
        if self._context is context:
            self._context = None

    # -- cookies ----------------------------------------------------------------------------------------------------

    async def restore_lost_cookies(self) -> None:
        """Restore the context's cookies after the browser replaced its network process, which alone had them.

        Raises:
            PageLostError: The browser is gone.
        """
        context = self._context
        if context is None or await self.is_network_process_unchanged():
            return
        logger.warning("network_process_replaced")
        with _cookie_calls("restoring the session"):
            await context.add_cookies(self._cookies)  # type: ignore[arg-type]
        self._network = await self._read_network_pid(context)

    async def is_network_process_unchanged(self) -> bool:
        """Return whether the network process is unchanged; a new one means that streams were cut and cookies lost."""
        return self._context is None or self._network == await self._read_network_pid(self._context)

    async def note_cookies(self) -> None:
        """Remember the context's cookies as they are after a turn.

        Raises:
            PageLostError: The browser is gone.
        """
        await self.restore_lost_cookies()
        if self._context is not None:
            # None at all are rather those of a network process that died in this moment.
            self._cookies = await self._read_cookies(self._context) or self._cookies

    @staticmethod
    async def _read_cookies(context: BrowserContext) -> list[dict[str, Any]]:
        with _cookie_calls("reading the session"):
            return [dict(cookie) for cookie in await context.cookies()]

    async def _read_network_pid(self, context: BrowserContext) -> int | None:
        return network_pid(await self.browsers.processes(context_browser(context)))

    def mark_active(self) -> None:
        """Mark the session as used by a turn: sites renew cookies as one goes along, so it must be stored again."""
        self._was_active = True

    async def signed_in(self) -> None:
        """Note that the account has just signed in, and store its session."""
        self.refusal = None
        self._keeps_state = True
        await self.try_save()

    async def save(self) -> None:
        """Store the session, encrypted by the store.

        Raises:
            PageLostError: The browser is gone; what was stored before stays.
            SessionNotKeptError: The store can't keep it; what was stored before stays.
        """
        if self._context is None or self._browser.is_attached:
            # In a person's own browser the session is the person's, and stays there.
            return
        await self.restore_lost_cookies()
        state = await self._read_state(self._context)
        if not await self.is_network_process_unchanged() or (self._cookies and not state["cookies"]):
            # It was read while the network process died, and the cookies with it: what was stored before is better.
            msg = "The browser's network process was replaced while the session was read."
            raise PageLostError(msg)
        self._unsaved, self._cookies = state, list(state["cookies"])
        await self._sessions.save(self._unsaved)
        self._unsaved = None
        self._was_active = False

    async def state(self) -> StorageState | None:
        """Return the session as it is now, or as it was stored last; None where there is none.

        Raises:
            PageLostError: The browser is going away in this moment.
        """
        if self._context is None:
            return self._unsaved or await self._sessions.load()
        await self.restore_lost_cookies()
        return await self._read_state(self._context)

    async def replace_session(self, state: StorageState) -> None:
        """Replace the session by ``state``: close the context, and use it from the next opening on.

        Raises:
            SessionNotKeptError: The store can't keep it; it is used all the same until the gateway ends.
        """
        await self._close_context()
        if self._profile is not None:
            await self._profile.clear()
        self.refusal = None
        self._was_active = False
        self._unsaved = state
        await self._sessions.save(state)
        self._unsaved = None

    @staticmethod
    async def _read_state(context: BrowserContext) -> StorageState:
        # It asks the context's pages, and one that hangs would never let it end.
        with anyio.move_on_after(_SAVE_S), page_calls("saving the session"):
            return dict(await context.storage_state(indexed_db=True))
        msg = f"The browser did not give out the session within {_SAVE_S:g} s."
        raise PageLostError(msg)

    async def keep_saved(self, every_s: float = _SAVE_EVERY_S) -> None:
        """Store the session in each such time in which it was used."""
        while True:
            await anyio.sleep(every_s)
            await self._save_what_changed()

    async def _save_what_changed(self) -> None:
        if not (self._was_active and self._keeps_state):
            return
        await self.try_save()

    async def try_save(self) -> None:
        """Store the session; where that fails the earlier one stays, turns go on, and it is tried again at the next occasion."""
        try:
            await self.save()
        except (PageLostError, SessionNotKeptError) as exc:
            logger.warning("session_not_saved", extra={"reason": str(exc)})

    async def close(self) -> None:
        """Store the session if it was used since, and close the context; pages in it close with it.

        A person's own browser is left as it is: each of our pages closes itself.
        """
        with anyio.move_on_after(_CLOSE_S, shield=True):
            await self._save_what_changed()
        await self._close_context()

    async def _close_context(self) -> None:
        context, self._context = self._context, None
        if self._profile is not None:
            with anyio.CancelScope(shield=True):
                if context is not None:
                    await self.browsers.close_own(context_browser(context))
                await self._profile.seal()
            return
        if context is None or self._browser.is_attached:
            return
        await close_within(context, _CLOSE_S)


@contextmanager
def _cookie_calls(step: str) -> Iterator[None]:
    """Limit the time of a call to the network process: one that dies with it may never return.

    Raises:
        PageLostError: It was not answered, or the browser is gone.
    """
    with anyio.move_on_after(_COOKIES_S) as waiting, page_calls(step):
        yield
    if waiting.cancelled_caught:
        msg = f"The browser did not answer within {_COOKIES_S:g} s while {step}."
        raise PageLostError(msg)


def build_account(
    browsers: BrowserPool, config: WebChatConfig, sessions: SessionStore, profile: ProfileFolder | None = None
) -> Account:
    """Return an account of a site; nothing is opened before its first page."""
    return Account(
        browsers,
        config.browser,
        sessions,
        config.credentials,
        keeps_state=config.profile.conversation.in_browser,
        profile=profile,
    )


@asynccontextmanager
async def open_account(
    browsers: BrowserPool, config: WebChatConfig, sessions: SessionStore, profile: ProfileFolder | None = None
) -> AsyncIterator[Account]:
    """Hold an account; its browser starts with its first page, and its session is stored at the end."""
    account = build_account(browsers, config, sessions, profile)
    try:
        yield account
    finally:
        await account.close()


def context_browser(context: BrowserContext) -> Browser:
    """Return the browser that a context of the pool lives in."""
    assert context.browser is not None
    return context.browser
