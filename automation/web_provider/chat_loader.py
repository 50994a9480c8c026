"""Loads a chat page, waits until it is ready, and signs in by the site's form if necessary."""

from __future__ import annotations

import logging
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from playwright.async_api import Page

from automation.account.account import Account
from automation.account.config import WebChatConfig
from automation.capture.network_tap import NetworkTap
from automation.errors import (
    ChallengeRequiredError,
    SignInRequiredError,
    SiteChangedError,
    UnreachableError,
)
from automation.navigation import go_to
from automation.page.agent import PageAgent
from automation.page.challenges import STANDS_S, challenge_of_response
from automation.page.evidence import site_changed
from automation.page.hands import PageInput
from automation.sign_in.form import fill_form
from automation.web_provider.chat_opener import ChatOpener

logger = logging.getLogger(__name__)

_ERROR_STATUS = 400
_SOCKET_S = 10.0
_CLOCKS_AGREE_S = 5.0
# So often a network process that died again while the page loaded has its cookies put back.
_MOST_MENDS = 3
_CHALLENGES = {name: {name: True, "input_ready": False} for name in ("captcha", "qrcode")}


class ChatLoader:
    """Loads one page until its chat is ready."""

    def __init__(
        self,
        page: Page,
        account: Account,
        config: WebChatConfig,
        network: NetworkTap,
        dom: PageAgent,
        hands: PageInput,
    ) -> None:
        self._page = page
        self._account = account
        self._config = config
        self._profile = config.profile
        self._timeouts = config.timeouts
        self._network = network
        self._dom = dom
        self._hands = hands
        self._opener = ChatOpener(self._profile, dom, hands)
        self._sockets_before = 0
        self._site_ahead_s = 0.0

    @property
    def _sign_in_url(self) -> str:
        assert self._profile.sign_in is not None
        return self._config.login_url or urljoin(self._config.base_url, self._profile.sign_in.path)

    async def load(self, url: str) -> None:
        """Load an address.

        Raises:
            UnreachableError: It leads nowhere, or not to a page.
            ChallengeRequiredError: A check of the site stands in its place.
            PageLostError: The page went away.
        """
        self._sockets_before = self._network.sockets_made
        response = await go_to(self._page, url, "commit", self._timeouts.navigate_s)
        self._dom.forget()
        if response is None:
            return
        self._site_ahead_s = _ahead_s(response.headers.get("date"), time.time())
        if challenge_of_response(response.headers):
            await self._until_challenge_passed()
        elif response.status >= _ERROR_STATUS:
            raise UnreachableError(url, f"it answers with HTTP {response.status}")
        media_type = response.headers.get("content-type", "text/html").split(";")[0].strip()
        if "html" not in media_type:
            raise UnreachableError(url, f"it serves {media_type}, not a page")

    async def ensure_ready(self) -> None:
        """Wait until the chat is ready; sign in where the site shows its form instead.

        Raises:
            SignInRequiredError: The site wants a sign-in that is not possible by itself.
            ChallengeRequiredError: It wants a person.
            SiteChangedError: The page shows no prompt field.
        """
        state = await self._first_state()
        if state == "ready":
            await self.until_socket(self._sockets_before)
            await self._hands.dismiss_dialogs()
            return
        if state in {"captcha", "qrcode"}:
            raise ChallengeRequiredError(state)
        if state is None:
            raise await site_changed(self._page, self._dom, "input", "opening the chat")
        await self._sign_in()

    async def _first_state(self) -> str | None:
        """Return what the page shows first: ``ready``, ``form``, a check for a person, or None when nothing came in time."""
        try:
            state = await self._state_of_chat()
        except SiteChangedError:
            if await self._dom.shows_check_around():
                return "captcha"  # in the place of the chat's frame
            raise
        return "captcha" if await self._dom.shows_check_around(STANDS_S) else state

    async def _state_of_chat(self) -> str | None:
        ready: dict[str, bool] = {"input_ready": True}
        outcomes: dict[str, dict[str, bool]] = {}
        form = self._profile.sign_in
        if form is not None:
            outcomes["form"] = {"username": True, "input": False}
            if form.signed_out:
                outcomes["signed_out"] = {"signed_out": True}
            if form.signed_in:
                ready["signed_in"] = True
        outcomes["ready"] = ready
        await self._opener.show_frame(self._timeouts.ready_s)
        state = await self._opener.wait_first({**outcomes, **_CHALLENGES}, self._timeouts.ready_s)
        if state in _CHALLENGES:
            # Many checks pass by themselves after a moment.
            state = await self._wait_first(outcomes, STANDS_S) or state
        return "form" if state == "signed_out" else state

    async def open_chat(self) -> None:
        """Bring the chat into view where the profile says how, as after a new one was begun."""
        if self._profile.open:
            await self._opener.show_frame(self._timeouts.stop_s)
            await self._opener.wait_first({"ready": {"input_ready": True}}, self._timeouts.stop_s)

    async def _wait_first(self, outcomes: dict[str, dict[str, bool]], limit_s: float) -> str | None:
        state = await self._dom.call("first", outcomes, int(limit_s * 1000), timeout_s=limit_s + 5)
        return str(state) if state else None

    async def _until_challenge_passed(self) -> None:
        """Wait a moment for a check in place of the page to pass by itself.

        Raises:
            ChallengeRequiredError: It wants a person.
        """
        wanted = ["input", *(["username", "signed_out"] if self._profile.sign_in else [])]
        outcomes = {role: {role: True} for role in wanted}
        if await self._wait_first(outcomes, STANDS_S) is None:
            raise ChallengeRequiredError("captcha")

    async def _sign_in(self) -> None:
        account = self._account
        async with account.sign_in_lock:
            if await self._is_signed_in_after_all():
                return
            if account.refusal is not None:
                raise account.refusal
            if account.credentials is None:
                reason = "the site shows its sign-in form and no credentials are stored for this endpoint"
                raise SignInRequiredError(reason)
            await self.load(self._sign_in_url)
            await self._dom.call(
                "until", {"username": True}, int(self._timeouts.ready_s * 1000), timeout_s=60
            )
            try:
                await fill_form(
                    self._dom,
                    self._hands,
                    account.credentials,
                    self._timeouts.sign_in_s,
                    now_s=lambda: time.time() + self._site_ahead_s,
                )
            except SignInRequiredError as exc:
                # Asked again with the same credentials, sites lock accounts.
                account.refusal = exc
                raise
            await self.load(self._config.chat_url)
            if await self._first_state() != "ready":
                raise await site_changed(self._page, self._dom, "input", "opening the chat after signing in")
            await self.until_socket(self._sockets_before)
            await self._hands.dismiss_dialogs()
            await account.signed_in()

    async def _is_signed_in_after_all(self) -> bool:
        """Load the chat once more: another page of the account may have signed in, or its cookies been put back."""
        for _ in range(_MOST_MENDS):
            await self._account.restore_lost_cookies()
            await self.load(self._config.chat_url)
            if await self._first_state() == "ready":
                return True
            if await self._account.is_network_process_unchanged():
                break
        return False

    async def until_socket(self, after: int) -> None:
        """Wait until the page's WebSocket is ready; prompts sent before take a route that is not read."""
        wire = self._profile.wire
        if wire is None or not wire.ready_message or self._network.sockets_ready > after:
            return
        if not await self._network.until_socket_ready(after, _SOCKET_S):
            logger.warning("socket_not_ready", extra={"endpoint": self._config.name})


def _ahead_s(date: str | None, now_s: float) -> float:
    """Return by how much the site's clock is ahead of ours; 0 where it doesn't say, or where the way there explains it."""
    try:
        ahead_s = parsedate_to_datetime(date or "").timestamp() - now_s
    except ValueError:
        return 0.0
    return ahead_s if abs(ahead_s) > _CLOCKS_AGREE_S else 0.0
