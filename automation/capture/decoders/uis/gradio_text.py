"""How much of a growing Gradio message can be told before the rest of it may change. Pure.

Gradio's chatbot sends each message through ``inspect.cleandoc``, which takes off the indentation that all lines but
the first share. While a list grows whose first item is followed by indented lines, these show without indentation, and
get it back with the next line that has none. Told too early, such text could not be taken back.
"""

from __future__ import annotations

import re

_LIST_ITEM = re.compile(r"(?:[-*+]|(?P<number>\d+)[.)])\s")
_OPENING = re.compile(r"[{\[(]\s*$")
_HEADING = re.compile(r"#{1,6}\s")
_BLANK_END = re.compile(r"\n\s*\Z")


def without_blank_end(text: str) -> str:
    """Return ``text`` without blank lines at its end: their indentation goes once text follows it."""
    return _BLANK_END.sub("", text)


def settled(text: str) -> str:
    """Return the part of ``text`` that no later line changes: all of it, or the first line.

    Only a first line that indented lines commonly follow, a list item or an opening bracket, holds back the rest. The
    next number of a numbered list, or a heading, shows that the lines are not indented.
    """
    first, newline, rest = text.partition("\n")
    item = _LIST_ITEM.match(first)
    if not newline or not (item or _OPENING.search(first)):
        return text
    lines = rest.split("\n")
    if any(_HEADING.match(line) for line in lines) or (item and _is_next_number(item["number"], lines)):
        return text
    return first


def _is_next_number(number: str | None, lines: list[str]) -> bool:
    items = (match for match in map(_LIST_ITEM.match, lines) if match is not None)
    numbers = (match["number"] for match in items if match["number"] is not None)
    return number is not None and next(numbers, None) == str(int(number) + 1)
