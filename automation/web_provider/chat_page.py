"""One page of a chat site: opened and signed in, asked one turn at a time, and made clean again after each."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from playwright.async_api import Frame, Page

from automation.account.account import Account, context_browser
from automation.account.config import WebChatConfig, reading_profile
from automation.capture.agreement import difference
from automation.capture.decoders.registry import SOCKET_DECODERS
from automation.capture.network_tap import NetworkTap
from automation.capture.pipeline import TurnCapture
from automation.errors import (
    AutomationError,
    ChallengeRequiredError,
    FirstTokenTimeout,
    IdleTimeout,
    PageLostError,
    PromptRejectedError,
    SiteChangedError,
    SiteError,
    UnreachableError,
)
from automation.owned_tasks import owned_tasks
from automation.page.agent import PageAgent
from automation.page.cdp import Channel, PageChannel, Spawn, TargetTree
from automation.page.hands import PageInput
from automation.page.life import PageLife
from automation.playwright_errors import DRIVER_ERRORS, first_line, page_calls
from automation.turn import ChatLink, TurnEvent, TurnFinished
from automation.web_provider.attachments import PROMPT_FILE_NOTE, Attachments
from automation.web_provider.chat_loader import ChatLoader, site_changed
from automation.web_provider.composer import Composer
from automation.web_provider.turn_input import TurnInput, build_fingerprint, is_shown

logger = logging.getLogger(__name__)

_STOP_APPEARS_MS = 1000
_OWN_URL_MS = 500
_STREAM_ENDS_S = 1.0
_CONFIRM_TRIES = 3


class ChatPage:
    """A page that answers turns. Everything that it does goes through its agent and the browser's input events."""

    def __init__(self, page: Page, account: Account, config: WebChatConfig, spawn: Spawn) -> None:
        profile = config.profile
        self._page = page
        self._account = account
        self._config = config
        self._profile = profile
        self._timeouts = config.timeouts
        self._spawn = spawn
        wire = profile.wire
        self._network = NetworkTap(
            wire.urls if wire else (),
            wire.methods if wire else (),
            sockets=bool(wire and wire.decoder in SOCKET_DECODERS),
            spawn=spawn,
            ready_message=wire.ready_message if wire else "",
        )
        self._lost = anyio.Event()
        self._lost_reason = ""
        self._capture: TurnCapture | None = None
        self._needs = "nothing"
        self._chat: ChatLink | None = None
        self._told: str | None = None
        self._is_attached = False
        self.is_single_turn = True

    # -- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Attach the taps, load the chat and sign in if the site asks for it.

        Raises:
            UnreachableError: The address leads nowhere, or not to a page.
            SignInRequiredError: The site wants a sign-in that is not possible by itself.
            SiteChangedError: The page shows no prompt field.
            PageLostError: The page went away.
        """
        page = self._page
        with page_calls("attaching to the page"):
            session = await page.context.new_cdp_session(page)
        self._targets = targets = TargetTree(PageChannel(session), self._prepare, self._spawn)
        self._dom = PageAgent(targets, self._profile, self._timeouts.ready_s)
        self._life = PageLife(
            self._dom, lambda: self._account.browsers.processes(context_browser(page.context))
        )
        self._hands = PageInput(page, self._dom, self._config.human_input)
        self._arrival = ChatLoader(page, self._account, self._config, self._network, self._dom, self._hands)
        self._composer = Composer(self._dom, self._hands, self._profile, self._timeouts)
        self._attachments = Attachments(page, self._dom, self._hands, self._profile, self._timeouts)
        page.on("crash", lambda _: self._lose("The page's renderer crashed."))
        page.on("close", lambda _: self._lose("The page was closed."))
        page.on("framenavigated", self._navigated)
        self._is_attached = True
        await targets.start()
        await self._arrival.load(self._config.chat_url)
        await self._arrival.ensure_ready()
        await self._ensure_empty()
        await self._dom.call("rest")

    async def visit(self) -> None:
        """Load the empty chat anew.

        Raises:
            AutomationError: It doesn't show; the page is closed then.
        """
        self._needs = "reload"
        await self._arrival.load(self._config.chat_url)
        await self._arrival.ensure_ready()
        await self._ensure_empty()
        self._needs = "nothing"

    async def _prepare(self, channel: Channel, kind: str) -> None:
        if kind in {"page", "iframe"}:
            self._life.attach(channel)
        await self._network.attach(channel)
        await self._dom.attach(channel, kind)

    def _lose(self, reason: str) -> None:
        self._lost_reason = self._lost_reason or reason
        self._lost.set()
        self._targets.close(self._lost_reason)
        if self._capture is not None:
            self._capture.lost(reason)

    async def until_lost(self) -> None:
        """Return when the page has crashed or closed, hangs, or its browser or driver is gone."""
        await self._lost.wait()

    async def memory_bytes(self) -> int | None:
        """Return what the page's renderer holds; see ``PageLife.memory_bytes``."""
        return await self._life.memory_bytes()

    async def watch(self) -> None:
        """Notice what the page itself does not report: that it hangs, or that its driver is gone."""
        async with anyio.create_task_group() as watch:
            watch.start_soon(self._lose_when_hung)
            watch.start_soon(self._lose_with_browser)

    async def _lose_when_hung(self) -> None:
        await self._life.until_hung()
        self._lose("The page hangs: its renderer neither answers nor computes.")

    async def _lose_with_browser(self) -> None:
        end = await self._account.browsers.until_gone(context_browser(self._page.context))
        self._lose(f"The page's browser was lost ({end}).")

    async def close(self) -> None:
        """Close the page, and where it does not let itself be closed, end its renderer."""
        with anyio.move_on_after(self._timeouts.close_s, shield=True):
            await _close(self._page)
            return
        if not self._is_attached:
            return
        with anyio.move_on_after(self._timeouts.close_s, shield=True):
            await self._life.end_renderers()

    def _navigated(self, _: Frame) -> None:
        self._dom.forget()
        if self._capture is not None:
            self._spawn(self._check_still_there(self._capture))

    async def _check_still_there(self, capture: TurnCapture) -> None:
        """End the turn when a new document took the chat's place; an address that merely changed is no harm."""
        if not await self._dom.has_turn():
            capture.lost("The page left the chat, or loaded it anew, in mid-answer.")

    @property
    def has_sent_nothing(self) -> bool:
        """Whether it is certain that nothing was sent since ``enter``."""
        return not self._composer.may_have_sent

    # -- chats that go on -------------------------------------------------------------------------------------------

    @property
    def holds(self) -> str | None:
        """The id of the chat that stands here and can go on; None with an empty one."""
        return self._chat.id if self._chat else None

    async def enter(self, chat: ChatLink | None) -> bool:
        """Make sure that the page shows this chat and return True, or that it shows an empty one and return False.

        Raises:
            AutomationError: Neither worked.
        """
        self._composer.may_have_sent = False
        await self._account.restore_lost_cookies()
        if chat is None:
            return False
        is_here, self._chat = self.holds == chat.id, None
        if not is_here and chat.url is None:
            return False
        self._needs = "reload"
        if await (self._has_answer() if is_here else self._reopen(chat)):
            self._chat = chat
            self._needs = "nothing"
            return True
        logger.info("chat_gone", extra={"endpoint": self._config.name})
        await self.settle()
        return False

    async def _reopen(self, chat: ChatLink) -> bool:
        assert chat.url is not None
        try:
            await self._arrival.load(chat.url)
            await self._arrival.ensure_ready()
        except (UnreachableError, SiteChangedError):
            return False
        await self._until({"no_turns": False, "input_ready": True}, int(self._timeouts.ready_s * 1000))
        if not await self._has_answer():
            return False
        asked = (await self._dom.call("lastAsked"))["text"]
        return asked is None or is_shown(chat.fingerprint, asked)

    async def _has_answer(self) -> bool:
        """Whether the last prompt on the page is answered and the page at rest."""
        return await self._until_idle() and bool((await self._dom.call("lastAsked"))["answered"])

    async def _link_after(self, ask: TurnInput, before: ChatLink | None) -> ChatLink | None:
        """Return how the chat on the page can be found again, if it can go on."""
        if not self._profile.conversation.remembers or ask.is_throwaway:
            return None
        return ChatLink(
            id=before.id if before else secrets.token_hex(16),
            url=await self._own_url(),
            fingerprint=build_fingerprint(ask.text),
        )

    async def _own_url(self) -> str | None:
        """Return the chat's own address; a page may give it one only when its first answer is complete."""
        pattern = self._profile.conversation.url
        if not pattern:
            return None
        try:
            await self._page.wait_for_url(re.compile(pattern), wait_until="commit", timeout=_OWN_URL_MS)
        except DRIVER_ERRORS as exc:
            # The answer is complete all the same; the chat just can't be found again without this page.
            logger.info("chat_has_no_address", extra={"reason": first_line(exc)})
            return None
        return self._page.url

    async def delete_chat(self) -> bool:
        """Delete the chat that is shown, where the profile says how; tell whether that was done.

        Raises:
            SiteChangedError: One of the controls is missing.
        """
        self._chat = None
        self._needs = "new chat"
        steps = len(self._profile.conversation.delete)
        for number in range(steps):
            await self._until({f"delete_chat_{number}": True}, _STOP_APPEARS_MS)
            await self._hands.click(f"delete_chat_{number}", "deleting the chat")
        return steps > 0

    # -- a turn -----------------------------------------------------------------------------------------------------

    async def take_turn(self, ask: TurnInput, out: MemoryObjectSendStream[TurnEvent]) -> None:
        """Send what is asked in this chat and the answer's events to ``out``; the last one is ``TurnFinished``.

        Raises:
            AutomationError: What went wrong; nothing that was told before is the whole answer then.
        """
        self._needs = "reload"
        self._told = None
        before, self._chat = self._chat, None
        self._life.is_in_turn = True
        try:
            await self._make_sure_of_chat()
            if ask.is_throwaway and self._profile.conversation.temporary:
                await self._hands.click("temporary_chat", "starting a temporary chat")
            profile = reading_profile(self._config)
            capture = TurnCapture(self._network, self._dom, profile, self._timeouts, self._hands)
            self._capture = capture
            async with capture.watching():
                written = await self._attachments.enter(self._composer, ask.text, ask.attachments)
                notes: tuple[str, ...] = () if written == ask.text else (PROMPT_FILE_NOTE,)
                ask = replace(ask, text=written)
                await self._account.restore_lost_cookies()
                self._needs = "stop"
                await self._composer.send(capture)
                finished = await capture.read(out)
                await self._make_sure_of_end(finished)
            self._told = capture.answer if finished.source == "wire" else None
            self._chat = await self._link_after(ask, before)
            self.is_single_turn = ask.is_single_turn
            self._needs = "nothing" if self._chat else "delete" if ask.is_throwaway else "new chat"
            notes += finished.notes
            await out.send(replace(finished, notes=notes, chat=self._chat, is_continued=ask.is_continued))
        except (SiteChangedError, FirstTokenTimeout, IdleTimeout) as exc:
            self._needs = "reload"
            if await self._dom.shows_check_around():
                raise ChallengeRequiredError("captcha") from exc
            if not isinstance(exc, SiteChangedError):
                raise
            raise await site_changed(self._page, exc.profile_key, exc.step) from exc
        except PromptRejectedError:
            # Nothing was sent: the chat that stood here stands here still.
            self._chat, self._needs = before, "nothing" if before else "reload"
            raise
        except AutomationError:
            self._needs = "reload"
            raise
        finally:
            self._capture = None
            self._life.is_in_turn = False
            self._account.mark_active()

    async def _make_sure_of_end(self, finished: TurnFinished) -> None:
        """A page can't tell an answer's end from a stream that broke with the browser's network process; its wire can."""
        if finished.source != "wire" and not await self._account.is_network_process_unchanged():
            reason = "the browser's network process ended in mid-answer"
            raise SiteError(reason)

    async def _make_sure_of_chat(self) -> None:
        """Nothing is sent yet, so a session that ran out meanwhile is renewed before anyone notices."""
        shown = await self._dom.call("look", ["input", "signed_out", "dismiss"])
        if shown["signed_out"] or not shown["input"]:
            await self._arrival.ensure_ready()
        elif shown["dismiss"]:
            await self._hands.dismiss_dialogs()

    # -- between turns ----------------------------------------------------------------------------------------------

    async def clear(self) -> None:
        """Give up the chat that stands here and get an empty one.

        Raises:
            AutomationError: That did not work: the page must be closed.
        """
        self._chat = None
        self._needs = "new chat"
        await self.settle()

    async def settle(self) -> None:
        """Leave a chat that can go on as it is; else stop what is still being generated and get an empty chat.

        Raises:
            AutomationError: That did not work: the page must be closed.
        """
        if self._lost.is_set():
            raise PageLostError(self._lost_reason)
        await self._get_ready()
        await self._dom.call("rest")
        await self._account.note_cookies()

    async def _get_ready(self) -> None:
        needs, self._needs = self._needs, "nothing"
        await self._compare()
        if needs == "nothing":
            await self._until_idle()
            return
        await self._dom.call("endTurn")
        if needs == "stop":
            is_over = await self._stop_generating()
            if self._profile.retire_after_stop:
                msg = "The page is closed after a stop, as its profile says."
                raise PageLostError(msg)
            needs = "new chat" if is_over else "reload"
        elif needs == "delete":
            await self.delete_chat()
            needs = "new chat"
        elif needs == "new chat" and not await self._until_idle():
            needs = "reload"
        if needs == "reload" or not await self._click_new_chat():
            await self._arrival.load(self._config.chat_url)
            await self._arrival.ensure_ready()
            await self._ensure_empty()

    async def _compare(self) -> None:
        """Say so where the page shows more than its traffic told: its decoder needs to be looked at."""
        told, self._told = self._told, None
        if told is None or not await self._until_idle():
            return
        shown = await self._dom.call("readTurn")
        found = difference(told, shown["markdown"]) if shown else None
        if found:
            logger.warning(
                "wire_and_page_differ",
                extra={
                    "endpoint": self._config.name,
                    "profile": self._profile.name,
                    "missing_words": found.missing_words,
                    "page_words": found.page_words,
                },
            )

    async def _stop_generating(self) -> bool:
        """Click the stop control and see it go; False when only leaving the page can stop it."""
        if not self._profile.stop:
            return False
        await self._until({"stop": True}, _STOP_APPEARS_MS)
        if not await self._hands.click_if_there("stop", "stopping the answer"):
            return False
        # A page may take its stop control away although its server goes on: only the stream's end is proof.
        stopped = await self._until_idle() and await self._network.until_streams_end(_STREAM_ENDS_S)
        logger.info(
            "answer_stopped" if stopped else "answer_not_stopped", extra={"endpoint": self._config.name}
        )
        return stopped

    async def _until_idle(self) -> bool:
        return await self._until({"stop": False, "input_ready": True}, int(self._timeouts.stop_s * 1000))

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
            await self._arrival.until_socket(sockets)
        return await self._until(want, int(self._timeouts.stop_s * 1000))

    async def _confirm_new_chat(self) -> bool:
        """Confirm in the dialog that may come; False when it comes and doesn't go."""
        if not await self._until({"new_chat_confirm": True}, _STOP_APPEARS_MS):
            return True
        # Behind another tab a dialog would take seconds to come up.
        with page_calls("confirming a new chat"):
            await self._page.bring_to_front()
        for _ in range(_CONFIRM_TRIES):
            # One that is just coming up lies under its own backdrop for a moment, and moves.
            await self._until({"still:new_chat_confirm": True}, _STOP_APPEARS_MS)
            await self._hands.click_if_there("new_chat_confirm", "confirming a new chat")
            if await self._until({"new_chat_confirm": False}, _STOP_APPEARS_MS):
                return True
        return False

    async def _ensure_empty(self) -> None:
        """Make sure that no earlier chat stands on the page."""
        if await self._dom.call("first", {"empty": {"no_turns": True}}, 0):
            return
        if not await self._click_new_chat() and not await self._until({"no_turns": True}, 1000):
            raise await site_changed(self._page, "new_chat", "starting a new chat")

    async def _until(self, want: dict[str, bool], milliseconds: int) -> bool:
        return bool(await self._dom.call("until", want, milliseconds, timeout_s=milliseconds / 1000 + 5))


@asynccontextmanager
async def open_chat_page(account: Account, config: WebChatConfig, spawn: Spawn) -> AsyncIterator[ChatPage]:
    """Open a page in the account's context; it is closed at the end, whatever happens.

    Raises:
        AutomationError: It could not be opened, or shows no chat.
    """
    async with account.browsers.page_slot():
        page = await account.new_page(in_own_window=reading_profile(config).wire is None)
        chat = ChatPage(page, account, config, spawn)
        try:
            async with owned_tasks() as tasks:
                await chat.start()
                tasks.start_soon(chat.watch)
                yield chat
        finally:
            await chat.close()


async def _close(page: Page) -> None:
    try:
        await page.close()
    except DRIVER_ERRORS as exc:
        logger.debug("page_gone", extra={"reason": first_line(exc)})
