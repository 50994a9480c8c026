"""Append-only text from snapshots of an answer that its page may still rewrite. Pure.

A client that was sent a piece of text can't be asked to forget it, but a chat page renders its whole answer anew with
each token: a line of text turns into a heading, a tight list into a loose one. ``AppendOnly`` stands between the two.
It sends only what a snapshot calls stable, checks each later snapshot against what was sent, and says when they part.
"""

from __future__ import annotations

import re
from itertools import takewhile

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
        self._emitted: list[str] = []
        self._agreed = ""
        self._latest = ""
        self._diverged = False

    @property
    def emitted(self) -> str:
        """All text returned so far, joined."""
        return "".join(self._emitted)

    @property
    def diverged(self) -> bool:
        """Whether the latest snapshot contradicts text that was already returned."""
        return self._diverged

    def update(self, markdown: str, stable: int) -> str:
        """Return the text to send now: what is new among the first ``stable`` code points, perhaps nothing."""
        end = self._end_of_agreement(markdown)
        self._diverged = end is None
        before, self._latest = self._latest, markdown
        if end is None:
            return ""
        believed = min(stable, _end_of_belief(before, markdown, end))
        return self._emit(markdown, end, believed) if believed > end else ""

    def finish(self, markdown: str) -> str:
        """Return what is still missing of the finished answer.

        Where the answer contradicts what was sent, that is all of it after the part that both have in common, and
        ``diverged`` stays True, so that the caller can say that the text sent is not exactly the answer.
        """
        end = self._end_of_agreement(markdown)
        self._diverged = end is None
        if end is None:
            end = _end_of_belief(self._agreed, markdown, 0)
        return self._emit(markdown, end, len(markdown))

    def _emit(self, markdown: str, start: int, end: int) -> str:
        delta = markdown[start:end]
        self._emitted.append(delta)
        self._agreed = markdown[:end]
        return delta

    def _end_of_agreement(self, markdown: str) -> int | None:
        """Return where the text sent ends in a snapshot, or None where the snapshot contradicts it."""
        if markdown.startswith(self._agreed):
            return len(self._agreed)
        return _end_of_same_lines(self._agreed, markdown)


def _end_of_belief(before: str, now: str, start: int) -> int:
    """Return up to where two snapshots agree from ``start`` on; all of ``now`` where it only adds to ``before``."""
    if now.startswith(before):
        return len(now)
    pairs = zip(before[start:], now[start:], strict=False)
    return start + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _end_of_same_lines(before: str, now: str) -> int | None:
    """Return where ``before`` ends in ``now`` when empty lines outside fenced code don't count, or None."""
    *lines, partial = before.split("\n")
    position = 0
    fence = ""
    for line in lines:
        if not fence:
            if not line.strip("> "):
                continue
            position = _skip_empty_lines(now, position)
        if not now.startswith(line + "\n", position):
            return None
        position += len(line) + 1
        fence = _fence_after(line, fence)
    if partial and not fence:
        position = _skip_empty_lines(now, position)
    return position + len(partial) if now.startswith(partial, position) else None


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
