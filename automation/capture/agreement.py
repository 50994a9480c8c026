"""Compares the page's words with the wire's answer. Pure.

The wire's text is the exact one, so it is never corrected by the page's; but the page is what a person reads, and a wire
text of which its answer shows nothing may be another chat's. Markup, its order and what a page adds to it (labels, a few
numbers) say nothing; only words are compared, in the order in which they stand. A page that shows less may be rendering
still, fold its answer, or draw only what is in view.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum, auto
from hashlib import sha256
from itertools import pairwise

_TOLERATED_SHARE = 0.1
# Of a few words, a label of the page is a large share.
_TOLERATED_WORDS = 8
# So many characters of each end of a text tell whose it is.
_END_CHARS = 4000
# Of the pairs of words of one text, so many are in the other where it is the same answer.
_SAME_SHARE = 0.5
_FEW_WORDS = 3
_ENOUGH_CHARS = 20
_ALIGNED_WORDS = 300
# Scripts that write no spaces are compared letter by letter.
_WORD = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\d_]+|\d+"
)
# What pages draw in another form: addresses, marks of citations, formulas.
_DRAWN = re.compile(r"\]\([^)\s]*\)|https?://\S+|【[^】]*】|\[\^?\d+\]|\$\$?[^$\n]+\$\$?|\\[(\[].*?\\[)\]]")
_AT_WORK = re.compile(
    r"\W*(thinking|loading|searching|generating|typing|working|reasoning)\b.{0,40}", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Difference:
    """Number of words that a page shows and the wire's answer lacks."""

    missing_words: int
    page_words: int


class Agreement(Enum):
    """What the page's own answer says of the wire's."""

    AGREES = auto()
    """It shows its words, or a part of them."""

    SHOWS_NOTHING = auto()
    """It shows nothing of an answer, or nothing but a few words of its own."""

    CONTRADICTS = auto()
    """It shows another answer."""


def difference(wire: str, page: str) -> Difference | None:
    """Return what of the page's text is not in the wire's, if that is more than labels; both are Markdown."""
    shown, told = count_words(page), count_words(wire)
    missing, total = (shown - told).total(), shown.total()
    if missing <= max(_TOLERATED_WORDS, _TOLERATED_SHARE * total):
        return None
    return Difference(missing, total)


def compare(told: str, shown: str, *, is_bare: bool, is_strict: bool = False, beside: str = "") -> Agreement:
    """Return what ``shown``, the page's answer, says of ``told``, the wire's; both are Markdown.

    Args:
        told: The wire's whole answer.
        shown: What the page shows of its answer now.
        is_bare: The profile names the answer's body, so that ``shown`` has no names, times and buttons in it.
        is_strict: Nothing but its address says that the wire's answer belongs to this turn. Answers to like questions differ
            in a word: a word that stands in another's place speaks against it then.
        beside: What else the wire told, such as reasoning, which the page may show in the same place.
    """
    if _shows_beginning(told, shown):
        return Agreement.AGREES
    wanted: Sequence[str] = _split(told)
    seen: Sequence[str] = _split(shown)
    if not wanted:
        # Pictures, emoji or signs alone: there are no words to compare.
        return Agreement.AGREES if shown.strip() else Agreement.SHOWS_NOTHING
    if not seen or _AT_WORK.fullmatch(shown.strip()):
        return Agreement.SHOWS_NOTHING
    if _is_same(wanted, seen):
        is_other = is_strict and _has_other_words(wanted, seen)
        return Agreement.CONTRADICTS if is_other else Agreement.AGREES
    seen = _without(seen, _split(beside))
    is_enough = is_bare or len(seen) > _TOLERATED_WORDS
    return Agreement.CONTRADICTS if seen and is_enough else Agreement.SHOWS_NOTHING


def fingerprint(text: str) -> str:
    """Return what tells two answers apart in a log without their words: the number of words, and a hash."""
    words = _WORD.findall(text)
    return f"{len(words)} words, {sha256(' '.join(words).encode()).hexdigest()[:12]}"


def _shows_beginning(told: str, shown: str) -> bool:
    """Whether the beginning of the wire's text stands on the page as it is, as that of most answers does; the cheap way out."""
    told = told.strip()
    return len(told) >= _ENOUGH_CHARS and told[:_END_CHARS] in shown


def _is_same(wanted: Sequence[str], seen: Sequence[str]) -> bool:
    """Whether the page's words are the wire's, or a part of them, whatever stands around and between."""
    if len(wanted) <= _FEW_WORDS:
        return _is_run_of(wanted, seen) or _begins(wanted, seen)
    if len(seen) <= _FEW_WORDS:
        return _begins(wanted, seen) or list(wanted[-len(seen) :]) == list(seen)
    told_pairs, seen_pairs = Counter(pairwise(wanted)), Counter(pairwise(seen))
    shared = (told_pairs & seen_pairs).total()
    first = Counter(pairwise(wanted[: _TOLERATED_WORDS * 2]))
    return (
        shared >= _SAME_SHARE * seen_pairs.total()
        or shared >= _SAME_SHARE * told_pairs.total()
        or (first & seen_pairs).total() > _SAME_SHARE * first.total()
    )


def _has_other_words(wanted: Sequence[str], seen: Sequence[str]) -> bool:
    """Whether words of the page stand where the wire has others, or many of the wire's are missing between the page's."""
    wanted, seen = wanted[:_ALIGNED_WORDS], seen[: 2 * _ALIGNED_WORDS]
    places = SequenceMatcher(None, wanted, seen, autojunk=False).get_opcodes()
    missing = 0
    for at, (kind, a, b, c, d) in enumerate(places):
        mine, theirs = _plain(wanted[a:b]), _plain(seen[c:d])
        is_between = 0 < at < len(places) - 1
        if kind == "replace" and mine and theirs:
            is_being_typed = d == len(seen) and wanted[a].startswith(seen[d - 1])
            # At the ends a page has labels of its own, and not yet, or no longer, all of a long answer.
            if not is_being_typed and (is_between or 2 * len(theirs) >= len(mine)):
                return True
        if kind == "delete" and is_between:
            missing += len(mine)
    return missing > max(2, _TOLERATED_SHARE * len(wanted))


def _plain(words: Sequence[str]) -> list[str]:
    """Return the words that a page shows as they are: no numbers, no single letters of formulas and lists."""
    return [word for word in words if word.isalpha() and (len(word) > 1 or not word.isascii())]


def _is_run_of(short: Sequence[str], long: Sequence[str]) -> bool:
    size = len(short)
    return any(tuple(long[at : at + size]) == tuple(short) for at in range(len(long) - size + 1))


def _begins(wanted: Sequence[str], seen: Sequence[str]) -> bool:
    """Whether ``seen`` is how ``wanted`` begins; its last word may not be written out yet."""
    *whole, last = seen
    return (
        len(seen) <= len(wanted)
        and list(wanted[: len(whole)]) == whole
        and wanted[len(whole)].startswith(last)
    )


def _without(seen: Sequence[str], other: Sequence[str]) -> Sequence[str]:
    known = set(other)
    return [word for word in seen if word not in known]


def _split(text: str) -> list[str]:
    """Return the words of both ends of a text, as they are compared."""
    if len(text) > 2 * _END_CHARS:
        text = f"{text[:_END_CHARS]} {text[-_END_CHARS:]}"
    text = _DRAWN.sub(" ", text)
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def count_words(text: str) -> Counter[str]:
    """Return how often each word stands in a text, as it is written."""
    return Counter(re.findall(r"\w+", text))
