"""Compares the beginning of a stream's text with what the page shows of its answer. Pure.

Only letters and digits are compared: what a page makes of Markdown, its white space and its marks say nothing. The
language of a block of code may be missing: pages write it over the block, or only colour it by it.
"""

from __future__ import annotations

import re
from enum import IntEnum

# So many letters in a row are no coincidence, whatever follows: a formula, or a number that the page puts behind a source.
_ENOUGH_LETTERS = 12
# What is looked for behind a label of the page, such as a name.
_SEARCHED_LETTERS = 4
_COMPARED_CHARS = 2000
_FENCE = re.compile(r"^[ \t>]*(?:`{3,}[^`\n]*|~{3,}[^\n]*)$", re.MULTILINE)
_LINK_TARGET = re.compile(r"\]\([^)\s]*\)?")


class Shown(IntEnum):
    """Verdict on a stream's text and what the page shows, the worst first."""

    OTHERWISE = 0
    """The page shows something else."""

    NOTHING = 1
    """Nothing to compare: the page shows no answer yet, or the stream has no text."""

    BEGUN = 2
    """The page shows how the text begins, and something else after that."""

    SO_FAR = 3
    """All that one of both has is the beginning of the other."""

    ALL = 4
    """The page shows this text and nothing after it."""


def compare_shown(text: str, page: str) -> Shown:
    """Return what ``page``, the beginning of the page's answer, shows of ``text``, a stream's Markdown."""
    text, page = text[:_COMPARED_CHARS], page[:_COMPARED_CHARS]
    verdict = _compare_letters(_letters(text), _letters(page))
    if verdict >= Shown.SO_FAR or (bare := _FENCE.sub("", text)) == text:
        return verdict
    return max(verdict, _compare_letters(_letters(bare), _letters(_FENCE.sub("", page))))


def _compare_letters(told: str, shown: str) -> Shown:
    if not told or not shown:
        return Shown.NOTHING
    return max((_compare_at(told, shown, at) for at in _places(told, shown)), default=Shown.OTHERWISE)


def _places(told: str, shown: str) -> list[int]:
    """Return where in ``shown`` the text may begin: at its beginning, and behind a label."""
    start = told[:_SEARCHED_LETTERS]
    if len(start) < _SEARCHED_LETTERS:
        return [0]
    return [0, *(match.start() for match in re.finditer(f"(?={re.escape(start)})", shown) if match.start())]


def _compare_at(told: str, shown: str, at: int) -> Shown:
    most = min(len(told), len(shown) - at)
    same = next((i for i in range(most) if told[i] != shown[at + i]), most)
    if same == most:
        return Shown.ALL if len(told) == len(shown) - at else Shown.SO_FAR
    return Shown.BEGUN if same >= _ENOUGH_LETTERS else Shown.OTHERWISE


def _letters(text: str) -> str:
    text = _LINK_TARGET.sub("]", text)
    letters = re.sub(r"[\W_]+", "", text)
    return letters or re.sub(r"\s+", "", text)
