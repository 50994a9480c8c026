"""A page's way back to an empty chat: its answer stopped, its chat deleted or left, a new one confirmed to be empty."""

from __future__ import annotations

import logging

from playwright.async_api import Page

from automation.account.config import WebChatConfig
from automation.capture.network_tap import NetworkTap
from automation.errors import PageLostError
from automation.page.agent import PageAgent
from automation.page.evidence import site_changed
from automation.page.hands import PageInput
from automation.page.waits import until_at_rest, until_shown
from automation.playwright_errors import page_calls
from automation.web_provider.chat_loader import ChatLoader
from automation.web_provider.chat_states import ChatState

logger = logging.getLogger(__name__)

_APPEARS_MS = 1000
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
        if await self._agent.call("first", {"empty": {"no_turns": True}}, 0):
            return
        if await self._click_new_chat() or await self._until({"no_turns": True}, _APPEARS_MS):
            return
        raise await site_changed(self._page, self._agent, "new_chat", "starting a new chat")

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
        if not new_chat.click or not await self._hands.click_if_there("new_chat", "starting a new chat"):
            return False
        if new_chat.confirm and not await self._confirm_new_chat():
            return False
        want = {"no_turns": True, "input_ready": True}
        if new_chat.ready:
            want["new_chat_ready"] = True
        if new_chat.opens_socket:
            await self._loader.until_socket(sockets)
        return await self._until(want, int(self._stop_s * 1000))

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

    async def _until(self, want: dict[str, bool], milliseconds: int) -> bool:
        return await until_shown(self._agent, want, milliseconds)
