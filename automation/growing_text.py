"""Text that grows at its end, as answers do. Pure.

Strings can't grow: each ``+=`` on an attribute copies all that is there, so that a long answer in small pieces costs the
square of its length.
"""

from __future__ import annotations


class GrowingText:
    """A text to which appending costs what is appended, however long it is. ``str()`` joins it, once.

    Attributes:
        is_blank: Nothing but white space is in it.
    """

    __slots__ = ("_pieces", "_size", "is_blank")

    def __init__(self, text: str = "") -> None:
        self._pieces = [text]
        self._size = len(text)
        self.is_blank = not text.strip()

    def __len__(self) -> int:
        return self._size

    def __str__(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str | GrowingText) or len(other) != self._size:
            return False
        return str(self) == str(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return repr(str(self))

    def append(self, text: str) -> None:
        """Grow by ``text``."""
        if text:
            self._pieces.append(text)
            self._size += len(text)
            self.is_blank = self.is_blank and not text.strip()

    def after(self, size: int) -> str:
        """Return what follows the first ``size`` characters; what came before is not looked at, as a rule."""
        start, first = self._size, len(self._pieces)
        while start > size:
            first -= 1
            start -= len(self._pieces[first])
        return "".join(self._pieces[first:])[size - start :]


Text = str | GrowingText


def grown(old: Text, text: str) -> GrowingText:
    """Return ``old`` with ``text`` at its end; where it is a ``GrowingText``, that itself has grown."""
    whole = GrowingText(old) if isinstance(old, str) else old
    whole.append(text)
    return whole


def measure_shared(one: str, other: str, start: int = 0) -> int:
    """Return up to where two texts agree from ``start`` on, in characters from their beginnings; at least ``start``."""
    least, most = start, min(len(one), len(other))
    while least < most:
        half = (least + most + 1) // 2
        if one[least:half] == other[least:half]:
            least = half
        else:
            most = half - 1
    return max(least, start)
