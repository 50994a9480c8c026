"""Chooses which of a turn's streams is its answer: by the turn's id, by the page's own request, by what the page shows. Pure.

A page asks other things of the address that answers: it rewrites the question for a search, asks for a title or for
suggestions, with the same prompt in them, and whichever talks first proves nothing. A firm claim is believed at once;
else the page's own answer decides, which shows the text of one stream and not of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from automation.capture.ownership.claims import Claim
from automation.capture.ownership.shown_text import Shown, compare_shown

# A stream that is tied to the prompt and has no rival is passed on before its page shows it: a tab behind another one gets
# a frame a second, and some pages show an answer only when it is whole.
ALONE_S = 1.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One stream of the turn that said something.

    Attributes:
        text: The beginning of its answer, and of its reasoning where it has no answer yet.
        said_s: When it first said something.
        is_over: It came to its own end.
    """

    key: str
    claim: Claim
    text: str
    said_s: float
    is_over: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What the page shows.

    Attributes:
        head: The beginning of its answer.
        is_done: It has shown no sign of work for a while.
        rivals: How many streams with a request of the turn there were so far.
    """

    head: str
    at_s: float
    is_done: bool = False
    rivals: int = 1


class AmbiguousStreamsError(Exception):
    """Nothing tells which of several streams is the answer, or the page shows another one."""


def choose_stream(candidates: Sequence[Candidate], look: Look) -> str | None:
    """Return the key of the stream that is the answer, or None while that is open.

    Raises:
        AmbiguousStreamsError: The page is done, and the answer that it shows is in none of them, or in several.
    """
    firm = next((one for one in candidates if one.claim.is_firm), None)
    if firm is not None:
        return firm.key
    shown = [(compare_shown(one.text, look.head), one) for one in candidates]
    best = max((verdict for verdict, _ in shown), default=Shown.NOTHING)
    found = [one for verdict, one in shown if verdict is best]
    if best >= Shown.BEGUN and (chosen := _choose_of(found, is_whole=best is Shown.ALL)):
        return chosen.key
    if look.is_done and candidates:
        return _choose_at_end(candidates, best)
    alone = [one for one in candidates if one.claim >= Claim.TIED]
    if (
        len(alone) == 1
        and look.rivals <= 1
        and not alone[0].is_over
        and look.at_s - alone[0].said_s >= ALONE_S
    ):
        return alone[0].key
    return None


def _choose_of(found: Sequence[Candidate], *, is_whole: bool) -> Candidate | None:
    """Return the one that the page shows; of several whose texts are the same, the one with the best claim."""
    if len(found) == 1:
        return found[0]
    strongest = max(one.claim for one in found)
    best = [one for one in found if one.claim is strongest]
    over = [one for one in best if one.is_over]
    if len(best) == 1 and (is_whole or best[0].is_over):
        return best[0]
    return over[0] if is_whole and len(over) == len(best) else None


def _choose_at_end(candidates: Sequence[Candidate], best: Shown) -> str:
    if best is Shown.OTHERWISE:
        msg = "the page shows another answer than its streams have"
        raise AmbiguousStreamsError(msg)
    strongest = max(one.claim for one in candidates)
    found = [one for one in candidates if one.claim is strongest]
    if len({one.text for one in found}) > 1:
        msg = "several streams may be the answer, and the page shows none of them alone"
        raise AmbiguousStreamsError(msg)
    return found[0].key
