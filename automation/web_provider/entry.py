"""Orders the ways of entering a prompt into a field, by kind of editor and size. Pure.

Measured on the editors themselves with 100,000 characters in 5,000 lines (seconds, Chromium, one core): ``assign`` 0.2 in a
textarea; ``paste_paragraphs`` 0.3 in ProseMirror and TipTap; ``paste_text`` 0.1 in CodeMirror, 0.4 in Lexical, 0.8 in
Slate, 1.8 in Quill; ``set_text`` 0.1 in a bare contenteditable. ``insert`` costs more with every line: a second for 500 of
them, and with 5,000 it hangs most editors for good.
"""

from __future__ import annotations

from typing import Literal

Way = Literal["type", "insert", "assign", "set_text", "paste_text", "paste_paragraphs"]
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


def ways_for(kind: EditorKind, text: str, chosen: Way | Literal["auto"] = "auto") -> tuple[Way, ...]:
    """Return the ways of entry to try, in order. ``chosen`` is the profile's, which fields with a value don't need."""
    ways = _LONG[kind]
    if chosen != "auto" and kind not in {"textarea", "line"}:
        return (chosen,)
    if text.count("\n") > _INSERT_LINES:
        return ways
    # Chromium makes elements of line ends that are typed into a bare field, and pages read some of them as two.
    insert_first = len(text) <= _INSERT_CHARACTERS and not (kind == "bare" and "\n" in text)
    return ("insert", *ways) if insert_first else (*ways, "insert")


def length_in_page(text: str) -> int:
    """Return how many characters a page counts in ``text``: UTF-16 code units, as ``maxlength`` does."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
