"""One page of a chat site: opened and signed in, given one turn at a time, and reset after each."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.streams.memory import MemoryObjectSendStream

from automation.account.account import Account
from automation.account.config import WebChatConfig, reading_profile
from automation.owned_tasks import owned_tasks
from automation.page.cdp import Spawn
from automation.page.hands import PageInput
from automation.page.waits import until_at_rest, until_written
from automation.turn import ChatLink, TurnEvent
from automation.web_provider.chat_finder import ChatFinder
from automation.web_provider.chat_loader import ChatLoader
from automation.web_provider.chat_reset import ChatReset
from automation.web_provider.chat_states import READY_STATES, ChatMove, ShownChat
from automation.web_provider.chat_turn import ChatTurn
from automation.web_provider.composing.attachments import Attachments
from automation.web_provider.composing.composer import Composer, PromptLeftTraces
from automation.web_provider.page_connection import PageConnection, open_page_connection
from automation.web_provider.turn_input import TurnInput
from automation.web_provider.wire_check import WireCheck

logger = logging.getLogger(__name__)

_WIRE_RESTS_S = 2.0
_WIRE_SPEAKS_S = 15.0
# Each time another way of entry is tried.
_MOST_LOADS = 3


class ChatPage:
    """A page that answers turns; get it from ``open_chat_page``.

    Attributes:
        connection: The attached page.
    """

    def __init__(
        self,
        connection: PageConnection,
        account: Account,
        config: WebChatConfig,
        chat: ShownChat,
        *,
        composer: Composer,
        finder: ChatFinder,
        reset: ChatReset,
        turn: ChatTurn,
        wire_check: WireCheck,
    ) -> None:
        self.connection = connection
        self._agent = connection.agent
        self._account = account
        self._config = config
        self._chat = chat
        self._composer = composer
        self._finder = finder
        self._reset = reset
        self._turn = turn
        self._wire_check = wire_check

    async def open(self) -> None:
        """Load the empty chat and sign in if the site asks for it.

        Raises:
            UnreachableError: The address leads nowhere, or not to a page.
            SignInRequiredError: The site wants a sign-in that is not possible by itself.
            SiteChangedError: The page shows no prompt field.
            PageLostError: The page went away.
        """
        await self._reset.load_empty()
        await self._agent.call("rest")
        self._chat.move(ChatMove.EMPTY)

    async def visit(self) -> None:
        """Load the empty chat anew.

        Raises:
            AutomationError: It doesn't show; the page is closed then.
        """
        self._chat.move(ChatMove.LEAVE)
        await self._reset.load_empty()
        self._chat.move(ChatMove.EMPTY)

    async def until_lost(self) -> None:
        """Return when the page is gone; see ``PageConnection.until_lost``."""
        await self.connection.until_lost()

    async def memory_bytes(self) -> int | None:
        """Return what the page's renderer holds; see ``PageLife.memory_bytes``."""
        return await self.connection.life.memory_bytes()

    @property
    def holds(self) -> str | None:
        """The id of the chat that the page shows and can continue; None with an empty one."""
        return self._chat.link.id if self._chat.link else None

    @property
    def is_single_turn(self) -> bool:
        """Whether the chat that it holds has one turn only."""
        return self._chat.is_single_turn

    @property
    def has_sent_nothing(self) -> bool:
        """Whether it is certain that nothing was sent since ``show_chat``."""
        return not self._composer.may_have_sent

    async def show_chat(self, chat: ChatLink | None) -> bool:
        """Show this chat and return True, or show an empty one and return False.

        Raises:
            AutomationError: Neither worked.
        """
        self._composer.may_have_sent = False
        await self._account.restore_lost_cookies()
        if chat is None:
            return False
        is_here = self.holds == chat.id
        if not is_here and chat.url is None:
            return False
        self._chat.move(ChatMove.LEAVE)
        is_being_written = self._chat.is_being_written
        if await (
            self._finder.still_shows(chat, is_being_written=is_being_written)
            if is_here
            else self._finder.reopen(chat)
        ):
            self._chat.move(ChatMove.FIND, chat)
            return True
        logger.info("chat_gone", extra={"endpoint": self._config.name})
        await self.settle()
        return False

    async def take_turn(self, ask: TurnInput, out: MemoryObjectSendStream[TurnEvent]) -> None:
        """Send what is asked in this chat and the answer's events to ``out``; see ``ChatTurn.take``.

        Where entering the prompt left more than text on the page, that is loaded anew and it is entered another way.
        """
        for _ in range(_MOST_LOADS):
            chat = self._chat.link
            try:
                await self._turn.take(ask, out)
            except PromptLeftTraces:
                logger.info("composer_left_traces", extra={"endpoint": self._config.name})
                await self.settle()
                if chat is not None and not await self.show_chat(chat):
                    raise
            else:
                return
        await self._turn.take(ask, out)

    async def until_wire_rests(self) -> None:
        """Wait until what the page's sockets still say of another turn is over."""
        if not await self.connection.network.until_sockets_rest(_WIRE_RESTS_S, _WIRE_SPEAKS_S):
            logger.info("wire_not_at_rest", extra={"endpoint": self._config.name})

    async def delete_chat(self) -> bool:
        """Delete the chat that is held, where the profile says how; tell whether that was done.

        Raises:
            SiteChangedError: One of the controls is missing.
        """
        self._chat.move(ChatMove.GIVE_UP)
        return await self._reset.delete_chat()

    async def clear(self) -> None:
        """Give up the chat that is held and get an empty one.

        Raises:
            AutomationError: That did not work: the page must be closed.
        """
        self._chat.move(ChatMove.GIVE_UP)
        await self.settle()

    async def settle(self) -> None:
        """Keep a chat that can be continued; else stop what is still being generated and get an empty chat.

        Raises:
            AutomationError: That did not work: the page must be closed.
        """
        self.connection.check_alive()
        await self._wire_check.compare()
        if self._chat.state in READY_STATES:
            await until_at_rest(self._agent, self._config.timeouts.stop_s)
        else:
            if self._chat.is_being_written:
                # Pages that type an answer out may drop the next prompt until they are done, in a new chat, too.
                await until_written(self._agent, self._config.timeouts.stop_s)
            await self._reset.make_empty(self._chat.state)
            self._chat.move(ChatMove.EMPTY)
            self._chat.is_being_written = False
        await self._agent.call("rest")
        await self._account.note_cookies()


@asynccontextmanager
async def open_chat_page(account: Account, config: WebChatConfig, spawn: Spawn) -> AsyncIterator[ChatPage]:
    """Open a page in the account's context; it is closed at the end, whatever happens.

    Raises:
        AutomationError: It could not be opened, or shows no chat.
    """
    async with account.browsers.page_slot():
        page = await account.new_page(in_own_window=reading_profile(config).wire is None)
        async with (
            open_page_connection(
                page, account.browsers, config.profile, config.timeouts, spawn
            ) as connection,
            owned_tasks() as tasks,
        ):
            chat = build_chat_page(connection, account, config)
            await chat.open()
            tasks.start_soon(connection.watch)
            yield chat


def build_chat_page(connection: PageConnection, account: Account, config: WebChatConfig) -> ChatPage:
    """Return a chat page with its parts; nothing is loaded yet."""
    page, agent, network = connection.page, connection.agent, connection.network
    profile, timeouts = config.profile, config.timeouts
    chat = ShownChat()
    hands = PageInput(page, agent, config.human_input)
    loader = ChatLoader(page, account, config, network, agent, hands)
    composer = Composer(agent, hands, profile, timeouts)
    finder = ChatFinder(page, agent, loader, config)
    wire_check = WireCheck(agent, config)
    turn = ChatTurn(
        connection,
        account,
        config,
        chat,
        hands=hands,
        loader=loader,
        composer=composer,
        attachments=Attachments(page, agent, hands, profile, timeouts),
        finder=finder,
        wire_check=wire_check,
    )
    return ChatPage(
        connection,
        account,
        config,
        chat,
        composer=composer,
        finder=finder,
        reset=ChatReset(page, agent, hands, network, loader, config),
        turn=turn,
        wire_check=wire_check,
    )
