"""Finds a chat of a site again: by its address, or on the page that still shows it."""

from __future__ import annotations

import logging
import secrets
from functools import partial

import anyio
from playwright.async_api import Page

from automation.account.config import WebChatConfig
from automation.errors import SiteChangedError, UnreachableError
from automation.page.agent import PageAgent
from automation.page.chat_identity import (
    ChatRecognition,
    ChatVerdict,
    build_fingerprint,
    find_order,
    parse_last_turn,
)
from automation.page.waits import until_at_rest, until_shown, until_written
from automation.patterns import is_found
from automation.playwright_errors import DRIVER_ERRORS, first_line
from automation.turn import ChatLink
from automation.web_provider.chat_loader import ChatLoader
from automation.web_provider.turn_input import TurnInput

logger = logging.getLogger(__name__)

_OWN_URL_MS = 500
_LOOK_S = 0.1


class ChatFinder:
    """Shows earlier chats on one page, and says how the one that is shown is found again."""

    def __init__(self, page: Page, agent: PageAgent, loader: ChatLoader, config: WebChatConfig) -> None:
        self._page = page
        self._agent = agent
        self._loader = loader
        self._conversation = config.profile.conversation
        self._timeouts = config.timeouts

    async def reopen(self, chat: ChatLink) -> bool:
        """Load the chat's address; False where it does not show this chat, answered and at rest.

        Raises:
            AutomationError: The page is gone, or the site wants a person.
        """
        assert chat.url is not None
        try:
            await self._loader.load(chat.url)
            await self._loader.ensure_ready()
        except (UnreachableError, SiteChangedError):
            return False
        want = {"no_turns": False, "input_ready": True}
        await until_shown(self._agent, want, int(self._timeouts.ready_s * 1000))
        return await self._shows(chat, is_opened_anew=True)

    async def still_shows(self, chat: ChatLink, *, is_being_written: bool = False) -> bool:
        """Whether this chat still stands on the page as it was left, its last prompt answered and the page at rest.

        ``is_being_written`` where the page showed only a part of its last answer: pages that type an answer out may drop
        a prompt until they are done, so that is waited for.

        Raises:
            PageLostError: The page is gone, or hung.
        """
        if is_being_written:
            await until_written(self._agent, self._timeouts.ready_s)
        return await self._shows(chat, is_opened_anew=False)

    async def _shows(self, chat: ChatLink, *, is_opened_anew: bool) -> bool:
        if not await until_at_rest(self._agent, self._timeouts.stop_s):
            return False
        recognition = ChatRecognition(chat.fingerprint, is_opened_anew=is_opened_anew)
        order = find_order(chat.fingerprint)
        verdict = ChatVerdict.WAIT
        with anyio.move_on_after(self._timeouts.ready_s):
            while True:
                shown = parse_last_turn(await self._agent.call("lastAsked", order))
                verdict = recognition.feed(shown, anyio.current_time())
                if verdict is not ChatVerdict.WAIT:
                    break
                await anyio.sleep(_LOOK_S)
        # A question that comes late may have its answer generated still.
        return verdict is ChatVerdict.OURS and await until_at_rest(self._agent, self._timeouts.stop_s)

    async def link_after(self, ask: TurnInput, before: ChatLink | None, answer: str) -> ChatLink | None:
        """Return how the chat on the page can be found again, if it can go on; ``before`` is its link until this turn."""
        if not self._conversation.remembers or ask.is_throwaway:
            return None
        shown = parse_last_turn(await self._agent.call("lastAsked", None))
        return ChatLink(
            id=before.id if before else secrets.token_hex(16),
            url=await self._own_url(),
            fingerprint=build_fingerprint(ask.text, answer, shown),
        )

    async def _own_url(self) -> str | None:
        """Return the chat's own address; a page may give it one only when its first answer is complete."""
        pattern = self._conversation.url
        if not pattern:
            return None
        try:
            await self._page.wait_for_url(
                partial(is_found, pattern), wait_until="commit", timeout=_OWN_URL_MS
            )
        except DRIVER_ERRORS as exc:
            # The answer is complete all the same; the chat just can't be found again without this page.
            logger.info("chat_has_no_address", extra={"reason": first_line(exc)})
            return None
        return self._page.url
