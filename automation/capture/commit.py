"""Turns snapshots of an answer that its page may still rewrite into append-only text. Pure.

A client that was sent a piece of text can't be asked to forget it, but a chat page renders its whole answer anew with
each token: a line of text turns into a heading, a tight list into a loose one. ``AppendOnly`` stands between the two.
It sends only what a snapshot calls stable, checks each later snapshot against what was sent, and says when they part.
"""

from __future__ import annotations

import re
from itertools import islice

from automation.growing_text import GrowingText, measure_shared

_EMPTY_LINE = re.compile(r"[> ]*\n")
_FENCE = re.compile(r"(?:[\s>]|[-*+] |\d+[.)] )*(?P<fence>`{3,}|~{3,})(?P<rest>.*)")


class AppendOnly:
    """The text sent so far for one answer, and the rule for what may follow it.

    Feed every snapshot to ``update`` and the last one to ``finish``; send what they return. All lengths are code
    points, as ``len`` counts them; a length that a page told in UTF-16 units has to be converted before. Text read
    off the wire is final, so its snapshots are fed with ``stable=len(markdown)``.

    A snapshot *agrees* where it starts with the text that was sent. Empty lines outside fenced code, also in quotes, are
    not compared: a list becomes loose, and gets empty lines between its items, when a later item says so, and that is no
    other text.
    While a snapshot disagrees, nothing is sent; pages show half-typed markup as something else for a moment (``text``
    over ``-`` is a heading until the list item follows), so sending goes on as soon as a snapshot agrees again.
    A snapshot that rewrites its predecessor instead of only adding to it is believed as far as both agree, until the
    next one confirms it.
    """

    def __init__(self) -> None:
        self._emitted = GrowingText()
        self._agreed = self._latest = GrowingText()
        self._diverged = False
        self._contradiction: _Contradiction | None = None
        self._is_confirmed = False  # the latest snapshot came twice, and said nothing new the second time

    @property
    def emitted(self) -> str:
        """All text returned so far, joined."""
        return str(self._emitted)

    @property
    def diverged(self) -> bool:
        """Whether the latest snapshot contradicts text that was already returned."""
        return self._diverged

    def update(self, markdown: str, stable: int) -> str:
        """Return the text to send now: what is new among the first ``stable`` code points, perhaps nothing."""
        agreed, before = str(self._agreed), str(self._latest)
        end = _end_of_agreement(agreed, markdown)
        self._note(end, GrowingText(markdown))
        if end is None:
            self._contradiction = _Contradiction(agreed, markdown)
            return ""
        believed = min(stable, _end_of_belief(before, markdown, end))
        return self._emit(markdown, end, believed) if believed > end else ""

    def append(self, delta: str) -> str:
        """Return the text to send now that ``delta`` follows the latest snapshot, all of it stable.

        The same as ``update`` with the whole text, at the cost of ``delta`` alone.
        """
        if self._latest is self._agreed:
            self._agreed.append(delta)
            self._emitted.append(delta)
            return delta
        latest = self._latest
        latest.append(delta)
        if self._contradiction is None:
            if not delta and self._is_confirmed:
                return ""
            sent = self.update(str(latest), len(latest))
            self._is_confirmed = not sent
            return sent
        end = self._contradiction.end_after(delta, latest)
        if end is None:
            return ""
        self._note(end, latest)
        return self._emit(str(latest), end, len(latest)) if len(latest) > end else ""

    def finish(self, markdown: str) -> str:
        """Return what is still missing of the finished answer.

        Where the answer differs from what was sent in white space alone, that is what follows the same words. Where it
        contradicts it, nothing may follow: the two together would be a text that neither page nor model ever had.
        ``diverged`` is True then.
        """
        agreed = str(self._agreed)
        end = _end_of_agreement(agreed, markdown)
        if end is None:
            end = _end_of_same_words(str(self._emitted), markdown)
        self._note(end, GrowingText(markdown))
        return "" if end is None else self._emit(markdown, end, len(markdown))

    def _note(self, end: int | None, latest: GrowingText) -> None:
        self._diverged = end is None
        self._contradiction = None
        self._is_confirmed = False
        self._latest = latest

    def _emit(self, markdown: str, start: int, end: int) -> str:
        delta = markdown[start:end]
        self._emitted.append(delta)
        if end == len(markdown):
            self._agreed = self._latest  # from here on both grow as one
        else:
            self._agreed = GrowingText(markdown[:end])
        return delta


class _Contradiction:
    """Text that contradicts what was sent, and only grows: it may agree once there is more of it."""

    def __init__(self, sent: str, text: str) -> None:
        self._sent = sent
        # Every character but those of empty lines has to be there before a text can agree.
        self._most_without = len(sent.rstrip("> \n")) - 1
        self._lines: _SameLines | None = None
        self._look_at(text)

    def end_after(self, delta: str, text: GrowingText) -> int | None:
        """Return where the text sent ends in ``text`` now that ``delta`` was appended to it, or None."""
        if not delta:
            return None
        if self._lines is not None:
            return self._lines.end_after(delta)
        if len(text) <= self._most_without and self._sent.startswith(delta, len(text) - len(delta)):
            return None
        return self._look_at(str(text))

    def _look_at(self, text: str) -> int | None:
        if self._sent.startswith(text):
            return _end_of_agreement(self._sent, text)
        if text.startswith(self._sent):
            return len(self._sent)
        self._lines = _SameLines(self._sent)
        return self._lines.end_after(text)


def _end_of_agreement(sent: str, text: str) -> int | None:
    """Return where the text sent ends in a snapshot, or None where the snapshot contradicts it."""
    return len(sent) if text.startswith(sent) else _SameLines(sent).end_after(text)


def _end_of_same_words(sent: str, text: str) -> int | None:
    """Return where the text sent ends in another that has its characters with other white space, or None."""
    letters = "".join(sent.split())
    if not "".join(text.split()).startswith(letters):
        return None
    places = (at for at, letter in enumerate(text) if not letter.isspace())
    end = next(islice(places, len(letters) - 1, None)) + 1 if letters else 0
    return end + len(text[end:]) - len(text[end:].lstrip()) if sent[-1:].isspace() else end


def _end_of_belief(before: str, now: str, start: int) -> int:
    """Return up to where two snapshots agree from ``start`` on; all of ``now`` where it only adds to ``before``."""
    if now.startswith(before):
        return len(now)
    return measure_shared(before, now, start)


class _SameLines:
    """Finds where ``before`` ends in a text when empty lines outside fenced code don't count; the text may grow."""

    def __init__(self, before: str) -> None:
        *self._lines, self._partial = before.split("\n")
        self._next = 0
        self._fence = ""
        self._rest = ""  # of the text, from the line that is compared next
        self._passed = 0
        self._is_lost = False

    def end_after(self, more: str) -> int | None:
        """Return where ``before`` ends in the text with ``more`` at its end, or None."""
        if self._is_lost:
            return None
        text = self._rest + more
        at, is_found = self._go_through(text)
        self._rest = text[at:]
        self._passed += at
        return self._end_of_partial() if is_found else None

    def _go_through(self, text: str) -> tuple[int, bool]:
        """Return how far all whole lines reach, and whether they are all there."""
        at = 0
        while self._next < len(self._lines):
            line = self._lines[self._next]
            if not self._fence:
                if not line.strip("> "):
                    self._next += 1
                    continue
                at = _skip_empty_lines(text, at)
            if not text.startswith(line + "\n", at):
                self._is_lost = not self._can_become(text[at:], line + "\n")
                return at, False
            at += len(line) + 1
            self._fence = _fence_after(line, self._fence)
            self._next += 1
        return at, True

    def _end_of_partial(self) -> int | None:
        at = _skip_empty_lines(self._rest, 0) if self._partial and not self._fence else 0
        if self._rest.startswith(self._partial, at):
            return self._passed + at + len(self._partial)
        self._is_lost = not self._can_become(self._rest[at:], self._partial)
        return None

    def _can_become(self, text: str, wanted: str) -> bool:
        return wanted.startswith(text) or not (self._fence or text.strip("> "))


def _skip_empty_lines(text: str, position: int) -> int:
    while found := _EMPTY_LINE.match(text, position):
        position = found.end()
    return position


def _fence_after(line: str, fence: str) -> str:
    """Return the fence that is open after a line, given the one open before it; empty for none."""
    found = _FENCE.fullmatch(line)
    if found is None:
        return fence
    if not fence:
        return found["fence"]
    is_closed = found["fence"].startswith(fence) and not found["rest"].strip()
    return "" if is_closed else fence
