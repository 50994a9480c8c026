"""Orders the ways of entering a prompt into a field, by kind of editor and size. Pure.

Measured on the editors themselves with 100,000 characters in 5,000 lines (seconds, Chromium, one core): ``assign`` 0.2 in a
textarea; ``paste_paragraphs`` 0.3 in ProseMirror and TipTap; ``paste_text`` 0.1 in CodeMirror, 0.4 in Lexical, 0.8 in
Slate, 1.8 in Quill; ``set_text`` 0.1 in a bare contenteditable. ``insert`` costs more with every line: a second for 500 of
them, and with 5,000 it hangs most editors for good.
"""

from __future__ import annotations

import math
from typing import Literal

Way = Literal[
    "type", "insert", "assign", "set_text", "paste_text", "paste_paragraphs", "paste_breaks", "shift_enter"
]
EditorKind = Literal[
    "textarea", "line", "prosemirror", "lexical", "quill", "codemirror", "slate", "draft", "bare"
]

_INSERT_CHARACTERS = 4096
_INSERT_LINES = 64

# An editor hears of the caret a moment later; on a busy machine a paste can come before that, and a second one helps.
_PASTED: tuple[Way, ...] = ("paste_text", "paste_text")
# What keeps all of a long prompt comes first. An editor that we don't know looks bare, and may refuse what isn't pasted.
_LONG: dict[EditorKind, tuple[Way, ...]] = {
    "textarea": ("assign",),
    "line": ("assign",),
    "prosemirror": ("paste_paragraphs", "paste_text"),
    "lexical": _PASTED,
    "quill": _PASTED,
    "codemirror": _PASTED,
    "slate": _PASTED,
    "draft": _PASTED,
    "bare": ("set_text", "paste_text", "paste_paragraphs"),
}
# For editors that keep line ends only as a person makes them. Keys cost a moment for each line, so they come last.
_BREAKS: tuple[Way, ...] = ("paste_breaks", "shift_enter")
WITH_A_VALUE = frozenset({"textarea", "line"})
_PASTING: tuple[Way, ...] = ("paste_text", "paste_paragraphs", "paste_breaks")
# So short a text nobody makes a file of; to compare all that stands on a page takes a moment.
_LEAST_OF_FILE_CHARACTERS = 1000


def ways_for(kind: EditorKind, text: str, chosen: Way | Literal["auto"] = "auto") -> tuple[Way, ...]:
    """Return the ways of entry to try, in order. ``chosen`` is the profile's, which fields with a value don't need."""
    ways = _LONG[kind]
    if chosen != "auto" and kind not in WITH_A_VALUE:
        return (chosen,)
    if "\n" in text and kind not in WITH_A_VALUE:
        ways += _BREAKS
    if text.count("\n") > _INSERT_LINES:
        return ways
    # Chromium makes elements of line ends that are typed into a bare field, and pages read some of them as two.
    insert_first = len(text) <= _INSERT_CHARACTERS and not (kind == "bare" and "\n" in text)
    return ("insert", *ways) if insert_first else (*ways, "insert")


class KnownWays:
    """Remembers what a page's composer made of each way of entry: the text, or more than that, such as a file beside it."""

    def __init__(self) -> None:
        self._from_characters: dict[Way, int] = {}
        self._for_lines: Way | None = None

    def note_kept(self, way: Way, text: str) -> None:
        """Note that the field kept a text that was entered this way."""
        if "\n" in text:
            self._for_lines = way

    def note_traces(self, way: Way, size_characters: int) -> None:
        """Note that a text of this size left something; what is pasted one way is so in the others."""
        for one in _PASTING if way in _PASTING else (way,):
            self._from_characters[one] = min(size_characters, self._from_characters.get(one, size_characters))

    def order(self, ways: tuple[Way, ...], text: str) -> tuple[Way, ...]:
        """Return the ways that leave nothing of this text, as far as is known; first the one that kept line ends before."""
        clean = tuple(way for way in ways if len(text) < self._from_characters.get(way, math.inf))
        known = self._for_lines
        if known not in clean or not 0 < text.count("\n") <= _INSERT_LINES or len(text) > _INSERT_CHARACTERS:
            return clean
        return (known, *(way for way in clean if way != known))


def may_leave_traces(way: Way, text: str) -> bool:
    """Return whether what stands beside the field has to be compared before and after this way."""
    return way in _PASTING or len(text) >= _LEAST_OF_FILE_CHARACTERS


def length_in_page(text: str) -> int:
    """Return how many characters a page counts in ``text``: UTF-16 code units, as ``maxlength`` does."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
