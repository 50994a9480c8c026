"""Decides whether a page shows the chat that a conversation goes on in, by its last question and the answer to it. Pure.

A chat's fingerprint holds no words of it, only hashes: of the question's words and of the answer's as the page showed
them, and of a sample of both for pages that show them changed after a while.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

_VERSION = "2"
_NONE = "-"
_SAMPLE_WORDS = 32
_LEAST_SHARE = 0.75
# Labels that a page puts before a text: its words are looked for behind as many others.
_MOST_OFFSET = 200
# How long the turns must rest before a chat is believed that was opened anew, by how well it is known, and before it is not.
_REST_SURE_S = 1.0
_REST_LIKELY_S = 3.0
_REST_OTHER_S = 5.0


class ChatVerdict(Enum):
    """Whether the chat on a page is the one that is wanted."""

    WAIT = auto()
    OURS = auto()
    OTHER = auto()


class _Match(Enum):
    SURE = auto()
    LIKELY = auto()
    NO = auto()


@dataclass(frozen=True, slots=True)
class LastTurn:
    """The newest turn of the chat on a page.

    Attributes:
        question: Its text as the page shows it; None where the profile finds no questions.
        answer: The text of the answer that stands by it.
        is_answered: An answer stands there at all.
        order: On which side new turns come: ``first`` or ``last``.
        turns: How many turns the page shows.
    """

    question: str | None
    answer: str
    is_answered: bool
    order: str = "last"
    turns: int = 0


def parse_last_turn(told: Any) -> LastTurn:
    """Return what the page agent's ``lastAsked`` told."""
    return LastTurn(
        told["text"],
        str(told.get("answer") or ""),
        bool(told["answered"]),
        str(told.get("order") or "last"),
        int(told.get("turns") or 0),
    )


def build_fingerprint(prompt: str, answer: str = "", shown: LastTurn | None = None) -> str:
    """Return by what a chat is known whose last prompt and answer these are; ``shown`` is how the page shows them."""
    question = _words(shown.question or "") if shown else []
    there = _words(shown.answer) if shown else []
    # A page that shows other words than were read, such as a picture of them, is not known by those.
    is_shown = _match_sample(_sample(_words(answer)), there) is not _Match.NO
    is_asked = _match_sample(_sample(_words(prompt)), question) is not _Match.NO
    return ".".join(
        (
            _VERSION,
            shown.order if shown else "last",
            _hash_all(_words(prompt)),
            _hash_all(question),
            _sample(_words(prompt) if is_asked or not question else question),
            # The last word may be half of one that is still being typed out.
            _hash_all(there[:-1] or there) if is_shown else _NONE,
            _sample(_words(answer)) if is_shown else _NONE,
        )
    )


def find_order(fingerprint: str) -> str | None:
    """Return on which side of the older turns the chat's new ones come; None where that isn't known."""
    fields = _parse(fingerprint)
    return fields[1] if fields else None


class ChatRecognition:
    """Judges by looks at a page whether it shows the chat of one fingerprint.

    A history may come turn by turn, each of them the last one for a while; a page that still stands as it was left
    (not ``is_opened_anew``) needs no waiting. What rests is what the looks say of the chat, not the page's text: labels
    such as times never do.
    """

    def __init__(self, fingerprint: str, *, is_opened_anew: bool) -> None:
        self._fingerprint = fingerprint
        self._is_opened_anew = is_opened_anew
        self._seen: tuple[object, ...] | None = None
        self._since_s = 0.0

    def feed(self, shown: LastTurn, at_s: float) -> ChatVerdict:
        """Take one look, and return the verdict of all so far."""
        question, answer = (
            _match_question(self._fingerprint, shown),
            _match_answer(self._fingerprint, shown),
        )
        seen = (question, answer, shown.is_answered, shown.turns)
        if seen != self._seen:
            self._seen, self._since_s = seen, at_s
        # Questions may begin with the same page of instructions, and answers with the same words: one must be sure.
        is_ours = (
            shown.is_answered and _Match.NO not in {question, answer} and _Match.SURE in {question, answer}
        )
        needed_s = self._needed_s(question, answer) if is_ours else self._other_s
        if at_s - self._since_s < needed_s:
            return ChatVerdict.WAIT
        return ChatVerdict.OURS if is_ours else ChatVerdict.OTHER

    @property
    def _other_s(self) -> float:
        return _REST_OTHER_S if self._is_opened_anew else _REST_SURE_S

    def _needed_s(self, question: _Match, answer: _Match) -> float:
        if not self._is_opened_anew:
            return 0.0
        return _REST_SURE_S if question is answer else _REST_LIKELY_S


def _match_question(fingerprint: str, shown: LastTurn) -> _Match:
    if shown.question is None:
        return _Match.SURE
    there = _words(shown.question)
    fields = _parse(fingerprint)
    if fields is None:
        # Of a version before this one: hashes of the first words.
        return _match_sample(fingerprint, there, ".")
    _, _, whole, as_shown, sample, _, _ = fields
    if _holds_all(whole, there) or _holds_all(as_shown, there):
        return _Match.SURE
    return _match_sample(sample, there)


def _match_answer(fingerprint: str, shown: LastTurn) -> _Match:
    fields = _parse(fingerprint)
    if fields is None:
        return _Match.SURE
    there = _words(shown.answer)
    if fields[5] == _NONE or _holds_all(fields[5], there):
        return _Match.SURE
    return _match_sample(fields[6], there)


def _parse(fingerprint: str) -> list[str] | None:
    fields = fingerprint.split(".")
    return fields if len(fields) == 7 and fields[0] == _VERSION else None


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _hash_all(words: Sequence[str]) -> str:
    """Return the number of the words and a hash of them in their order."""
    return f"{len(words):x}h{_hash(' '.join(words), 16)}" if words else _NONE


def _holds_all(whole: str, there: Sequence[str]) -> bool:
    """Return whether the words of a hash stand among others in one piece."""
    if whole == _NONE:
        return False
    size = int(whole.partition("h")[0], 16)
    offsets = range(min(len(there) - size, _MOST_OFFSET) + 1)
    return any(_hash_all(there[offset : offset + size]) == whole for offset in offsets)


def _sample(words: Iterable[str]) -> str:
    """Return the least hashes of the words: always the same share of a text, wherever it stands."""
    return "h".join(sorted({_hash(word, 6) for word in words})[:_SAMPLE_WORDS]) or _NONE


def _match_sample(sample: str, there: Iterable[str], separator: str = "h") -> _Match:
    wanted = [] if sample in {"", _NONE} else sample.split(separator)
    hashes = {_hash(word, 6) for word in there}
    found = sum(one in hashes for one in wanted)
    return _Match.LIKELY if found >= _LEAST_SHARE * len(wanted) else _Match.NO


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
