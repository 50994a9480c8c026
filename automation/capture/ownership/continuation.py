"""Puts together the text of an answer that comes in several streams: appended, replayed or written anew. Pure.

After a tool call the next stream goes on below. After a cut, a stream that begins with the same text is a replay, of
which only the rest is new; one that begins otherwise continues where the last one broke off, unless its request carried
the prompt again: then the answer is written anew.
"""

from __future__ import annotations

from enum import Enum, auto

from automation.capture.decoders.protocol import WireAlive, WireEnd, WireEvent, WireText
from automation.growing_text import GrowingText
from automation.turn import ReasoningDelta, TextDelta

_PARTS_BETWEEN = "\n\n"


class Follows(Enum):
    """Relation of a stream to the one before it."""

    NOTHING = auto()
    """It is the turn's first."""

    TOOL_CALL = auto()
    """The page ran a tool, and asked again with its result."""

    CUT = auto()
    """The one before broke off; this one continues or replays it."""

    CONTINUED = auto()
    """The one before ended, and the page was told to continue."""

    CUT_AND_ASKED_AGAIN = auto()
    """The one before broke off, and the page sent the prompt again."""

    ANOTHER_ANSWER = auto()
    """The one before was not the answer."""


class Continuation:
    """Takes the events of a turn's streams, one after another, and returns those of one answer."""

    def __init__(self) -> None:
        self._texts = (GrowingText(), GrowingText())  # all of the answer, all of its reasoning
        self._bases = ("", "")
        self._betweens = ["", ""]
        self._held: list[GrowingText] | None = None
        self._follows = Follows.NOTHING

    @property
    def text(self) -> str:
        """All of the answer so far, joined: not for each delta."""
        return str(self._texts[0])

    def begin(self, follows: Follows) -> None:
        """Begin the next stream."""
        self._follows, self._held = follows, None
        whole = (str(self._texts[0]), str(self._texts[1]))
        is_after_text = any(whole)
        self._bases, self._betweens = ("", ""), ["", ""]
        if follows is Follows.TOOL_CALL:
            self._bases = whole
            self._betweens = [_PARTS_BETWEEN if text else "" for text in whole]
        elif follows is not Follows.NOTHING and is_after_text:
            self._held = [GrowingText(), GrowingText()]
            self._bases = whole

    def feed(self, event: WireEvent) -> list[WireEvent]:
        """Return what one event of the stream adds to the answer."""
        if self._held is not None:
            return self._compare(event)
        match event:
            case TextDelta() | ReasoningDelta():
                return [self._grow(event)]
            case WireText():
                return [self._become(event.text, event.reasoning)]
            case _:
                return [event]

    def _grow(self, event: TextDelta | ReasoningDelta) -> WireEvent:
        place = 0 if isinstance(event, TextDelta) else 1
        between, self._betweens[place] = self._betweens[place], ""
        self._texts[place].append(between + event.text)
        return type(event)(between + event.text) if between else event

    def _become(self, text: str, reasoning: str) -> WireText:
        between = _PARTS_BETWEEN if self._follows is Follows.TOOL_CALL else ""
        whole = [
            base + (between if base and told else "") + told
            for base, told in zip(self._bases, (text, reasoning), strict=True)
        ]
        self._texts = (GrowingText(whole[0]), GrowingText(whole[1]))
        return WireText(*whole)

    def _compare(self, event: WireEvent) -> list[WireEvent]:
        """Hold text back until it shows whether the stream replays what was told before."""
        assert self._held is not None
        match event:
            case TextDelta():
                self._held[0].append(event.text)
            case ReasoningDelta():
                self._held[1].append(event.text)
            case WireText():
                self._held = [GrowingText(event.text), GrowingText(event.reasoning)]
            case WireEnd():
                return [*self._decide(is_over=True), event]
            case _:
                return [event]
        return self._decide(is_over=False) or [WireAlive()]

    def _decide(self, *, is_over: bool) -> list[WireEvent]:
        assert self._held is not None
        text, thought = str(self._held[0]), str(self._held[1])
        told_text, told_thought = self._bases
        if self._follows is Follows.ANOTHER_ANSWER:
            return self._replace(text, thought) if text or is_over else []
        has_all = text.startswith(told_text) and thought.startswith(told_thought)
        if has_all:
            self._held, self._bases = None, ("", "")
            return self._add(text[len(told_text) :], thought[len(told_thought) :])
        may_replay = told_text.startswith(text) and told_thought.startswith(thought)
        # Reasoning comes first: a text without all of the reasoning that was told is no replay.
        may_replay = may_replay and (not text or thought == told_thought)
        if may_replay and not (is_over and (text or thought)):
            return []
        if self._follows is Follows.CUT_AND_ASKED_AGAIN:
            return self._replace(text, thought)
        self._held = None
        return self._add(text, thought)

    def _replace(self, text: str, thought: str) -> list[WireEvent]:
        self._held, self._bases = None, ("", "")
        return [self._become(text, thought)]

    def _add(self, text: str, thought: str) -> list[WireEvent]:
        events: list[TextDelta | ReasoningDelta] = []
        if thought:
            events.append(ReasoningDelta(thought))
        if text:
            events.append(TextDelta(text))
        return [self._grow(event) for event in events]
