"""One turn in the chat that a page shows: the prompt written and sent, its answer read, its end made sure of."""

from __future__ import annotations

from dataclasses import replace

from anyio.streams.memory import MemoryObjectSendStream

from automation.account.account import Account
from automation.account.config import WebChatConfig, reading_profile
from automation.capture.pipeline import TurnCapture
from automation.capture.send_effects import SendEffects
from automation.errors import (
    AutomationError,
    ChallengeRequiredError,
    PromptRejectedError,
    SentState,
    SiteError,
)
from automation.page.evidence import PROFILE_ERRORS, add_evidence
from automation.page.hands import PageInput
from automation.turn import ChatLink, TurnEvent, TurnFinished
from automation.web_provider.chat_finder import ChatFinder
from automation.web_provider.chat_loader import ChatLoader
from automation.web_provider.chat_states import ChatMove, ShownChat
from automation.web_provider.composing.attachments import PROMPT_FILE_NOTE, Attachments
from automation.web_provider.composing.composer import Composer, PromptLeftTraces
from automation.web_provider.page_connection import PageConnection
from automation.web_provider.turn_input import TurnInput
from automation.web_provider.wire_check import WireCheck


class ChatTurn:
    """Takes the turns of one page, one at a time, and keeps the state of its chat."""

    def __init__(
        self,
        connection: PageConnection,
        account: Account,
        config: WebChatConfig,
        chat: ShownChat,
        *,
        hands: PageInput,
        loader: ChatLoader,
        composer: Composer,
        attachments: Attachments,
        finder: ChatFinder,
        wire_check: WireCheck,
    ) -> None:
        self._connection = connection
        self._agent = connection.agent
        self._account = account
        self._config = config
        self._chat = chat
        self._hands = hands
        self._loader = loader
        self._composer = composer
        self._attachments = attachments
        self._finder = finder
        self._wire_check = wire_check
        self._effects: SendEffects | None = None

    async def take(self, ask: TurnInput, out: MemoryObjectSendStream[TurnEvent]) -> None:
        """Send what is asked in this chat and the answer's events to ``out``; the last one is ``TurnFinished``.

        Raises:
            AutomationError: What went wrong; nothing that was told before is the whole answer then. Its ``sent`` says
                whether the site may have got the prompt.
        """
        before = self._chat.link
        self._chat.move(ChatMove.BEGIN_TURN)
        self._wire_check.expect(None)
        self._effects = None
        self._chat.is_being_written = False
        self._connection.life.is_in_turn = True
        try:
            await self._run(ask, before, out)
        except AutomationError as exc:
            exc.sent = self._decide_sent(exc)
            self._leave_chat(exc, before)
            error = await self._explain(exc)
            error.sent = self._decide_sent(error)
            if error is exc:
                raise
            raise error from exc
        finally:
            self._connection.life.is_in_turn = False
            self._account.mark_active()

    def _decide_sent(self, error: AutomationError) -> SentState:
        if not self._composer.may_have_sent:
            return SentState.NO
        return self._effects.decide_sent(error) if self._effects is not None else SentState.MAYBE

    def _leave_chat(self, error: AutomationError, before: ChatLink | None) -> None:
        """Keep the chat that stood here where a prompt was refused and nothing of it is left; load it anew else."""
        is_as_before = isinstance(error, PromptRejectedError) and not isinstance(error, PromptLeftTraces)
        if before is not None and is_as_before and error.sent is SentState.NO:
            self._chat.move(ChatMove.TAKE_BACK, before)
        else:
            self._chat.move(ChatMove.FAIL)

    async def _explain(self, error: AutomationError) -> AutomationError:
        """Return the error with what the page shows of it; of a check for a person around the chat, that."""
        if not isinstance(error, PROFILE_ERRORS):
            return error
        if await self._agent.shows_check_around():
            return ChallengeRequiredError("captcha")
        await add_evidence(error, self._connection.page, self._agent)
        return error

    async def _run(
        self, ask: TurnInput, before: ChatLink | None, out: MemoryObjectSendStream[TurnEvent]
    ) -> None:
        await self._make_sure_of_chat()
        if ask.is_throwaway and self._config.profile.conversation.temporary:
            await self._hands.click("temporary_chat", "starting a temporary chat")
        profile = reading_profile(self._config)
        capture = TurnCapture(
            self._connection.network, self._agent, profile, self._config.timeouts, self._hands
        )
        self._effects = capture.effects
        with self._connection.telling(capture):
            async with capture.watching():
                written = await self._attachments.write_prompt(self._composer, ask.text, ask.attachments)
                await self._account.restore_lost_cookies()
                await capture.note_page(written)
                # A page that isn't ready, or whose live line is not up yet, drops the click on Send without a word.
                await self._connection.network.readiness.until_ready()
                self._chat.move(ChatMove.SEND)
                await self._composer.send(capture)
                finished = await capture.read(out)
                await self._make_sure_of_end(finished)
            self._wire_check.expect(capture.answer if finished.source == "wire" else None)
            asked = replace(ask, text=written)
            await self._note_end(asked, before, capture.answer, is_being_written=capture.shows_part)
        notes = finished.notes if written == ask.text else (PROMPT_FILE_NOTE, *finished.notes)
        link = self._chat.link
        await out.send(replace(finished, notes=notes, chat=link, is_continued=ask.is_continued))

    async def _note_end(
        self, ask: TurnInput, before: ChatLink | None, answer: str, *, is_being_written: bool
    ) -> None:
        link = await self._finder.link_after(ask, before, answer)
        self._chat.is_single_turn = ask.is_single_turn
        self._chat.is_being_written = is_being_written
        if link:
            self._chat.move(ChatMove.KEEP, link)
        else:
            self._chat.move(ChatMove.DISCARD if ask.is_throwaway else ChatMove.FINISH)

    async def _make_sure_of_end(self, finished: TurnFinished) -> None:
        """A page can't tell an answer's end from a stream that broke with the browser's network process; its wire can."""
        if finished.source != "wire" and not await self._account.is_network_process_unchanged():
            reason = "the browser's network process ended in mid-answer"
            raise SiteError(reason)

    async def _make_sure_of_chat(self) -> None:
        """Nothing is sent yet, so a session that ran out meanwhile is renewed before anyone notices."""
        shown = await self._agent.call("look", ["input", "signed_out", "dismiss"])
        if shown["signed_out"] or not shown["input"]:
            await self._loader.ensure_ready()
        elif shown["dismiss"]:
            await self._hands.dismiss_dialogs()
