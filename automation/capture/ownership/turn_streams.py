"""Makes one answer of a turn's streams: holds their text back until it is known whose it is, and waits after a cut. Pure.

A stream that ends without an end, by a cut, a tool call or an error status, is not the answer's failure while the page
goes on: it asks again, resumes, or waits for what it was told to wait for. The failure is told when the page is done.
Times are seconds on one monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from automation.capture.decoders.protocol import (
    StreamFormatError,
    WireAlive,
    WireContinues,
    WireEnd,
    WireError,
    WireEvent,
    WireText,
)
from automation.capture.ownership.claims import BOUND_BY, BoundBy, Claim
from automation.capture.ownership.continuation import Continuation, Follows
from automation.capture.ownership.shown_text import Shown, compare_shown
from automation.capture.ownership.stream_choice import AmbiguousStreamsError, Candidate, Look, choose_stream
from automation.turn import ReasoningDelta, TextDelta

# How long a page that shows no work may take to ask again, or to show an answer that has ended.
DONE_S = 1.5
# How long one that shows work may wait after a failure, with no request under way.
WAITS_S = 30.0
_COMPARED_CHARS = 2000


@dataclass(slots=True)
class _Stream:
    key: str
    claim: Claim
    has_prompt: bool
    place: int
    held: list[WireEvent] = field(default_factory=list)
    head: str = ""
    thought_head: str = ""
    said_s: float = 0.0
    is_open: bool = True
    is_over: bool = False
    failure: WireError | None = None
    next_place: int | None = None  # of the first stream that may continue it

    @property
    def has_text(self) -> bool:
        return bool(self.head or self.thought_head)

    def note(self, event: WireEvent) -> None:
        match event:
            case TextDelta():
                self.head = _beginning(self.head, event.text)
            case ReasoningDelta():
                self.thought_head = _beginning(self.thought_head, event.text)
            case WireText():
                self.head, self.thought_head = event.text[:_COMPARED_CHARS], event.reasoning[:_COMPARED_CHARS]
            case WireEnd() | WireContinues():
                self.is_over = True

    def candidate(self) -> Candidate:
        return Candidate(self.key, self.claim, self.head or self.thought_head, self.said_s, self.is_over)


class TurnStreams:
    """Takes what the streams of one turn say, and returns the events of its answer.

    Attributes:
        at_s: The time at which comes what is told next.
    """

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self._bound: _Stream | None = None
        self._claim: Claim | None = None
        self._answer = Continuation()
        self._follows = Follows.NOTHING
        self._next_place = 0
        self._failure: tuple[Claim, WireError] | None = None
        self._opened = self._rivals = 0
        self._head = ""
        self.at_s = self._looked_s = self._busy_s = self._news_s = 0.0
        self._is_busy = False
        self.has_ended = False

    @property
    def bound_by(self) -> BoundBy | None:
        """How the answer's stream is tied to the turn; None while no stream is known to be the answer's."""
        return BOUND_BY[self._claim] if self._claim is not None else None

    @property
    def is_open(self) -> bool:
        """Whether more of the answer may come: a stream runs, none is chosen yet, or the page may ask again."""
        if self.has_ended:
            return False
        return bool(self._streams) or self._failure is not None or self._follows is not Follows.NOTHING

    def open(self, key: str, claim: Claim, *, has_prompt: bool = False) -> None:
        """Note a stream that may be the answer."""
        self._streams[key] = _Stream(key, claim, has_prompt, self._opened)
        self._opened += 1
        self._rivals += claim >= Claim.TIED
        self._news_s = self.at_s

    @property
    def bound_key(self) -> str | None:
        """The stream that is the answer's now."""
        return self._bound.key if self._bound is not None else None

    @property
    def is_lost(self) -> bool:
        """Whether the answer's stream broke off, and no other one continues it yet."""
        return self._follows is Follows.CUT and self._bound is None and not self.has_ended

    @property
    def has_text(self) -> bool:
        """Whether any stream said something of an answer."""
        return self._claim is not None or any(stream.has_text for stream in self._streams.values())

    def is_alone(self, key: str) -> bool:
        """Whether no other stream may be the answer, or this one was chosen."""
        return key == self.bound_key or (self._bound is None and self._streams.keys() <= {key})

    def says_nothing(self, key: str) -> bool:
        """Whether a stream has said nothing of an answer yet."""
        stream = self._streams.get(key)
        return stream is None or (stream is not self._bound and not stream.has_text and not stream.is_over)

    def drop(self, key: str) -> None:
        """Forget a stream that can't be the answer; not the one that was chosen."""
        if key != self.bound_key:
            stream = self._streams.pop(key, None)
            self._rivals -= stream is not None and stream.claim >= Claim.TIED

    def refuse(self, key: str, failure: WireError) -> list[WireEvent]:
        """Note that the site sent a request on to another page: nobody asks again there, so it is told at once."""
        stream = self._streams.get(key)
        if stream is None or self._claim is not None or not self.is_alone(key):
            return self.close(key, None)
        self.has_ended = True
        return [failure]

    def fail(self, claim: Claim, failure: WireError) -> None:
        """Note a failure of the turn; it is told when the page stops working on it."""
        self._news_s = self.at_s
        if self._failure is None or claim >= self._failure[0]:
            self._failure = (claim, failure)

    def has(self, key: str) -> bool:
        """Whether a stream is known, and of interest."""
        return key in self._streams

    def raise_claim(self, key: str, claim: Claim) -> None:
        """Note that a stream's claim is better than it was known to be."""
        stream = self._streams.get(key)
        if stream is not None and claim > stream.claim:
            self._rivals += stream.claim < Claim.TIED
            stream.claim = claim

    def take(self, key: str, events: list[WireEvent]) -> list[WireEvent]:
        """Take what a stream says; return what of it is the answer's."""
        stream = self._streams.get(key)
        if stream is None or not events:
            return []
        self._news_s = self.at_s
        if stream is self._bound:
            return [] if self.has_ended else self._pass(stream, events)
        had_text = stream.has_text
        for event in events:
            if isinstance(event, WireError):
                return self.close(key, event)
            stream.note(event)
            if isinstance(event, WireContinues):
                stream.next_place = self._opened
            if not isinstance(event, WireAlive):
                stream.held.append(event)
        if not had_text:
            stream.said_s = self.at_s
        return self._choose() or [WireAlive()]

    def close(self, key: str, failure: WireError | None) -> list[WireEvent]:
        """Note that a stream has ended; ``failure`` says what was wrong with its end, if anything was."""
        stream = self._streams.get(key)
        if stream is None or not stream.is_open:
            return []
        self._news_s = self.at_s
        stream.is_open = False
        stream.failure = failure
        if stream.next_place is None:
            stream.next_place = self._opened
        if stream is self._bound:
            return self._lose(failure)
        if stream.has_text or stream.is_over:
            return self._choose()
        self.drop(key)
        if failure is not None:
            self.fail(stream.claim, failure)
        return []

    def look(self, head: str | None, at_s: float, *, is_busy: bool, looked_s: float) -> list[WireEvent]:
        """Take what the page shows: the beginning of its answer, and whether it works. Call it now and then.

        ``looked_s`` is when the page last told what it shows: a page that is slow to tell has not stopped working.

        Raises:
            StreamFormatError: The page is done, and its answer is in none of its streams.
        """
        self.at_s, self._looked_s, self._is_busy = at_s, looked_s, is_busy
        if is_busy:
            self._busy_s = at_s
        if head is not None:
            self._head = head
        return self._choose() or self._give_up()

    def go_on(self) -> None:
        """Note that the page was told to continue an answer that had ended: its next stream goes on below."""
        if self._bound is not None:
            self._streams.pop(self._bound.key, None)
        self._bound, self.has_ended = None, False
        self._follows, self._next_place, self._news_s = Follows.CONTINUED, self._opened, self.at_s

    # -- whose text it is -------------------------------------------------------------------------------------------

    def _choose(self) -> list[WireEvent]:
        if self._bound is not None or self.has_ended:
            return self._reconsider()
        said = [one for one in self._streams.values() if one.has_text or one.is_over]
        # What ended without a word is the answer only where nothing else can be.
        said = [one for one in said if one.has_text] or said
        if not said:
            return []
        if self._follows is not Follows.NOTHING:
            later = [one for one in said if one.place >= self._next_place]
            return self._bind(max(later, key=lambda one: one.claim)) if later else []
        works_on = any(one.is_open and not one.is_over for one in self._streams.values())
        look = Look(self._head, self.at_s, self._is_done and not works_on, self._rivals)
        try:
            key = choose_stream([one.candidate() for one in said], look)
        except AmbiguousStreamsError as exc:
            raise StreamFormatError(str(exc)) from exc
        return self._bind(self._streams[key]) if key is not None else []

    def _reconsider(self) -> list[WireEvent]:
        """Take another stream where the page shows its text, and nothing of the one that was believed."""
        if len(self._streams) < 2 or self._claim is None or self._claim.is_firm or not self._head:
            return []
        if compare_shown(self._answer.text, self._head) is not Shown.OTHERWISE:
            return []
        shown = [
            one
            for one in self._streams.values()
            if one is not self._bound and one.head and compare_shown(one.head, self._head) >= Shown.SO_FAR
        ]
        if len(shown) != 1:
            return []
        self._follows, self.has_ended = Follows.ANOTHER_ANSWER, False
        return self._bind(shown[0])

    def _bind(self, stream: _Stream) -> list[WireEvent]:
        if self._follows is Follows.CUT and stream.has_prompt:
            self._follows = Follows.CUT_AND_ASKED_AGAIN
        self._bound, self._claim = stream, stream.claim
        self._answer.begin(self._follows)
        self._follows, self._failure = Follows.NOTHING, None
        held, stream.held = stream.held, []
        events = self._pass(stream, held)
        if not stream.is_open and not self.has_ended and self._bound is stream:
            events += self._lose(stream.failure)
        return events

    def _pass(self, stream: _Stream, events: list[WireEvent]) -> list[WireEvent]:
        told: list[WireEvent] = []
        for event in events:
            if isinstance(event, WireError):
                stream.is_open = False
                return [*told, *self._lose(event)]
            if isinstance(event, WireContinues):
                stream.is_over = True
                self._follows = Follows.TOOL_CALL
                self._next_place = self._opened if stream.next_place is None else stream.next_place
                stream.next_place = self._next_place
                told.append(WireAlive())
                continue
            told += self._answer.feed(event)
            if isinstance(event, WireEnd):
                self.has_ended = stream.is_over = True
                break
        return told

    # -- streams that end without an end ----------------------------------------------------------------------------

    def _lose(self, failure: WireError | None) -> list[WireEvent]:
        """Go on after the answer's own stream has ended."""
        stream, self._bound = self._bound, None
        assert stream is not None
        del self._streams[stream.key]
        if self.has_ended:
            return []
        if self._follows is not Follows.TOOL_CALL:
            self._follows = Follows.CUT
            self._next_place = self._opened if stream.next_place is None else stream.next_place
            self.fail(stream.claim, failure or WireError("its stream ended without its end marker"))
        return self._choose() or [WireAlive()]

    @property
    def _is_done(self) -> bool:
        return not self._is_busy and self._looked_s - max(self._busy_s, self._news_s) >= DONE_S

    def _give_up(self) -> list[WireEvent]:
        """Tell a failure once the page has stopped working on it."""
        if self.has_ended or self._bound is not None or any(one.is_open for one in self._streams.values()):
            return []
        has_waited = self.at_s - self._news_s >= WAITS_S
        if not (self._is_done or has_waited):
            return []
        if self._failure is not None:
            self.has_ended = True
            return [self._failure[1]]
        if self._follows is not Follows.NOTHING and self._is_done:
            self.has_ended = True
            return [WireError("its page did not ask again after a part of its answer")]
        return []


def _beginning(head: str, more: str) -> str:
    return head if len(head) >= _COMPARED_CHARS else (head + more)[:_COMPARED_CHARS]
