"""Assembles one answer from the wire's and the page's events, and emits the turn's events. Pure.

The wire gives exact Markdown and is believed first. The page takes over where the profile has no decoder, and where
the decoder reads nothing while the page grows. Nothing that was emitted is ever taken back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from automation.capture.agreement import Agreement, compare, fingerprint
from automation.capture.commit import AppendOnly
from automation.capture.decoders.protocol import (
    WireAlive,
    WireAsked,
    WireContinues,
    WireEnd,
    WireError,
    WireEvent,
    WireOf,
    WireText,
)
from automation.capture.end_detector import AT_WORK, CutOffAnswer, EndDetector, EndMove, Sample, Verdict
from automation.capture.heard_words import HeardWords
from automation.capture.ownership.claims import BoundBy
from automation.capture.site_errors import (
    error_of_status,
    error_of_wire,
    error_of_words,
    find_refusal,
    says_failed,
)
from automation.capture.traffic import Flow
from automation.errors import (
    AnswerWithdrawnError,
    AutomationError,
    CaptureDisagreesError,
    ChallengeRequiredError,
    ContentBlockedError,
    EmptyAnswerError,
    FirstTokenTimeout,
    IdleTimeout,
    SignInRequiredError,
    SiteError,
)
from automation.growing_text import GrowingText
from automation.page.challenges import STANDS_S
from automation.profiles.model import SelectorProfile
from automation.timing import Timeouts
from automation.turn import (
    CaptureSource,
    FinishReason,
    ReasoningDelta,
    SourceFound,
    TextDelta,
    TurnEvent,
    TurnFinished,
)

logger = logging.getLogger(__name__)

DECODER_SILENT_S = 2.0
DECODER_BEHIND_CHARS = 60
RENDERING_S = 1.0
CLOSED_GRACE_S = 3.0
PAGE_DONE_GRACE_S = 1.0
WIRE_END_GRACE_S = 10.0
QUIET_S = 10.0
# How long a page whose requests failed may wait before it asks again: one that shows its work, and one that doesn't.
_RETRIES_S = 2.0
_RETRIES_UNSEEN_S = 15.0
_CUT = "its stream was cut"
PAGE_SHOWS_NOTHING = "page_shows_nothing"

# Marks that sites let stand at the end of what they are still writing, also on the wire; the first are nothing else.
_SURE_CURSORS = "▌▍▎▏▐█▮▯"
_CURSORS = f"{_SURE_CURSORS}●⬤_|…"

PageFacts = Mapping[str, Any]
"""What the agent in the page pushes: see ``sample`` in ``scripts/page_agent.js``."""


class AnswerAssembler:
    """Takes events with their times, and returns the turn's events and, when asked, whether the answer is complete.

    Times are seconds on one monotonic clock; ``sent_s`` is when the prompt was sent.
    """

    def __init__(self, profile: SelectorProfile, timeouts: Timeouts, sent_s: float) -> None:
        self._profile = profile
        self._timeouts = timeouts
        self._cursors = _CURSORS + profile.cursor
        self.source: CaptureSource = "wire" if profile.wire else "dom"
        quiet_s = profile.timeouts.dom_quiet_s
        self._new_detector = partial(EndDetector, quiet_s or QUIET_S, is_quiet_trusted=quiet_s is not None)
        self._completion = self._new_detector()
        self._continuation = CutOffAnswer(profile.continue_.times if profile.continue_ else 0)
        self._page_done_s: float | None = None
        self._challenge_s: float | None = None
        self._text = AppendOnly()
        self._thoughts = AppendOnly()
        self._wire_answer, self._wire_thought = GrowingText(), GrowingText()
        self._dom_text = Utf16Text()
        self._dom_thinking = Utf16Text()
        self._page_thought = ""
        self._most_shown = ""  # the longest text that the answer was, before another one took its place
        self._sources: set[str] = set()
        self._heard = HeardWords(profile.site_words)
        self._failed_s: float | None = None
        self._revision = self._changes_shown = 0
        self._facts: dict[str, Any] = {}
        self._page_chars = self._page_chars_at_wire = 0
        self._looked_s = sent_s
        self._first_text_s: float | None = None
        self._finish_reason: FinishReason = "stop"
        self._wire_ended = False
        self._sent_s = self._alive_s = self._wire_s = sent_s
        self._has_begun = False

    def sent(self, at_s: float) -> None:
        """Note that the prompt has just been sent: timeouts count from here."""
        self._sent_s = self._alive_s = self._wire_s = at_s

    @property
    def emitted(self) -> str:
        """The answer's text as emitted so far."""
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
                return self._wire_grew(event.text, "")
            case ReasoningDelta():
                return self._wire_grew("", event.text)
            case WireText():
                return self._wire_changed(event.text, event.reasoning)
            case WireEnd():
                self._wire_ended = True
                self._finish_reason = event.finish_reason
                return []
            case WireError():
                raise self._site_error(error_of_wire(event, self._profile.site_words))
            case WireAlive() | WireContinues() | WireAsked() | WireOf():
                return []
            case SourceFound():
                return self._new_sources([event])
            case _:
                return [event]

    def _wire_grew(self, answer: str, thought: str) -> list[TurnEvent]:
        self._wire_answer.append(answer)
        self._wire_thought.append(thought)
        if answer and answer[-1] in _SURE_CURSORS:
            return self._wire_changed(str(self._wire_answer), str(self._wire_thought))
        return self._begun(
            [ReasoningDelta(self._thoughts.append(thought)), TextDelta(self._text.append(answer))]
        )

    def _wire_changed(self, answer: str, thought: str) -> list[TurnEvent]:
        if len(self._wire_answer) > len(self._most_shown):
            self._most_shown = str(self._wire_answer)
        self._wire_answer, self._wire_thought = GrowingText(answer), GrowingText(thought)
        return self._begun(
            [
                ReasoningDelta(self._thoughts.update(thought, len(thought))),
                TextDelta(self._text.update(answer, len(answer.rstrip(self._cursors)))),
            ]
        )

    def decoder_broke(self, reason: str) -> None:
        """Fall back to the page, as the decoder can't read the stream; unless text from the wire was emitted already.

        Raises:
            SiteError: Part of the answer was emitted; the page's rendering of it can't continue the exact text.
        """
        if self._wire_answer:
            msg = f"its stream could not be read to the end ({reason})"
            raise SiteError(msg)
        logger.warning("decoder_broken", extra={"profile": self._profile.name, "reason": reason})
        self.source = "dom"

    def may_go_on_from_page(self, at_s: float) -> bool:
        """Whether the page shows more than the stream that carried its answer had, which broke off a while ago.

        A page that types an answer out grows as well, but not beyond it.
        """
        told = len(self._wire_answer) + len(self._wire_thought)
        is_beyond = self._page_chars > max(told, self._page_chars_at_wire)
        return self.source == "wire" and at_s - self._wire_s >= RENDERING_S and is_beyond

    def go_on_from_page(self) -> None:
        """Read the rest off the page: its stream broke off, and it goes on by other means, such as polling.

        Where its rendering is no continuation of the text that was emitted, that is an answer that was rewritten.
        """
        logger.info("wire_lost", extra={"profile": self._profile.name})
        self.source = "dom"

    # -- the page ---------------------------------------------------------------------------------------------------

    def take_page(self, facts: PageFacts, at_s: float) -> list[TurnEvent]:
        """Take one sample of the page; what it does not name is unchanged.

        Raises:
            SignInRequiredError: The page shows its sign-in form.
            ChallengeRequiredError: It shows a check that stays.
        """
        self._facts.update(facts)
        if not facts.get("is_text_only"):
            self._looked_s = at_s
        self._heard.see_banner(self._facts.get("error"))
        for words in facts.get("said", ()):
            self._heard.hear(words)
        for words in facts.get("noticed", ()):
            self._heard.notice(words)
        if facts.get("chars", self._page_chars) != self._page_chars:
            self._page_chars = facts["chars"]
            self._note_text(at_s)
        if at_s - self._wire_s < RENDERING_S:
            self._page_chars_at_wire = self._page_chars
        if facts.get("signed_out"):
            reason = "the site signed the account out in mid-turn"
            raise SignInRequiredError(reason)
        self._watch_challenge(is_shown=bool(self._facts.get("captcha")), at_s=at_s)
        if self.source == "wire":
            return []
        events: list[TurnEvent] = []
        if "thinking" in facts:
            thought, stable = self._dom_thinking.change(facts["thinking"])
            if thought:
                # A block that closes takes its text off the page; what was read of it stays.
                self._page_thought = thought
                events.append(ReasoningDelta(self._thoughts.update(thought, stable)))
        if "text" in facts:
            events.append(self._page_text(facts["text"], at_s))
        events += self._page_sources(facts.get("sources", ()))
        return self._begun(events)

    def _note_text(self, at_s: float) -> None:
        self._changes_shown += 1
        self._alive_s = self._looked_s = at_s
        if self._first_text_s is None:
            self._first_text_s = at_s
        if self.source == "wire":
            self._revision += 1

    def _page_text(self, told: Mapping[str, Any], at_s: float) -> TextDelta:
        before = self._dom_text.text
        text, stable = self._dom_text.change(told)
        if text != before:
            self._revision += 1
            self._note_text(at_s)
        if len(text) >= len(self._most_shown):
            self._most_shown = text
        return TextDelta(self._text.update(text, stable))

    def _watch_challenge(self, *, is_shown: bool, at_s: float) -> None:
        """End the turn when the site asks for a check that doesn't pass by itself: nobody sees it on this page."""
        if not is_shown:
            self._challenge_s = None
        elif self._challenge_s is None:
            self._challenge_s = at_s
        elif at_s - self._challenge_s >= STANDS_S and not self._wire_answer:
            raise ChallengeRequiredError("captcha")

    @property
    def thinking_is_closed(self) -> bool:
        """Whether the page is the source and hides a thought, whose text is not there until it is opened."""
        return self.source == "dom" and bool(self._facts.get("thinking_closed"))

    def _page_sources(self, found: Iterable[Mapping[str, str]]) -> list[TurnEvent]:
        return self._new_sources(SourceFound(source["url"], source["title"]) for source in found)

    def _new_sources(self, found: Iterable[SourceFound]) -> list[TurnEvent]:
        new = [source for source in found if source.url not in self._sources]
        self._sources.update(source.url for source in new)
        return [*new]

    def must_read_page(self, at_s: float, *, wire_is_open: bool, wire_was_missed: bool = False) -> bool:
        """Whether the page shows an answer that the decoder doesn't read: it fell behind, or has nothing to read."""
        if self.source != "wire" or self._wire_ended or not self._page_chars:
            return False
        if not self._wire_answer and (
            wire_was_missed or not wire_is_open or self._page_done_for(at_s) >= PAGE_DONE_GRACE_S
        ):
            return True
        if at_s - self._wire_s < DECODER_SILENT_S:
            return False
        # Toolbars, labels and formulas shown twice make a page longer than its answer: only what appears while the
        # decoder says nothing shows that it is behind.
        told = len(self._wire_answer) + len(self._wire_thought)
        grown = self._page_chars - self._page_chars_at_wire
        return min(self._page_chars - told, grown) > DECODER_BEHIND_CHARS

    def _page_done_for(self, at_s: float) -> float:
        """Return for how many seconds the page has shown its answer as complete."""
        return 0.0 if self._page_done_s is None else at_s - self._page_done_s

    # -- the end ----------------------------------------------------------------------------------------------------

    @property
    def revision(self) -> int:
        """A number that changes with the text that the page shows of the answer."""
        return self._revision

    @property
    def changes_shown(self) -> int:
        """How often the page was seen to show more or less of an answer."""
        return self._changes_shown

    @property
    def first_text_s(self) -> float | None:
        """When the page began to show an answer; None while it shows none."""
        return self._first_text_s

    def is_complete(
        self,
        at_s: float,
        *,
        wire_is_open: bool,
        flow: Flow = Flow.UNKNOWN,
        failed_status: int | None = None,
    ) -> bool:
        """Judge what was seen so far; ``flow`` is what the page's requests say, ``failed_status`` how all of them failed.

        Raises:
            AutomationError: It ended in an error, without text, or not in time.
        """
        sample = self._sample(flow)
        if self._continuation.is_awaited(sample):
            self._check_time(at_s, wire_is_open=True)
            return False
        verdict = self._completion.feed(sample)
        if verdict is Verdict.ERROR:
            raise self._site_error(self._heard.error())
        if self.source == "dom":
            is_over = verdict is Verdict.COMPLETE
            self._watch_status(failed_status, at_s, is_at_work=flow in AT_WORK, is_over=is_over)
        if verdict is Verdict.EMPTY and (self._wire_ended or not self._wire_answer):
            raise self._empty()
        if verdict is Verdict.COMPLETE and (self._wire_ended or self.source == "dom"):
            if flow is Flow.CUT and not self._wire_ended:
                raise self._heard.known_error() or SiteError(_CUT)
            return True
        self._watch_page_end(verdict, at_s)
        self._check_time(at_s, wire_is_open=wire_is_open)
        return False

    def judge_end(self, at_s: float) -> EndMove:
        """Return what follows a complete answer: the site may have cut it off, and can be told to go on."""
        move = self._continuation.judge_end(
            is_shown=bool(self._facts.get("continues")),
            shows_late=self.source == "wire",
            is_cut=self._finish_reason == "length",
            at_s=at_s,
        )
        if move is EndMove.OVER and self._continuation.is_cut:
            self._finish_reason = "length"
        return move

    def goes_on(self, at_s: float) -> None:
        """Note that the control was pressed that has the answer go on: what looked like its end is none."""
        self._continuation.pressed(at_s, self._revision)
        self._completion = self._new_detector()
        self._wire_ended = False
        self._page_done_s = None
        self._finish_reason = "stop"
        self._alive_s = self._wire_s = at_s

    def _sample(self, flow: Flow) -> Sample:
        facts, heard = self._facts, self._heard
        read_chars = len(self._dom_text.text) if self.source == "dom" else self._page_chars
        return Sample(
            # A page that hangs proves nothing by what it showed before.
            at_s=self._looked_s,
            wire_ended=self._wire_ended,
            answer_chars=len(self._wire_answer) if self._wire_ended else read_chars,
            revision=self._revision,
            stop=facts.get("stop"),
            finished=facts.get("finished"),
            ready=bool(facts.get("ready")),
            busy=bool(facts.get("busy")),
            error=heard.words,
            error_rest_s=heard.rest_s,
            is_error_past=heard.is_past,
            is_limit=heard.limit is not None,
            flow=flow,
        )

    def _watch_status(
        self, failed_status: int | None, at_s: float, *, is_at_work: bool, is_over: bool
    ) -> None:
        """End the turn when all of its requests failed and the page does nothing about it.

        What the page shows in the answer's place then are its words for that.
        """
        if failed_status is None or is_at_work or self._facts.get("stop"):
            self._failed_s = None
            return
        if self._failed_s is None:
            self._failed_s = at_s
        is_patient = self._facts.get("stop") is None and not self._dom_text.text
        if is_over or at_s - self._failed_s >= (_RETRIES_UNSEEN_S if is_patient else _RETRIES_S):
            words = self._heard.words or self._dom_text.text
            error = error_of_status(failed_status, words.encode(), None)
            raise self._heard.known_error() or error_of_wire(error, self._profile.site_words)

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

    @property
    def needs_page_at_end(self) -> bool:
        """Whether the page must be read once more at the end: it is the source, or alone knows what was cited."""
        return self.source == "dom" or bool(self._profile.sources and not self._sources)

    def compare_with_page(self, shown: str, bound_by: BoundBy | None) -> Agreement:
        """Return what ``shown``, the page's answer, says of the wire's; both are Markdown."""
        return compare(
            str(self._wire_answer),
            shown,
            is_bare=bool(self._profile.answer),
            is_strict=bound_by not in {"id", "request"},
            beside=str(self._wire_thought),
        )

    def judge_witness(self, found: Agreement, shown: str, bound_by: BoundBy | None) -> tuple[str, ...]:
        """Return the notes of an answer that the page does not show, though it had its time.

        Args:
            found: What the page's answer says of the wire's.
            shown: That answer.
            bound_by: How the wire's stream is tied to this turn.

        Raises:
            AnswerWithdrawnError: The page shows a refusal in its place.
            CaptureDisagreesError: The page shows another answer, or none of one that only its address speaks for.
        """
        told = str(self._wire_answer)
        refusal = find_refusal(told, shown, self._profile.site_words)
        if refusal is not None:
            raise AnswerWithdrawnError(refusal)
        if found is Agreement.SHOWS_NOTHING and bound_by in {"id", "request"}:
            return (PAGE_SHOWS_NOTHING,)
        logger.warning(
            "capture_disagrees",
            extra={
                "profile": self._profile.name,
                "bound_by": bound_by or "nothing",
                "wire": fingerprint(told),
                "page": fingerprint(shown),
            },
        )
        if found is Agreement.SHOWS_NOTHING:
            reason = "the page shows nothing of it, and only its address says that it belongs to this turn"
            raise CaptureDisagreesError(reason)
        reason = f"the page has {fingerprint(shown)}, its traffic {fingerprint(told)}"
        raise CaptureDisagreesError(reason)

    def conclude(
        self,
        page_markdown: str | None,
        page_thought: str = "",
        sources: Iterable[Mapping[str, str]] = (),
        *,
        has_retry: bool = False,
        notes: tuple[str, ...] = (),
    ) -> list[TurnEvent]:
        """Return the rest of the answer and ``TurnFinished``.

        ``page_markdown`` and ``page_thought`` are the page's whole answer, read once more at the end; used where the
        page is the source. The page's ``sources`` are emitted where the wire had none. ``has_retry``: a control beside the
        page's answer offers to try again.

        Raises:
            SiteError: The page says in the answer's place that it failed.
            AnswerWithdrawnError: A refusal took the place of what was shown.
            EmptyAnswerError: There is not a word.
        """
        cited = self._page_sources(sources) if self.needs_page_at_end else []
        events: list[TurnEvent] = []
        if self.source == "dom":
            final = self._dom_text.text if page_markdown is None else page_markdown
            events.append(ReasoningDelta(self._thoughts.finish(page_thought or self._page_thought)))
        else:
            final = str(self._wire_answer)
        self._check_final(final)
        if self.source == "dom" and has_retry and says_failed(final, self._profile.site_words):
            raise error_of_words(final, self._profile.site_words)
        events.append(TextDelta(self._text.finish(final)))
        finished = TurnFinished(
            self._finish_reason,
            self.source,
            notes,
            final_text=None if self._text.emitted == final else final,
            is_rewritten=self._text.diverged,
            limit=self._heard.limit,
        )
        return [*self._begun([*events, *cited]), finished]

    def _check_final(self, final: str) -> None:
        is_filtered = self._finish_reason == "content_filter"
        refusal = find_refusal(self._most_shown, final, self._profile.site_words, is_filtered=is_filtered)
        if refusal is not None:
            raise AnswerWithdrawnError(refusal)
        if not final.strip():
            raise self._empty()

    def _begun(self, events: list[TurnEvent]) -> list[TurnEvent]:
        told = [e for e in events if not isinstance(e, TextDelta | ReasoningDelta) or e.text]
        self._has_begun = self._has_begun or bool(told)
        return told

    def _empty(self) -> AutomationError:
        return self._site_error(
            self._heard.error() if self._heard.words else self._heard.known_error() or EmptyAnswerError()
        )

    def _site_error(self, error: AutomationError) -> AutomationError:
        """Return what the site's own error means for this answer: a refusal after text was shown takes it back."""
        is_shown = bool(self._most_shown or self._text.emitted)
        if isinstance(error, ContentBlockedError) and is_shown:
            return AnswerWithdrawnError(error.site_message)
        return error

    def _check_time(self, at_s: float, *, wire_is_open: bool) -> None:
        timeouts = self._timeouts
        silent_s = at_s - self._alive_s
        if self.source == "wire" and not wire_is_open and silent_s >= CLOSED_GRACE_S:
            raise self._empty()
        if not self._has_begun:
            if timeouts.first_token_s is not None and at_s - self._sent_s >= timeouts.first_token_s:
                raise self._heard.known_error() or FirstTokenTimeout(timeouts.first_token_s)
        # A page that is too busy to be looked at can't be told from one whose answer stalls.
        elif timeouts.idle_s is not None and self._looked_s - self._alive_s >= timeouts.idle_s:
            raise IdleTimeout(timeouts.idle_s)
        if timeouts.turn_s is not None and at_s - self._sent_s >= timeouts.turn_s:
            raise IdleTimeout(timeouts.turn_s)


class Utf16Text:
    """A text whose changes are given in UTF-16 code units, as JavaScript counts them."""

    def __init__(self) -> None:
        self._units = b""
        self.text = ""

    def replace_tail(self, keep: int, tail: str) -> None:
        """Keep the first ``keep`` code units and put ``tail`` after them."""
        self._units = self._units[: 2 * keep] + tail.encode("utf-16-le", "surrogatepass")
        self.text = self._units.decode("utf-16-le", "replace")

    def change(self, told: Mapping[str, Any]) -> tuple[str, int]:
        """Take a change as the page tells it; return the whole text and how many of its characters are final."""
        self.replace_tail(told["keep"], told["tail"])
        return self.text, self.characters(told["stable"])

    def characters(self, units: int) -> int:
        """How many characters the first ``units`` code units are; half a surrogate pair is none."""
        return len(self._units[: 2 * units].decode("utf-16-le", "ignore"))
