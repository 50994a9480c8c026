"""Reads one answer from a page: passes the taps' events through wire reader and answer into a channel."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from anyio.streams.memory import MemoryObjectSendStream

from automation.capture.agreement import Agreement, count_words
from automation.capture.answer_assembler import AnswerAssembler, PageFacts
from automation.capture.decoders.protocol import StreamFormatError, WireEvent
from automation.capture.end_detector import AT_WORK, EndMove
from automation.capture.network_tap import NetworkTap
from automation.capture.send_effects import SendEffects
from automation.capture.sent_prompt import SentPrompt
from automation.capture.tap_events import RequestSent, TapEvent
from automation.capture.wire_reader import WireReader
from automation.errors import PageLostError, SignInRequiredError
from automation.page.agent import PageAgent
from automation.page.cdp import CALL_S
from automation.page.hands import PageActions
from automation.profiles.model import SelectorProfile
from automation.timing import Timeouts
from automation.turn import TurnEvent, TurnFinished

logger = logging.getLogger(__name__)

_TICK_S = 0.1
# A page that renders a long answer anew with each piece can block itself for a minute, and its traffic with it.
_PAGE_SILENT_S = 120.0
_THOUGHT_SHOWS_MS = 1000
_SIGNS_OF_WORK = ("stop", "busy")
_SHOWS_S = 1.0
_TIMES_CHANGING = 3
_NOT_SIGNED_IN = frozenset({401, 403})
_DOCUMENTS = 4


@dataclass(frozen=True, slots=True)
class Lost:
    """Event: the page was lost while it was watched."""

    reason: str


Seen = TapEvent | PageFacts | Lost


class _Inbox(deque[Seen]):
    """Queue of events between a page and its reader.

    Between a page and its reader each piece of an answer passes here: anyio's stream and time limit cost four times as much.
    """

    def __init__(self) -> None:
        super().__init__()
        self._came: asyncio.Future[None] | None = None

    def put(self, seen: Seen) -> None:
        """Take one thing."""
        self.append(seen)
        self._wake()

    async def wait(self, limit_s: float | None = None) -> None:
        """Return once there is something, or after ``limit_s``; for one reader."""
        if self:
            # Others get their turn, as at every wait.
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        self._came = loop.create_future()
        timer = loop.call_later(limit_s, self._wake) if limit_s is not None else None
        try:
            await self._came
        finally:
            self._came = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._came is not None and not self._came.done():
            self._came.set_result(None)


class TurnCapture:
    """Reads one answer. It watches from before the prompt is sent, so that nothing of the answer is missed.

    Without ``hands`` a closed thought stays closed, and what the page hides of it unread. Without ``has_witness`` the wire
    is believed whatever the page shows.
    """

    def __init__(
        self,
        network: NetworkTap,
        dom: PageAgent,
        profile: SelectorProfile,
        timeouts: Timeouts,
        hands: PageActions | None = None,
        *,
        has_witness: bool = True,
    ) -> None:
        self._hands = hands
        self._has_witness = has_witness and profile.wire is not None
        self._profile = profile
        self._timeouts = timeouts
        self._has_opened_thought = False
        self._network = network
        self._dom = dom
        self._wire = WireReader(profile.wire) if profile.wire else None
        self._answer = AnswerAssembler(profile, timeouts, time.monotonic())
        self._seen = _Inbox()
        self._pending: list[TurnEvent] = []
        self._page_s = self._looked_s = time.monotonic()
        self._controls: dict[str, Any] = {}
        self._is_busy = False
        self._sent: SentPrompt | None = None
        self._shows_part = False
        self._prompt = ""
        self._turns_before: list[Any] | None = None
        self.effects = SendEffects()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch the page from here on, and stop watching at the end."""
        self._network.listen(self._seen.put)
        self._dom.listen(self._seen.put)
        try:
            await self._dom.call("beginTurn", self._answer_mode())
            yield
        finally:
            self._network.listen(None)
            self._dom.listen(None)

    async def note_page(self, prompt: str) -> None:
        """Note what the page shows before ``prompt`` is sent: nothing of that is the answer.

        Raises:
            AutomationError: See ``PageAgent.call``.
        """
        self._prompt, self._turns_before = prompt, await self._dom.call("expect", prompt)

    async def follow(self) -> bool:
        """Go on in the document that has taken the chat's place, as on pages where sending loads one.

        Returns:
            False where it can't be the turn's: nothing was sent, the request was refused, something of the answer was read
            before, or the prompt does not show there as the profile's ``user_turn``.

        Raises:
            AutomationError: See ``PageAgent.call``.
        """
        has_begun = self._answer.first_text_s is not None or (self._wire is not None and self._wire.has_text)
        can_find = bool(self._profile.user_turn) and self._turns_before is not None
        if self._sent is None or has_begun or not can_find or self.refused_status in _NOT_SIGNED_IN:
            return False
        limit_s = self._timeouts.ready_s
        for _ in range(_DOCUMENTS):
            await self._dom.call("followTurn", self._answer_mode(), self._prompt, self._turns_before)
            shows = await self._dom.call("until", {"asked": True}, limit_s * 1000, timeout_s=limit_s + CALL_S)
            # Otherwise it was on its way to yet another document.
            if await self._dom.has_turn():
                break
        if shows:
            logger.info("document_followed", extra={"profile": self._profile.name})
            self.effects.note_document()
        return bool(shows)

    def lost(self, reason: str) -> None:
        """End the turn: the page is gone."""
        self._seen.put(Lost(reason))

    def hear(self, words: str) -> None:
        """Take what a dialog of the page says."""
        self._seen.put({"said": [words], "is_text_only": True})

    @property
    def shows_part(self) -> bool:
        """Whether the page showed only a part of the answer when that was complete on the wire, as it types it out."""
        return self._shows_part

    @property
    def answer(self) -> str:
        """The answer's text as emitted so far."""
        return self._answer.emitted

    async def expect(self, prompt: str) -> None:
        """Count what happens from here on as the effect of sending ``prompt``; refuse the answer if it leaves changed."""
        await self._take_all()
        self._sent = SentPrompt(prompt)
        if self._wire is not None:
            self._wire.expect(prompt)
        self.effects.begin()
        self._network.traffic.sent()

    async def until_effect(self) -> None:
        """Return once anything shows that the page heard the click on Send; see ``SendEffects``."""
        while not self.effects.has_any:
            await self._seen.wait()
            await self._take_all()
        self._answer.sent(time.monotonic())

    async def _take_all(self) -> None:
        while self._seen:
            self._note(await self._take(self._seen.popleft()))

    def _note(self, found: list[TurnEvent]) -> None:
        if found:
            self.effects.note_answer()
        self._pending += found

    async def read(self, out: MemoryObjectSendStream[TurnEvent]) -> TurnFinished:
        """Send the answer's events to ``out`` and return the last one, which ends it.

        Raises:
            AutomationError: The site reported an error, nothing more came, the page sent another prompt than it was
                given, or it went away.
        """
        while True:
            await self._pass_on(out)
            if self._is_complete() and not await self._has_more():
                break
            await self._seen.wait(_TICK_S)
            await self._take_all()
            self._note(await self._look_at_wire())
            await self._watch_decoder()
            if not self._has_opened_thought:
                self._has_opened_thought = await self._open_thought()
        if self._sent is not None:
            self._sent.check()
        notes = await self._hear_witness() if self._has_witness else ()
        await self._pass_on(out)
        markdown, thought, sources, has_retry = await self._whole_page_answer()
        *rest, finished = self._answer.conclude(markdown, thought, sources, has_retry=has_retry, notes=notes)
        for event in rest:
            await out.send(event)
        assert isinstance(finished, TurnFinished)
        return finished

    async def _pass_on(self, out: MemoryObjectSendStream[TurnEvent]) -> None:
        pending, self._pending = self._pending, []
        if self._sent is not None and (pending or (self._wire and self._wire.has_text)):
            self._sent.check()
        for event in pending:
            await out.send(event)

    async def _has_more(self) -> bool:
        """Have an answer go on that the site cut off; return whether more of it may come."""
        move = self._answer.judge_end(time.monotonic())
        if move is not EndMove.PRESS:
            return move is EndMove.WAIT
        if self._hands is None or not await self._hands.click_if_there("continue", "having the answer go on"):
            return True
        logger.info("answer_continued", extra={"profile": self._profile.name})
        if self._wire is not None:
            self._wire.go_on()
        self._answer.goes_on(time.monotonic())
        return True

    def _answer_mode(self) -> str:
        return "watch" if self._answer.source == "wire" else "read"

    def _is_complete(self) -> bool:
        now = time.monotonic()
        if now - self._page_s > _PAGE_SILENT_S:
            msg = f"The page gave no sign of life for {_PAGE_SILENT_S:g} s."
            raise PageLostError(msg)
        traffic = self._network.traffic
        return self._answer.is_complete(
            now,
            wire_is_open=self._wire_is_open,
            flow=traffic.flow(self._answer.first_text_s, now),
            failed_status=traffic.failed_status(),
        )

    @property
    def _wire_is_open(self) -> bool:
        return self._wire is not None and self._wire.is_open

    async def _take(self, seen: Seen) -> list[TurnEvent]:
        now = time.monotonic()
        if isinstance(seen, Lost):
            raise self._signed_out() or PageLostError(seen.reason)
        # Also the page's traffic is told by its own process, so that each piece of it shows that the page lives.
        self._page_s = now
        if isinstance(seen, Mapping):
            if not seen.get("is_text_only"):
                self._looked_s = now
            self.effects.look(seen)
            before = self._answer.changes_shown
            events = self._answer.take_page(seen, now)
            if self._answer.changes_shown != before:
                self._network.traffic.text_grew(now)
            return [*events, *await self._look_at_page(seen)]
        if self._sent is not None:
            self._sent.see(seen)
        self.effects.see(seen, has_prompt=self._sent is not None and self._sent.has_left)
        if self._wire is None or self._answer.source == "dom":
            return []
        wire = self._wire
        if isinstance(seen, RequestSent) and wire.wants_reply(seen):
            self._network.keep_reply(seen.request_id)
        return await self._from_wire(lambda: wire.feed(seen, now), now)

    async def _look_at_page(self, facts: PageFacts) -> list[TurnEvent]:
        """Note what shows that the page works, and tell the wire's reader how its answer begins."""
        self._controls.update({name: facts[name] for name in _SIGNS_OF_WORK if name in facts})
        return await self._look_at_wire(facts.get("head"))

    async def _look_at_wire(self, head: str | None = None) -> list[TurnEvent]:
        """Let the wire's reader judge its streams by what the page shows."""
        wire = self._wire
        if wire is None or self._answer.source == "dom" or not wire.request_left:
            return []
        now = time.monotonic()
        flow = self._network.traffic.flow(self._answer.first_text_s, now)
        self._is_busy = flow in AT_WORK or any(self._controls.values())
        return await self._from_wire(
            lambda: wire.look(head, now, is_busy=self._is_busy, looked_s=self._looked_s), now
        )

    async def _from_wire(self, read: Callable[[], list[WireEvent]], at_s: float) -> list[TurnEvent]:
        try:
            found = read()
        except StreamFormatError as exc:
            self._answer.decoder_broke(str(exc))
            await self._ask_page("setMode", "read")
            return []
        return [event for wire_event in found for event in self._answer.take_wire(wire_event, at_s)]

    @property
    def refused_status(self) -> int | None:
        """HTTP error status of the request that carried the prompt; None where it had none. 401 for one sent on to a page."""
        return self._sent.refused_status if self._sent is not None else None

    def _signed_out(self) -> SignInRequiredError | None:
        """Return the error for a session that is over, where the prompt's own request shows that and no answer came."""
        if self.refused_status not in _NOT_SIGNED_IN or self._answer.emitted:
            return None
        reason = "the site refused the prompt's request: the account is not signed in"
        return SignInRequiredError(reason)

    async def _watch_decoder(self) -> None:
        # On a busy machine a response streams to us seconds after the page shows it: nothing is lost of it.
        if self._network.is_arming:
            return
        is_lost = self._wire is not None and self._wire.is_lost and self._is_busy
        if is_lost and self._answer.may_go_on_from_page(time.monotonic()):
            self._answer.go_on_from_page()
            await self._ask_page("setMode", "read")
            return
        was_missed = self._wire is not None and self._wire.was_missed
        if self._answer.must_read_page(
            time.monotonic(), wire_is_open=self._wire_is_open, wire_was_missed=was_missed
        ):
            self._answer.decoder_broke("it reads nothing while the page's answer grows")
            await self._ask_page("setMode", "read")

    async def _hear_witness(self) -> tuple[str, ...]:
        """Let the page's own answer speak for or against the wire's; return what the client should know of it.

        Raises:
            AnswerWithdrawnError: The page shows a refusal in the answer's place.
            CaptureDisagreesError: It shows another answer, or none of one that only its address speaks for.
        """
        if self._answer.source != "wire":
            return ()
        began_s = changed_s = time.monotonic()
        before: str | None = None
        while True:
            whole = await self._ask_page("readTurn")
            shown = str(whole["markdown"]) if whole else ""
            bound_by = self._wire.bound_by if self._wire else None
            found = self._answer.compare_with_page(shown, bound_by)
            if found is Agreement.AGREES:
                self._shows_part = count_words(shown).total() < count_words(self.answer).total()
                return ()
            now = time.monotonic()
            if shown != before:
                before, changed_s = shown, now
            waits_s = now - began_s
            # What still changes may be on its way to the answer, but not for ever.
            is_at_rest = now - changed_s >= _SHOWS_S or waits_s >= _TIMES_CHANGING * self._timeouts.witness_s
            if waits_s >= self._timeouts.witness_s and is_at_rest:
                return self._answer.judge_witness(found, shown, bound_by)
            await self._seen.wait(_TICK_S)
            await self._take_all()

    async def _ask_page(self, name: str, *args: object) -> Any:
        """Call the agent of a page that may be busy rendering what it has: one that hangs is noticed by its heartbeat."""
        return await self._dom.call(name, *args, timeout_s=_PAGE_SILENT_S)

    async def _open_thought(self) -> bool:
        """Open the page's thinking block where its text is not on the page; return whether that was tried."""
        if self._hands is None or not self._answer.thinking_is_closed:
            return False
        await self._hands.click_if_there("thinking_toggle", "opening the reasoning")
        return True

    async def _whole_page_answer(self) -> tuple[str | None, str, list[Any], bool]:
        """Read the page's answer once more: its text, its thought, what it cites, and whether it offers to try again."""
        if not self._answer.needs_page_at_end:
            return None, "", [], False
        # Many pages close a thought when the answer begins, before its last words were read.
        if await self._open_thought():
            await self._dom.call("until", {"thought_shows": True}, _THOUGHT_SHOWS_MS)
        whole = await self._ask_page("readTurn")
        if whole is None:
            return None, "", [], False
        has_retry = bool(whole.get("retry"))
        return str(whole["markdown"]), str(whole["thinking"]), list(whole["sources"]), has_retry
