"""An answer that consists of several texts, shown as one, each of which may grow. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from automation.capture.decoders.answer import AnswerSoFar
from automation.capture.decoders.protocol import WireEvent
from automation.growing_text import GrowingText, Text

Part = tuple[str, Text]
"""A text that is not empty, after what parts it from the one before it."""


def build_parts(texts: Iterable[Text], between: str) -> list[Part]:
    """Return the texts that are not empty, parted by ``between``."""
    shown = [text for text in texts if text]
    return [(between if i else "", text) for i, text in enumerate(shown)]


class JoinedAnswer:
    """Turns the parts of an answer and of its reasoning into deltas where they only grow.

    What is at the end of the last part and after it is all that is looked at, as long as the parts before it are the same
    objects, of the same length.
    """

    def __init__(self, answer: AnswerSoFar | None = None) -> None:
        self._answer = answer or AnswerSoFar()
        self._texts = WatchedParts()
        self._thoughts = WatchedParts()

    def become(self, texts: Sequence[Part], thoughts: Sequence[Part]) -> list[WireEvent]:
        """Take what the answer consists of now; return what ``AnswerSoFar.become`` would of all of it, joined."""
        text, thought = self._texts.growth(texts), self._thoughts.growth(thoughts)
        if text is None or thought is None:
            return self._answer.become(joined(texts), joined(thoughts))
        return self._answer.grow(text, thought)


class WatchedParts:
    """The parts as they were when last looked at."""

    def __init__(self) -> None:
        self._seen: list[tuple[str, Text, int]] = []

    def growth(self, parts: Sequence[Part]) -> str | None:
        """Return what there is more at the end; None where something else has changed."""
        seen, self._seen = self._seen, [(before, text, len(text)) for before, text in parts]
        if not seen:
            return joined(parts)
        last = len(seen) - 1
        if len(parts) <= last or not all(map(_is_same, seen[:last], self._seen)):
            return None
        more = _grown(seen[last], parts[last])
        return None if more is None else more + joined(parts[last + 1 :])


def _is_same(seen: tuple[str, Text, int], now: tuple[str, Text, int]) -> bool:
    return seen[0] == now[0] and seen[2] == now[2] and (seen[1] is now[1] or _start(seen) == str(now[1]))


def _grown(seen: tuple[str, Text, int], now: Part) -> str | None:
    before, text, size = seen
    if now[0] != before:
        return None
    if now[1] is text:
        return text.after(size) if isinstance(text, GrowingText) else ""
    whole = str(now[1])
    return whole[size:] if whole.startswith(_start(seen)) else None


def _start(seen: tuple[str, Text, int]) -> str:
    return str(seen[1])[: seen[2]]


def joined(parts: Iterable[Part]) -> str:
    """Return all that the parts say."""
    return "".join(before + str(text) for before, text in parts)
