"""Compares the page's words with the wire's answer, to detect a decoder that reads only part of it. Pure.

The wire's text is the exact one, so it is never corrected by the page's. Markup, its order and what a page adds to it
(labels, a few numbers) say nothing; only words are compared, and a page that shows less may be rendering still.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

_TOLERATED_SHARE = 0.1
# Of a few words, a label of the page is a large share.
_TOLERATED_WORDS = 8


@dataclass(frozen=True, slots=True)
class Difference:
    """Number of words that a page shows and the wire's answer lacks."""

    missing_words: int
    page_words: int


def difference(wire: str, page: str) -> Difference | None:
    """Return what of the page's text is not in the wire's, if that is more than labels; both are Markdown."""
    shown, told = _words(page), _words(wire)
    missing, total = (shown - told).total(), shown.total()
    if missing <= max(_TOLERATED_WORDS, _TOLERATED_SHARE * total):
        return None
    return Difference(missing, total)


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text))
