"""One account at a site: its browser context, its stored session, and one sign-in at a time."""

from __future__ import annotations

import logging

import anyio
from playwright.async_api import BrowserContext, Page

from automation.browser.pool import BrowserPool
from automation.browser.windows import open_window
from automation.errors import PageLostError, SignInRequiredError
from automation.playwright_errors import DRIVER_ERRORS, first_line, page_calls
from automation.sign_in.credentials import Credentials
from automation.sign_in.session_state import SessionStore
from automation.stealth.options import BrowserConfig

log = logging.getLogger(__name__)

_SAVE_EVERY_S = 30.0
_CLOSE_S = 5.0


class Account:
    """Owns the context that all of the account's pages share; makes a new one when the browser died."""

    def __init__(
        self,
        browsers: BrowserPool,
        browser: BrowserConfig,
        sessions: SessionStore,
        credentials: Credentials | None,
        *,
        keeps_state: bool = False,
    ) -> None:
        self.browsers = browsers
        self.credentials = credentials
        self.sign_in_lock = anyio.Lock()
        self.refusal: SignInRequiredError | None = None
        self._browser = browser
        self._sessions = sessions
        self._context: BrowserContext | None = None
        self._opening = anyio.Lock()
        self._opening_window = anyio.Lock()
        self._keeps_state = keeps_state or credentials is not None
        self._was_active = False

    async def context(self) -> BrowserContext:
        """Return the living context, opened from the stored session if there is none.

        Raises:
            BrowserUnavailableError, PageLostError: No browser, or it died in that moment.
        """
        async with self._opening:
            if self._context is None:
                state = await self._sessions.load()
                context = await self.browsers.new_context(self._browser, state)
                context.on("close", lambda _: self._forget(context))
                self._context = context
            return self._context

    async def new_page(self, *, in_own_window: bool) -> Page:
        """Return a new, empty page: a tab of the window that there is, or in a window of its own.

        Raises:
            BrowserUnavailableError, PageLostError: No browser, or it died in that moment.
        """
        context = await self.context()
        # One at a time, or each would take the other's window for its own.
        async with self._opening_window:
            with page_calls("opening a page"):
                return await (open_window(context) if in_own_window else context.new_page())

    def _forget(self, context: BrowserContext) -> None:
        if self._context is context:
            self._context = None

    def used(self) -> None:
        """Note a turn: sites renew cookies as one goes along, and the stored session must follow."""
        self._was_active = True

    async def signed_in(self) -> None:
        """Note that the account has just signed in, and store its session."""
        await self.save()

    async def save(self) -> None:
        """Store the session, encrypted by the store.

        Raises:
            PageLostError: The browser is gone; what was stored before stays.
        """
        if self._context is None or self._browser.is_attached:
            # In a person's own browser the session is the person's, and stays there.
            return
        with page_calls("saving the session"):
            state = await self._context.storage_state(indexed_db=True)
        await self._sessions.save(dict(state))
        self._was_active = False

    async def keep_saved(self) -> None:
        """Store the session every half minute in which it was used."""
        while True:
            await anyio.sleep(_SAVE_EVERY_S)
            await self._save_what_changed()

    async def _save_what_changed(self) -> None:
        if not (self._was_active and self._keeps_state):
            return
        try:
            await self.save()
        except PageLostError as exc:
            log.warning("session_not_saved", extra={"reason": str(exc)})

    async def close(self) -> None:
        """Store the session if it was used since, and close the context; pages in it close with it.

        A person's own browser is left as it is: each of our pages closes itself.
        """
        with anyio.move_on_after(_CLOSE_S, shield=True):
            await self._save_what_changed()
        context, self._context = self._context, None
        if context is None or self._browser.is_attached:
            return
        with anyio.move_on_after(_CLOSE_S, shield=True):
            try:
                await context.close()
            except DRIVER_ERRORS as exc:
                log.debug("context_gone", extra={"reason": first_line(exc)})
