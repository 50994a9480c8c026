"""Exponential back-off: the pause before something that failed is tried again. Pure."""

from __future__ import annotations

_MOST_DOUBLINGS = 60  # far beyond any limit; more would overflow


def back_off_s(attempt: int, first_s: float = 1.0, most_s: float = 60.0) -> float:
    """Return the seconds to wait before repetition ``attempt``, of which 1 is the first: doubled each time, up to a limit."""
    return min(first_s * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS), most_s)
