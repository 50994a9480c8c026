"""Computes how much of a growing Gradio message can be sent before the rest of it may change. Pure.

Gradio's chatbot sends each message through ``inspect.cleandoc``, which takes off the indentation that all lines but
the first share. While a list grows whose first item is followed by indented lines, these show without indentation, and
get it back with the next line that has none. Told too early, such text could not be taken back.
"""

from __future__ import annotations

import re

from automation.growing_text import GrowingText

_LIST_ITEM = re.compile(r"(?:[-*+]|(?P<number>\d+)[.)])\s")
_OPENING = re.compile(r"[{\[(]\s*$")
_HEADING = re.compile(r"#{1,6}\s")
_MARK_CHARS = 7  # of the longest heading's mark
_BLANK_END = re.compile(r"\n\s*\Z")


def without_blank_end(text: str) -> str:
    """Return ``text`` without blank lines at its end."""
    return _BLANK_END.sub("", text)


class SettledText:
    """A message that grows: of what is appended, what can be told.

    Blank lines at its end wait, since their indentation goes once text follows them. Of the rest only a first line that
    indented lines commonly follow, a list item or an opening bracket, holds back what comes after it. The next number of
    a numbered list, or a heading, shows that the lines are not indented.
    """

    def __init__(self) -> None:
        self._blank_end = ""
        self._first: GrowingText | None = GrowingText()  # the first line, until it has ended
        self._second_number: str | None = None  # that shows that a list's lines are not indented
        self._is_free = False
        self._held = GrowingText()
        self._line = GrowingText()  # the last of the lines that are held

    def append(self, text: str) -> str:
        """Return what can be told now: it follows what was told before."""
        text = self._blank_end + text
        blank = _BLANK_END.search(text)
        self._blank_end = blank[0] if blank else ""
        text = text[: blank.start()] if blank else text
        if self._is_free:
            return text
        if self._first is None:
            return self._hold(text)
        self._first.append(text)
        if "\n" not in text:
            return text
        line, _, rest = str(self._first).partition("\n")
        self._first = None
        self._is_free = not self._holds_back(line)
        if self._is_free:
            return text
        told = text[: len(text) - len(rest) - 1]
        self._held.append("\n")
        return told + self._hold(rest)

    def _holds_back(self, first: str) -> bool:
        item = _LIST_ITEM.match(first)
        if item is not None and item["number"] is not None:
            self._second_number = str(int(item["number"]) + 1)
        return bool(item or _OPENING.search(first))

    def _hold(self, text: str) -> str:
        self._held.append(text)
        *lines, rest = text.split("\n")
        for line in lines:
            self._line.append(line)
            self._look_at(str(self._line), is_over=True)
            self._line = GrowingText()
        # Beyond its mark a line's growth says nothing.
        is_undecided = len(self._line) < max(_MARK_CHARS, len(self._second_number or "") + len(". "))
        self._line.append(rest)
        if is_undecided:
            self._look_at(str(self._line), is_over=False)
        return str(self._held) if self._is_free else ""

    def _look_at(self, line: str, *, is_over: bool) -> None:
        item = _LIST_ITEM.match(line)
        number = item["number"] if item else None
        if _HEADING.match(line) or (number is not None and number == self._second_number):
            self._is_free = True
        elif number is not None and is_over:
            self._second_number = None  # the first number that comes is not the next one
