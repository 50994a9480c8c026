"""Answers of the chat site, chosen by tags in the prompt and by nothing else. Pure.

====================  =======================================================================
``[[echo:TEXT]]``     the answer is TEXT
``[[md:NAME]]``       one of ``MARKDOWN``
``[[count:N]]``       N numbered words
``[[long:N]]``        Markdown of every kind, at least N characters of it
``[[think:TEXT]]``    reasoning before the answer
``[[gate]]``          stops in the middle until the test releases it
``[[pause:S]]``       S seconds of silence in the middle
``[[pauses:N:S,…]]``  S seconds of silence before piece N, and before others
``[[wait:S]]``        S seconds before the first piece
``[[slow:MS]]``       milliseconds before each piece
``[[chunk:N]]``       characters of a piece, five without
``[[cut]]``           the connection breaks in the middle
``[[error]]``         HTTP 500 instead of an answer
``[[error-mid]]``     an error event in the middle
``[[limit]]``         HTTP 200 with a rate-limit body instead of an answer
====================  =======================================================================

With no answer tag it is one sentence that proves which prompt arrived. The last tag of a kind wins, so that a
transcript of earlier turns before the question does no harm.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from typing import Literal

PieceKind = Literal["text", "thinking"]
Fault = Literal["", "cut", "error", "error-mid", "limit"]

ERROR_WORDS = "The model is overloaded. Please try again."
FILE_WORDS = "Programs can't be attached."
MUTED_WORDS = "You are muted for a while."
LIMIT_WORDS = "Rate limit reached: you are sending too many messages. Try again in 30 seconds."

MARKDOWN = {
    "prose": "# Rivers\n\nA river is **water** that *moves*, see [the map](https://example.org/map?a=1&b=2).\n\n"
    'It says "go" & `stop <now>`; 2 < 3, naïve café, 日本語, 🙂.',
    "code": "Run this:\n\n```python\ndef add(a, b):\n    # Copy me\n    return a + b\n\n\nprint(add(1, 2))\n```\n\n"
    "It prints `3`.",
    "table": "The costs:\n\n| item | price |\n| --- | --- |\n| tea | 2 |\n| **cake** | 3 |\n\nThat is all.",
    "list": "Steps:\n\n1. Boil\n2. Pour\n3. Wait\n\nYou need:\n\n- a cup\n- tea with `milk`\n- *time*",
    "indented": "```\n    four spaces\n\ttab\n\n<b>not bold</b> **nor this**\n```",
}

_TAG = re.compile(r"\[\[([a-z-]+)(?::(.*?))?\]\]", re.DOTALL)
_PIECE_CHARACTERS = 5


@dataclass(frozen=True, slots=True)
class Piece:
    """One token's worth of answer or reasoning."""

    kind: PieceKind
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one prompt gets, and how it comes.

    ``has_gate`` stops it in the middle until released; ``pauses`` are by the number of the piece that they precede;
    times are in seconds.
    """

    text: str
    reasoning: str = ""
    piece_characters: int = _PIECE_CHARACTERS
    delay_s: float = 0.004
    wait_s: float = 0.0
    pause_s: float = 0.0
    pauses: Mapping[int, float] = field(default_factory=dict)
    has_gate: bool = False
    fault: Fault = ""

    def pieces(self) -> Iterator[Piece]:
        """Yield the reasoning and then the answer, a few characters at a time."""
        size = self.piece_characters
        kinds: tuple[tuple[PieceKind, str], ...] = (("thinking", self.reasoning), ("text", self.text))
        for kind, text in kinds:
            yield from (Piece(kind, text[at : at + size]) for at in range(0, len(text), size))


def answer_to(prompt: str) -> Answer:
    """Return what the site answers to ``prompt``; always the same.

    Raises:
        KeyError: ``[[md:NAME]]`` names no answer.
    """
    tags = {match[1]: match[2] or "" for match in _TAG.finditer(prompt)}
    return Answer(
        text=_text_of(tags, prompt),
        reasoning=tags.get("think", ""),
        piece_characters=int(tags.get("chunk", _PIECE_CHARACTERS)),
        delay_s=float(tags.get("slow", 4)) / 1000,
        wait_s=float(tags.get("wait", 0)),
        pause_s=float(tags.get("pause", 0)),
        pauses=_pauses_of(tags.get("pauses", "")),
        has_gate="gate" in tags,
        fault=_fault_of(tags),
    )


def _pauses_of(tag: str) -> dict[int, float]:
    pairs = (each.split(":") for each in tag.split(",") if each)
    return {int(number): float(seconds) for number, seconds in pairs}


def _text_of(tags: dict[str, str], prompt: str) -> str:
    if "echo" in tags:
        return tags["echo"]
    if "md" in tags:
        return MARKDOWN[tags["md"]]
    if "long" in tags:
        return _write_long(int(tags["long"]))
    if "count" in tags:
        return " ".join(f"word{n}" for n in range(1, int(tags["count"]) + 1))
    checksum = zlib.crc32(prompt.encode())
    return f"You sent {len(prompt)} characters on {len(prompt.splitlines())} lines, checksum {checksum:08x}."


def _write_long(characters: int) -> str:
    parts: list[str] = []
    for number, kind in enumerate(cycle(("prose", "code", "table", "list"))):
        parts.append(f"## Part {number}\n\n{MARKDOWN[kind]}")
        if sum(map(len, parts)) >= characters:
            break
    return "\n\n".join(parts)


def _fault_of(tags: dict[str, str]) -> Fault:
    faults: tuple[Fault, ...] = ("cut", "error", "error-mid", "limit")
    return next((fault for fault in faults if fault in tags), "")
