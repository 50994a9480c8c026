"""A page's way back to an empty chat: its answer stopped, its chat deleted or left, a new one confirmed to be empty."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from playwright.async_api import Page

from automation.account.config import WebChatConfig
from automation.capture.network_tap import NetworkTap
from automation.errors import PageLostError, SiteChangedError
from automation.page.agent import PageAgent
from automation.page.cdp import CALL_S
from automation.page.evidence import site_changed
from automation.page.hands import PageInput
from automation.page.waits import until_at_rest, until_shown
from automation.playwright_errors import page_calls
from automation.web_provider.chat_loader import ChatLoader
from automation.web_provider.chat_states import ChatState

logger = logging.getLogger(__name__)

_APPEARS_MS = 1000
# How long the turns of a first load must rest, and how long the greeting of a later one may take.
_FIRST_REST_MS = 500
_GREETS_MS = 3000
_STREAM_ENDS_S = 1.0
_CONFIRM_TRIES = 3


class ChatReset:
    """Gets empty chats on one page."""

    def __init__(
        self,
        page: Page,
        agent: PageAgent,
        hands: PageInput,
        network: NetworkTap,
        loader: ChatLoader,
        config: WebChatConfig,
    ) -> None:
        self._page = page
        self._agent = agent
        self._hands = hands
        self._network = network
        self._loader = loader
        self._config = config
        self._profile = config.profile
        self._stop_s = config.timeouts.stop_s
        # The turns that an empty chat shows, such as a greeting; None until a page was loaded.
        self._ground: list[str] | None = None

    async def make_empty(self, state: ChatState) -> None:
        """End what a chat in this state still does, and get an empty one by the page's own control, or by loading it.

        Raises:
            AutomationError: That did not work: the page must be closed.
        """
        await self._agent.call("endTurn")
        if not (await self._is_over(state) and await self._click_new_chat()):
            await self.load_empty()

    async def load_empty(self) -> None:
        """Load the page anew, sign in where it asks for that, and see that its chat is empty.

        Raises:
            AutomationError: It does not show an empty chat.
        """
        await self._loader.load(self._config.chat_url)
        await self._loader.ensure_ready()
        if await self._is_empty_when_loaded() or await self._click_new_chat():
            return
        if self._ground is not None and await self._until({"no_turns": self._empty()}, _APPEARS_MS):
            return
        raise await self._not_empty()

    async def _is_empty_when_loaded(self) -> bool:
        """Whether the page that was just loaded shows an empty chat: that is what a first load shows, with its greeting."""
        if self._ground is not None:
            return await self._is_ground()
        shown = await self._shown_turns(_FIRST_REST_MS)
        can_tell = bool(self._profile.user_turn) or not self._profile.new_chat.click
        if shown["users"] or (shown["assistants"] and not can_tell):
            return False
        self._ground = shown["assistants"]
        return True

    async def _is_ground(self) -> bool:
        """Whether the chat shows no more than an empty one, waiting for the greeting that others had."""
        if self._ground and not await self._until({"no_turns": self._empty(is_whole=True)}, _GREETS_MS):
            if not await self._until({"no_turns": self._empty()}, 0):
                return False
            self._ground = (await self._shown_turns(0))["assistants"]
        return await self._until({"no_turns": self._empty()}, 0)

    def _empty(self, left: Sequence[str] = (), *, is_whole: bool = False) -> Any:
        """Return what an empty chat shows, as the page agent takes it; ``left`` are the turns of the chat before it."""
        if not self._ground and not left:
            return True
        ground = {"ground": self._ground or [], "left": list(left)}
        return {**ground, "all": True} if is_whole else ground

    async def _shown_turns(self, rest_ms: int) -> dict[str, Any]:
        limit_ms = rest_ms * 4
        told: dict[str, Any] = await self._agent.call(
            "restingTurns", rest_ms, limit_ms, timeout_s=limit_ms / 1000 + CALL_S
        )
        return told

    async def _not_empty(self) -> SiteChangedError:
        shown = await self._shown_turns(0)
        seen = f"{shown['users']} 'user_turn' and {len(shown['assistants'])} 'assistant_turn'"
        problem = (
            f"after 'new_chat.click' the chat still shows {seen}"
            if self._profile.new_chat.click
            else f"its address shows a chat with {seen}, and there is no 'new_chat.click' to leave it by"
        )
        return await site_changed(self._page, self._agent, "new_chat", "starting a new chat", problem=problem)

    async def delete_chat(self) -> bool:
        """Delete the chat that is shown, where the profile says how; tell whether that was done.

        Raises:
            SiteChangedError: One of the controls is missing.
        """
        steps = len(self._profile.conversation.delete)
        for number in range(steps):
            await self._until({f"delete_chat_{number}": True}, _APPEARS_MS)
            await self._hands.click(f"delete_chat_{number}", "deleting the chat")
        return steps > 0

    async def _is_over(self, state: ChatState) -> bool:
        """End what the chat still does; False where only leaving the page helps."""
        match state:
            case ChatState.ANSWERING:
                return await self._stop()
            case ChatState.THROWAWAY:
                await self.delete_chat()
                return True
            case ChatState.ANSWERED:
                return await until_at_rest(self._agent, self._stop_s)
        return False

    async def _stop(self) -> bool:
        is_over = await self._stop_generating()
        if self._profile.retire_after_stop:
            msg = "The page is closed after a stop, as its profile says."
            raise PageLostError(msg)
        return is_over

    async def _stop_generating(self) -> bool:
        """Click the stop control and see it go; False when only leaving the page can stop it."""
        if not self._profile.stop:
            return False
        await self._until({"stop": True}, _APPEARS_MS)
        if not await self._hands.click_if_there("stop", "stopping the answer"):
            return False
        # A page may take its stop control away although its server goes on: only the stream's end is proof.
        stopped = await until_at_rest(self._agent, self._stop_s) and await self._network.until_streams_end(
            _STREAM_ENDS_S
        )
        logger.info(
            "answer_stopped" if stopped else "answer_not_stopped", extra={"endpoint": self._config.name}
        )
        return stopped

    async def _click_new_chat(self) -> bool:
        """Get an empty chat by the page's own control; False when it has none or it did not work."""
        new_chat = self._profile.new_chat
        sockets = self._network.sockets_made
        left = await self._turns_to_leave()
        if not new_chat.click or not await self._hands.click_if_there("new_chat", "starting a new chat"):
            return False
        if new_chat.confirm and not await self._confirm_new_chat():
            return False
        await self._loader.open_chat()
        want: dict[str, Any] = {"no_turns": self._empty(left), "input_ready": True}
        if self._ground is None:
            want["no_turns"] = {"ground": [], "left": [], "any": True}
        if new_chat.ready:
            want["new_chat_ready"] = True
        if new_chat.opens_socket:
            await self._loader.until_socket(sockets)
        return await self._until(want, int(self._stop_s * 1000)) and await self._greets()

    async def _turns_to_leave(self) -> list[str]:
        """Return what the chat shows that must be gone from a new one, where no questions tell it."""
        if self._profile.user_turn or self._ground is None:
            return []
        shown: list[str] = (await self._shown_turns(0))["assistants"]
        return [text for text in shown if text not in self._ground]

    async def _greets(self) -> bool:
        if self._ground is None:
            self._ground = (await self._shown_turns(_FIRST_REST_MS))["assistants"]
            return True
        return not self._ground or await self._is_ground()

    async def _confirm_new_chat(self) -> bool:
        """Confirm in the dialog that may come; False when it comes and doesn't go."""
        if not await self._until({"new_chat_confirm": True}, _APPEARS_MS):
            return True
        # Behind another tab a dialog would take seconds to come up.
        with page_calls("confirming a new chat"):
            await self._page.bring_to_front()
        for _ in range(_CONFIRM_TRIES):
            # One that is just coming up lies under its own backdrop for a moment, and moves.
            await self._until({"still:new_chat_confirm": True}, _APPEARS_MS)
            await self._hands.click_if_there("new_chat_confirm", "confirming a new chat")
            if await self._until({"new_chat_confirm": False}, _APPEARS_MS):
                return True
        return False

    async def _until(self, want: dict[str, Any], milliseconds: int) -> bool:
        return await until_shown(self._agent, want, milliseconds)
