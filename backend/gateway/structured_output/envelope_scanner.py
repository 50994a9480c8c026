"""Finds where the envelope of a tool call begins in Markdown that arrives in pieces. Pure.

An envelope is what ``backend.wire.tool_envelope`` describes, in every dress in which models write it: its own block, a
block of another language or none, no block at all, or ``<tool_call>``, which some models were trained on. What an inline
code span or the inside of another code block holds only talks about it, and is text.

Models forget line ends before a block and ends of blocks. So a block may begin within a line, and its own block is one in
another block too, unless the other one has a longer fence, as a Markdown sample that holds blocks must.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from backend.wire.tool_envelope import WORD

Dress = Literal["fence", "tag", "bare"]

# What might still become an envelope is held back up to this length.
_MOST_HELD = 512

# Every repetition is possessive (`*+`): what overlaps would else be tried in every way it can be parted.
_QUOTE = "[\"'“”„‟‘’‚‛]?+"
_MARK = [r"\[?+", r"\s*+", r"\{", r"\s*+", _QUOTE, *WORD, _QUOTE, r"\s*+", ":"]
_RUN = r"(?:`{3,}+|~{3,}+)"
_INFO = r"[^\n`\[{]*+"
_TOOL_INFO = r"[ \t]*+tool[_-]?calls?(?![\w+#.-])"
_TOOL_TAG = [*"<tool", "_?+", *"call", "s?+", ">"]
_OTHER_FENCE = [_RUN, _INFO, r"\s*+", *_MARK]
_TAGGED = [*_TOOL_TAG, r"\s*+", r"[\[{]"]


def _prefixes(parts: Sequence[str]) -> re.Pattern[str]:
    """Return what matches every beginning of the parts in a row."""
    pattern = ""
    for part in reversed(parts):
        pattern = f"(?:{part}{pattern})?"
    return re.compile(pattern, re.IGNORECASE)


def _whole(parts: Sequence[str]) -> re.Pattern[str]:
    return re.compile("".join(parts), re.IGNORECASE)


_OWN_FENCE = [_RUN, _TOOL_INFO, _INFO, r"[\n\[{]"]
_OPENINGS: tuple[tuple[Dress, re.Pattern[str]], ...] = (
    ("fence", _whole(_OWN_FENCE)),
    ("fence", _whole(_OTHER_FENCE)),
    ("tag", _whole(_TAGGED)),
    ("bare", _whole(_MARK)),
)
# What ends like this may become an opening with what follows.
_UNDECIDED = (_prefixes(_OTHER_FENCE), _prefixes(_TAGGED), _prefixes(_MARK))
# And at the end of an answer it is one that was cut off, if it says as much as this.
_CUT_OFF = re.compile(
    rf"(?:{_RUN}[ \t]*+|(?:{_RUN}{_INFO})?+\s*+\[?+\s*+\{{\s*+{_QUOTE}|<)tool", re.IGNORECASE
)

_NEXT = re.compile(r"[\n`~{\[<]")
_BEFORE_BLOCK = re.compile(r"[ \t>*+.)\d-]*")
_TICKS = re.compile("`+")
_BLOCK = re.compile(_RUN)
_BEFORE_BODY = re.compile(r"[^\n\[{]*+\s*+")
_STEP = re.compile("`+|~+|.", re.DOTALL)
_WITHIN_LINE = re.compile(r"[\w+#.-]++\n")
_OWN = _whole([r"[ \t>]*+", *_OWN_FENCE])
_OWN_UNDECIDED = _prefixes(
    [r"[ \t>]*+", r"(?:`++|~++)", r"[ \t]*+", *"tool", "[_-]?+", *"call", "s?+", _INFO, "\n"]
)


@dataclass(frozen=True, slots=True)
class Opening:
    """Where an envelope begins.

    Attributes:
        start: Its first character.
        body: Its first bracket, or where that should be.
        closer: The run that ends its block; for a tag ``</``, for no dress empty.
    """

    start: int
    body: int
    dress: Dress
    closer: str = ""


class EnvelopeScanner:
    """Goes through a text once; remembers what surrounds the place that it has come to."""

    def __init__(self) -> None:
        self._block = ""  # the run that opened the code block it is in
        self._span = 0  # how many backticks opened the code span it is in
        self._at_start = True  # nothing but a list's or a quotation's marks stands before it on its line

    def scan(self, text: str, at: int, *, is_last: bool) -> tuple[int, Opening | None]:
        """Return how far ``text`` is surely no envelope from ``at``, and the opening if one stands there.

        What lies beyond is to be given again with what follows it; with ``is_last`` nothing follows.
        """
        while at < len(text):
            step = self._in_block if self._block else self._in_prose
            reached, opening, is_stuck = step(text, at, is_last)
            if opening is not None or is_stuck:
                return reached, opening
            at = reached
        return at, None

    def _in_block(self, text: str, at: int, is_last: bool) -> tuple[int, Opening | None, bool]:  # noqa: FBT001
        if self._at_start and (own := self._own_block(text, at)):
            self._block = ""
            return own.start, own, False
        end = text.find("\n", at)
        line_end = end if end >= 0 else len(text)
        if end < 0:
            is_short = len(text) - at < _MOST_HELD
            if self._at_start and not is_last and is_short and _OWN_UNDECIDED.fullmatch(text, at):
                return at, None, True
            self._at_start = False
            return len(text), None, False
        if self._at_start and self._closes(text[at:line_end]):
            self._block = ""
        self._at_start = True
        return end + 1, None, False

    def _own_block(self, text: str, at: int) -> Opening | None:
        if _OWN.match(text, at) is None:
            return None
        run = _BLOCK.search(text, at)
        assert run is not None
        return self._opening(text, run.start()) if run[0].startswith(self._block) else None

    def _closes(self, line: str) -> bool:
        run = line.lstrip(" \t>").rstrip()
        return run.startswith(self._block) and not run.strip(self._block[0])

    def _in_prose(self, text: str, at: int, is_last: bool) -> tuple[int, Opening | None, bool]:  # noqa: FBT001
        found = _NEXT.search(text, at)
        until = found.start() if found else len(text)
        self._at_start = self._at_start and _BEFORE_BLOCK.fullmatch(text, at, until) is not None
        if found is None:
            return until, None, False
        if found[0] == "\n":
            self._span, self._at_start = 0, True
            return until + 1, None, False
        opening = self._opening(text, until)
        if opening is not None:
            return self._unless_in_span(text, opening, is_last)
        if not is_last and len(text) - until < _MOST_HELD and self._is_undecided(text, until):
            return until, None, True
        if is_last and self._is_cut_off(text, until):
            return until, Opening(until, len(text), "bare"), True
        return self._pass(text, until), None, False

    def _opening(self, text: str, at: int) -> Opening | None:
        run = _BLOCK.match(text, at)
        if run is not None and len(run[0]) == self._span:
            return None  # it ends the code span
        for dress, pattern in _OPENINGS:
            if pattern.match(text, at):
                closer = run[0] if run else "</" if dress == "tag" else ""
                body = _BEFORE_BODY.match(text, run.end() if run else at)
                assert body is not None
                return Opening(at, body.end(), dress, closer)
        return None

    def _unless_in_span(
        self,
        text: str,
        opening: Opening,
        is_last: bool,  # noqa: FBT001
    ) -> tuple[int, Opening | None, bool]:
        """Return the opening, unless it stands in a code span that ends on its line."""
        if not self._span or opening.dress == "fence":
            return opening.start, opening, False
        end = text.find("\n", opening.start)
        for run in _TICKS.finditer(text, opening.start, end if end >= 0 else len(text)):
            if len(run[0]) == self._span and (run.end() < len(text) or is_last):
                self._span = 0
                return run.end(), None, False
        is_open = end < 0 and not is_last and len(text) - opening.start < _MOST_HELD
        return opening.start, None if is_open else opening, is_open

    def _is_undecided(self, text: str, at: int) -> bool:
        if text[at] in "`~":
            run = _STEP.match(text, at)
            assert run is not None
            if run.end() == len(text):
                return True
            if len(run[0]) < 3 or len(run[0]) == self._span:
                return False
            if self._at_start and "\n" not in text[run.end() :] and "`" not in text[run.end() :]:
                return True
        return self._begins_opening(text, at)

    def _is_cut_off(self, text: str, at: int) -> bool:
        return self._begins_opening(text, at) and _CUT_OFF.match(text, at) is not None

    def _begins_opening(self, text: str, at: int) -> bool:
        return any(pattern.fullmatch(text, at) for pattern in _UNDECIDED)

    def _pass(self, text: str, at: int) -> int:
        """Go beyond a character that opens no envelope, and return where."""
        is_start, self._at_start = self._at_start, False
        step = _STEP.match(text, at)
        assert step is not None
        marks = step[0]
        is_block = is_start or (not self._span and _WITHIN_LINE.match(text, step.end()))
        if marks[0] in "`~" and is_block and len(marks) >= 3:
            line_end = text.find("\n", step.end())
            line_end = line_end if line_end >= 0 else len(text)
            if marks[0] == "~" or text.find("`", step.end(), line_end) < 0:
                self._block = marks
                return line_end
        if marks[0] == "`":
            self._span = 0 if self._span == len(marks) else self._span or len(marks)
        return step.end()
