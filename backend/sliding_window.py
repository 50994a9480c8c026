"""Counts events within the last seconds, for rate limits and pauses. Pure."""

from __future__ import annotations

import math
from collections import deque


class SlidingWindow:
    """Times of events on one monotonic clock; those of the last ``window_s`` seconds count, the others are forgotten.

    Limits and the length of the window are arguments, because an operator may change them at any time. An event that is
    exactly ``window_s`` old doesn't count any more.

    Attributes:
        times: Of the events, oldest first; to be read only, and right after a method has forgotten the old ones.
    """

    __slots__ = ("times",)

    def __init__(self) -> None:
        self.times: deque[float] = deque()

    def count(self, now_s: float, window_s: float) -> int:
        """Return how many events count."""
        times, begin = self.times, now_s - window_s
        while times and times[0] <= begin:
            times.popleft()
        return len(times)

    def add(self, now_s: float) -> None:
        """Count an event that happens now."""
        self.times.append(now_s)

    def try_add(self, most: int, now_s: float, window_s: float) -> bool:
        """Count an event that happens now unless it makes more than ``most``; return whether it was counted."""
        # Not by count and add: it runs for every request, and a call costs as much as the rest of it.
        times, begin = self.times, now_s - window_s
        while times and times[0] <= begin:
            times.popleft()
        if len(times) >= most:
            return False
        times.append(now_s)
        return True

    def free_at_s(self, most: int, now_s: float, window_s: float) -> float:
        """Return when another event makes no more than ``most``: now, a later time, or never where ``most`` is below 1."""
        used = self.count(now_s, window_s)
        if used < most:
            return now_s
        return self.times[used - most] + window_s if most > 0 else math.inf

    def take_over(self, other: SlidingWindow) -> None:
        """Count the events of ``other`` too, which happened before those here."""
        self.times.extendleft(reversed(other.times))
