"""Joins the parts of an answer that a page shows one below the other. Pure."""

from __future__ import annotations

from typing import Literal

from automation.capture.decoders.joined_answer import JoinedAnswer, build_parts
from automation.capture.decoders.protocol import WireAlive, WireEvent
from automation.growing_text import GrowingText

PartKind = Literal["text", "reasoning"]

_PARTS_BETWEEN = "\n\n"


class TextParts:
    """Parts in the order in which they began."""

    def __init__(self) -> None:
        self._texts: dict[PartKind, list[GrowingText]] = {"text": [], "reasoning": []}
        self._open: dict[tuple[PartKind, str], int] = {}  # which of these an id means now
        self._kept = {"text": 0, "reasoning": 0}  # how many are of earlier steps
        self._answer = JoinedAnswer()

    def begin(self, kind: PartKind, part_id: str) -> list[WireEvent]:
        """Begin a part; ids come again in later steps."""
        self._open[kind, part_id] = len(self._texts[kind])
        self._texts[kind].append(GrowingText())
        return [WireAlive()]

    def append(self, kind: PartKind, part_id: str, text: str) -> list[WireEvent]:
        """Append to a part, which begins by it if it hasn't yet; return what changed."""
        if (kind, part_id) not in self._open:
            self.begin(kind, part_id)
        self._texts[kind][self._open[kind, part_id]].append(text)
        return self._show()

    def next_step(self) -> None:
        """Begin a step: parts of the last one don't grow any more, nor can they be taken back."""
        self._open.clear()
        self._kept = {kind: len(texts) for kind, texts in self._texts.items()}

    def reset_step(self) -> list[WireEvent]:
        """Take back the parts of this step: its answer is being written anew."""
        self._open.clear()
        for kind, texts in self._texts.items():
            del texts[self._kept[kind] :]
        return self._show()

    def _show(self) -> list[WireEvent]:
        texts, thoughts = (build_parts(texts, _PARTS_BETWEEN) for texts in self._texts.values())
        return self._answer.become(texts, thoughts) or [WireAlive()]
