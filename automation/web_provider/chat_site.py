"""Drives one chat site: leases a page for each turn and hands out the turn's events."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from automation.account.account import Account
from automation.account.config import WebChatConfig, effective_timeouts
from automation.account.credentials import Credentials
from automation.account.turns_apart import TurnsApart
from automation.browser.lease import LeasePool
from automation.errors import (
    AutomationError,
    ConversationGoneError,
    SentState,
    SignInRequiredError,
    SiteError,
)
from automation.owned_tasks import owned_tasks, page_work
from automation.secret_mask import SecretMask
from automation.turn import ChatLink, Prompt, TurnEvent, TurnFinished
from automation.web_provider.chat_page import ChatPage, open_chat_page
from automation.web_provider.composing.attachments import check_files, new_files
from automation.web_provider.second_try import may_try_again
from automation.web_provider.transcript import compose_transcript
from automation.web_provider.turn_input import build_turn_input

__all__ = ["ChatSite", "Credentials", "WebChatConfig"]

logger = logging.getLogger(__name__)

_BUFFERED_EVENTS = 256
_WARM_PAGES = 2


@dataclass(slots=True)
class _Outcome:
    """Result of a turn's driver, for the reader of its events."""

    error: AutomationError | None = None


class ChatSite:
    """One endpoint's chat site. Subclasses change how a prompt is worded or what a site needs before it.

    Attributes:
        account: Whose pages they are.
        pool: The pages themselves.
    """

    def __init__(self, account: Account, config: WebChatConfig, tasks: TaskGroup) -> None:
        self.config = replace(config, timeouts=effective_timeouts(config))
        self.account = account
        self._mask = SecretMask(account.credentials.secrets if account.credentials is not None else ())
        self._spawn = page_work(tasks)
        self._turns = TurnsApart(config.profile.wire)
        self.pool: LeasePool[ChatPage] = LeasePool(
            self.open_page,
            tasks,
            limit=config.max_pages,
            warm=_WARM_PAGES if config.profile.spare_pages else 1,
            spare=config.profile.spare_pages,
        )

    @classmethod
    @asynccontextmanager
    async def open(cls, account: Account, config: WebChatConfig) -> AsyncIterator[Self]:
        """Hold the site open with the account's pages; returns once the first are ready. Does not close the account.

        Raises:
            AutomationError: The site can't be reached, wants a sign-in, or is not what the profile says.
        """
        async with owned_tasks() as tasks:
            provider = cls(account, config, tasks)
            async with provider.pool.lend(None):
                tasks.start_soon(account.keep_saved)
            with anyio.move_on_after(provider.config.timeouts.ready_s):
                await provider.pool.until_opened()
            yield provider

    def open_page(self) -> AbstractAsyncContextManager[ChatPage]:
        """Open one more page, with an empty chat."""
        return open_chat_page(self.account, self.config, self._spawn)

    def compose(self, prompt: Prompt) -> str:
        """Return the text to enter into the page: see ``transcript``."""
        return compose_transcript(prompt)

    @asynccontextmanager
    async def open_turn(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[TurnEvent]]:
        """Run one turn and hand out its events; the last one is ``TurnFinished``.

        Leaving the block early stops the page. Errors are raised by the iterator.

        Raises:
            AutomationError: What went wrong. Without ``TurnFinished`` the text so far is not the whole answer.
        """
        send, receive = anyio.create_memory_object_stream[TurnEvent](_BUFFERED_EVENTS)
        outcome = _Outcome()
        async with owned_tasks() as tasks:
            tasks.start_soon(self._drive, prompt, send, outcome)
            try:
                yield _events(receive, outcome)
            finally:
                # A turn left before it began has tasks that never ran, and so closed nothing.
                send.close()
                receive.close()

    async def _drive(self, prompt: Prompt, out: MemoryObjectSendStream[TurnEvent], outcome: _Outcome) -> None:
        async with out:
            try:
                # Before a page is taken: a chat that stands there need not suffer for a file that can't be sent.
                check_files(new_files(prompt), self.config.profile.attachments)
                if not await self._try_turn(prompt, out, tries=1):
                    logger.warning("turn_restarted", extra={"endpoint": self.config.name})
                    await self._try_turn(prompt, out, tries=2)
            except AutomationError as exc:
                self._mask.clean(exc)
                outcome.error = self._signed_out(exc) if isinstance(exc, SignInRequiredError) else exc
                # Without a turn on a page nothing was sent.
                outcome.error.sent = exc.sent or SentState.NO

    async def _try_turn(self, prompt: Prompt, out: MemoryObjectSendStream[TurnEvent], *, tries: int) -> bool:
        """Run the turn on a page; return False where it was lost before anything was sent, and may be tried again."""
        page: ChatPage | None = None
        try:
            wait_s = self.config.timeouts.lease_s
            async with (
                self._turns.turn(wait_s),
                self.account.browsers.streaming_slot(wait_s),
                self.pool.lend(wait_s, _chat_id(prompt.chat)) as page,
            ):
                is_continued = await page.show_chat(prompt.chat)
                if prompt.must_continue and not is_continued:
                    raise ConversationGoneError
                if self._turns.may_hear_last:
                    await page.until_wire_rests()
                await page.take_turn(build_turn_input(prompt, self.compose, is_continued=is_continued), out)
        except AutomationError as exc:
            has_sent_nothing = page is None or page.has_sent_nothing
            can_sign_in = self.account.credentials is not None and self.account.refusal is None
            if not may_try_again(
                exc, tries=tries, has_sent_nothing=has_sent_nothing, can_sign_in=can_sign_in
            ):
                raise
            return False
        return True

    def _signed_out(self, error: SignInRequiredError) -> AutomationError:
        """Return the error of a lost session; the next turn signs in again where the credentials allow it."""
        if self.account.credentials is None or self.account.refusal is not None:
            return error
        return SiteError(f"{error.reason}; the account is signed in again for the next request")

    async def forget_chat(self, chat: ChatLink) -> bool:
        """Delete a chat at the site where the profile says how, and don't continue it; return whether it was deleted.

        Raises:
            AutomationError: The site did not let us.
        """
        if chat.url is None and not self.pool.is_held(chat.id):
            return False
        async with self.pool.lend(self.config.timeouts.lease_s, chat.id) as page:
            return await page.show_chat(chat) and await page.delete_chat()

    async def visit(self) -> None:
        """Reload the chat as a keep-alive of the session; the account signs in again if it has expired.

        Raises:
            AutomationError: The site can't be reached, or wants a person.
        """
        async with self.pool.lend(self.config.timeouts.lease_s) as page:
            await page.visit()
        self.account.mark_active()

    async def check(self) -> dict[str, Any]:
        """Return what the endpoint's health shows: ``{"pages": {...}, "pages_closed": {cause: count}, "waiting": …}``."""
        demand = self.pool.demand()
        return {
            "pages": {
                "free": demand.free,
                "in_use": demand.lent,
                "kept": demand.kept,
                "settling": demand.settling,
                "opening": demand.opening,
                "limit": self.config.max_pages,
            },
            "pages_closed": dict(self.pool.retired),
            "waiting": demand.waiting,
        }

    async def models(self) -> list[str]:
        """Return the site's model names; a page that offers no choice has none."""
        return []


def _chat_id(chat: ChatLink | None) -> str | None:
    return chat.id if chat else None


async def _events(
    receive: MemoryObjectReceiveStream[TurnEvent], outcome: _Outcome
) -> AsyncIterator[TurnEvent]:
    finished = False
    async with receive:
        async for event in receive:
            finished = isinstance(event, TurnFinished)
            yield event
    if outcome.error is not None:
        raise outcome.error
    if not finished:
        reason = "the turn ended without an end"
        raise SiteError(reason)
