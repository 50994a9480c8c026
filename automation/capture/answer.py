"""One answer put together from what the wire and the page show: their events in, the turn's events out. Pure.

The wire gives exact Markdown and is believed first. The page takes over where the profile has no decoder, and where
the decoder reads nothing while the page grows. Nothing that was told is ever taken back.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from automation.capture.commit import AppendOnly
from automation.capture.completion import Completion, Sample, Verdict
from automation.capture.decoders.protocol import WireAlive, WireEnd, WireError, WireEvent, WireText
from automation.capture.site_errors import error_of_wire, error_of_words
from automation.errors import FirstTokenTimeout, IdleTimeout, SignInRequiredError, SiteError
from automation.profiles import SelectorProfile
from automation.timing import Timeouts
from automation.turn import (
    CaptureSource,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    TurnEvent,
    TurnFinished,
)

log = logging.getLogger(__name__)

DECODER_SILENT_S = 2.0
DECODER_BEHIND_CHARS = 60
CLOSED_GRACE_S = 3.0
PAGE_DONE_GRACE_S = 1.0
WIRE_END_GRACE_S = 10.0
QUIET_S = 5.0

PageFacts = Mapping[str, Any]
"""What the agent in the page pushes: see ``sample`` in ``scripts/page_agent.js``."""


class Answer:
    """Fed with events and the time of each, it returns what to tell and, when asked, whether the answer is complete.

    Times are seconds on one monotonic clock; ``sent_s`` is when the prompt was sent.
    """

    def __init__(self, profile: SelectorProfile, timeouts: Timeouts, sent_s: float) -> None:
        self._profile = profile
        self._timeouts = timeouts
        self.source: CaptureSource = "wire" if profile.wire else "dom"
        self._completion = Completion(profile.timeouts.dom_quiet_s or QUIET_S)
        self._page_done_s: float | None = None
        self._text = AppendOnly()
        self._thoughts = AppendOnly()
        self._wire_answer = self._wire_thought = ""
        self._dom_text = Utf16Text()
        self._dom_thinking = ""
        self._facts: PageFacts = {}
        self._page_chars = 0
        self._finish_reason: FinishReason = "stop"
        self._wire_ended = False
        self._sent_s = self._alive_s = self._wire_s = sent_s
        self._has_begun = False

    def sent(self, at_s: float) -> None:
        """The prompt has just been sent: waits count from here."""
        self._sent_s = self._alive_s = self._wire_s = at_s

    @property
    def emitted(self) -> str:
        """The answer's text as told so far."""
        return self._text.emitted

    # -- the wire ---------------------------------------------------------------------------------------------------

    def take_wire(self, event: WireEvent, at_s: float) -> list[TurnEvent]:
        """Take one event that the decoder read.

        Raises:
            AutomationError: The site reported an error in its stream.
        """
        self._wire_s = self._alive_s = at_s
        match event:
            case TextDelta():
                return self._wire_text(self._wire_answer + event.text, self._wire_thought)
            case ReasoningDelta():
                return self._wire_text(self._wire_answer, self._wire_thought + event.text)
            case WireText():
                return self._wire_text(event.text, event.reasoning)
            case WireEnd():
                self._wire_ended = True
                self._finish_reason = event.finish_reason
                return []
            case WireError():
                raise error_of_wire(event, self._profile.site_words)
            case WireAlive():
                return []
            case _:
                return [event]

    def _wire_text(self, answer: str, thought: str) -> list[TurnEvent]:
        self._wire_answer, self._wire_thought = answer, thought
        return self._begun(
            [
                ReasoningDelta(self._thoughts.update(thought, len(thought))),
                TextDelta(self._text.update(answer, len(answer))),
            ]
        )

    def decoder_broke(self, reason: str) -> None:
        """The stream is not what the decoder reads: go on with the page, unless text from it is out already.

        Raises:
            SiteError: Part of the answer was told; the page's rendering of it can't continue the exact text.
        """
        if self._wire_answer:
            msg = f"its stream could not be read to the end ({reason})"
            raise SiteError(msg)
        log.warning("decoder_broken", extra={"profile": self._profile.name, "reason": reason})
        self.source = "dom"

    # -- the page ---------------------------------------------------------------------------------------------------

    def take_page(self, facts: PageFacts, at_s: float) -> list[TurnEvent]:
        """Take one sample of the page.

        Raises:
            SignInRequiredError: The page shows its sign-in form.
        """
        self._facts = facts
        if facts.get("chars", 0) != self._page_chars:
            self._page_chars = facts.get("chars", 0)
            self._alive_s = at_s
        if facts.get("signed_out"):
            reason = "the site signed the account out in mid-turn"
            raise SignInRequiredError(reason)
        if self.source == "wire":
            return []
        events: list[TurnEvent] = []
        if "thinking" in facts:
            self._dom_thinking = facts["thinking"]
            events.append(
                ReasoningDelta(self._thoughts.update(self._dom_thinking, self._thinking_stable(facts)))
            )
        if "text" in facts:
            change = facts["text"]
            self._dom_text.replace_tail(change["keep"], change["tail"])
            events.append(
                TextDelta(self._text.update(self._dom_text.text, self._dom_text.characters(change["stable"])))
            )
        return self._begun(events)

    def _thinking_stable(self, facts: PageFacts) -> int:
        """How many characters of the page's reasoning are final."""
        units = self._dom_thinking.encode("utf-16-le", "surrogatepass")[: 2 * int(facts["thinking_stable"])]
        return len(units.decode("utf-16-le", "ignore"))

    def must_read_page(self, at_s: float, *, wire_is_open: bool) -> bool:
        """Whether the page shows an answer that the decoder doesn't read: it fell behind, or has nothing to read."""
        if self.source != "wire" or self._wire_ended or not self._page_chars:
            return False
        if not self._wire_answer and (not wire_is_open or self._page_done_for(at_s) >= PAGE_DONE_GRACE_S):
            return True
        told = len(self._wire_answer) + len(self._wire_thought)
        return at_s - self._wire_s >= DECODER_SILENT_S and self._page_chars > told + DECODER_BEHIND_CHARS

    def _page_done_for(self, at_s: float) -> float:
        """Return for how many seconds the page has shown its answer as complete."""
        return 0.0 if self._page_done_s is None else at_s - self._page_done_s

    # -- the end ----------------------------------------------------------------------------------------------------

    def is_complete(self, at_s: float, *, wire_is_open: bool) -> bool:
        """Judge what was seen so far.

        Raises:
            AutomationError: It ended in an error, without text, or not in time.
        """
        facts = self._facts
        read_chars = len(self._dom_text.text) if self.source == "dom" else self._page_chars
        verdict = self._completion.feed(
            Sample(
                at_s=at_s,
                wire_ended=self._wire_ended,
                answer_chars=len(self._wire_answer) if self._wire_ended else read_chars,
                stop=facts.get("stop"),
                finished=facts.get("finished"),
                ready=bool(facts.get("ready")),
                error=facts.get("error"),
            )
        )
        if verdict is Verdict.ERROR:
            raise error_of_words(str(facts["error"]), self._profile.site_words)
        if verdict is Verdict.EMPTY and (self._wire_ended or not self._wire_answer):
            raise self._empty()
        if verdict is Verdict.COMPLETE and (self._wire_ended or self.source == "dom"):
            return True
        self._watch_page_end(verdict, at_s)
        self._check_time(at_s, wire_is_open=wire_is_open)
        return False

    def _watch_page_end(self, verdict: Verdict, at_s: float) -> None:
        """Don't wait long for the wire's end when the page has shown the answer as complete for a while."""
        # A sample between two checks proves nothing new, and takes nothing back.
        if not self._completion.is_shown_by_controls:
            self._page_done_s = None
        elif self._page_done_s is None:
            self._page_done_s = at_s if verdict is Verdict.COMPLETE else None
        elif self._wire_answer and at_s - max(self._page_done_s, self._wire_s) >= WIRE_END_GRACE_S:
            msg = "its stream stopped without its end marker"
            raise SiteError(msg)

    def conclude(self, page_markdown: str | None) -> list[TurnEvent]:
        """Return the rest of the answer and ``TurnFinished``.

        ``page_markdown`` is the page's whole answer, read once more at the end; used where the page is the source.
        """
        events: list[TurnEvent] = []
        if self.source == "dom":
            final = self._dom_text.text if page_markdown is None else page_markdown
            events = self._begun(
                [
                    ReasoningDelta(self._thoughts.finish(self._dom_thinking)),
                    TextDelta(self._text.finish(final)),
                ]
            )
        else:
            events = self._begun([TextDelta(self._text.finish(self._wire_answer))])
        notes = ("rewritten",) if self._text.diverged else ()
        return [*events, TurnFinished(self._finish_reason, self.source, notes)]

    def _begun(self, events: list[TurnEvent]) -> list[TurnEvent]:
        told = [e for e in events if not isinstance(e, TextDelta | ReasoningDelta) or e.text]
        self._has_begun = self._has_begun or bool(told)
        return told

    def _empty(self) -> SiteError:
        words = self._facts.get("error")
        if words:
            error = error_of_words(str(words), self._profile.site_words)
            if isinstance(error, SiteError):
                return error
            raise error
        return SiteError("it ended its answer without any text")

    def _check_time(self, at_s: float, *, wire_is_open: bool) -> None:
        timeouts = self._timeouts
        silent_s = at_s - self._alive_s
        if self.source == "wire" and not wire_is_open and silent_s >= CLOSED_GRACE_S:
            raise self._empty()
        if not self._has_begun:
            if timeouts.first_token_s is not None and at_s - self._sent_s >= timeouts.first_token_s:
                raise FirstTokenTimeout(timeouts.first_token_s)
        elif timeouts.idle_s is not None and silent_s >= timeouts.idle_s:
            raise IdleTimeout(timeouts.idle_s)
        if timeouts.turn_s is not None and at_s - self._sent_s >= timeouts.turn_s:
            raise IdleTimeout(timeouts.turn_s)


class Utf16Text:
    """A text whose changes are told in UTF-16 code units, as JavaScript counts them."""

    def __init__(self) -> None:
        self._units = b""
        self.text = ""

    def replace_tail(self, keep: int, tail: str) -> None:
        """Keep the first ``keep`` code units and put ``tail`` after them."""
        self._units = self._units[: 2 * keep] + tail.encode("utf-16-le", "surrogatepass")
        self.text = self._units.decode("utf-16-le", "replace")

    def characters(self, units: int) -> int:
        """How many characters the first ``units`` code units are; half a surrogate pair is none."""
        return len(self._units[: 2 * units].decode("utf-16-le", "ignore"))
