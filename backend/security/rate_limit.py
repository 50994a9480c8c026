"""Rate limiter for callers: a sliding window in memory. Pure but for its clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from backend.sliding_window import SlidingWindow

_FORGET_AT = 10_000


class Allowance(NamedTuple):
    """Remaining requests of a caller.

    Attributes:
        is_exceeded: This request is one too many.
        reset_s: Seconds until one more is allowed than now.
    """

    limit: int
    remaining: int
    reset_s: float
    is_exceeded: bool

    def headers(self) -> dict[str, str]:
        """Return OpenAI's ``x-ratelimit-…-requests``."""
        return {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(self.remaining),
            "x-ratelimit-reset-requests": f"{self.reset_s:.3f}s",
        }


class RateLimit:
    """Sliding-window rate limiter of requests by caller within ``window_s`` seconds; refused ones don't count."""

    def __init__(self, most: int, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._window_s = window_s
        self._clock = clock
        self._windows: dict[str, SlidingWindow] = {}

    def count(self, caller: str) -> Allowance:
        """Count a request, and return the caller's allowance."""
        now = self._clock()
        window = self._windows.get(caller)
        if window is None:
            self._forget_idle(now)
            window = self._windows[caller] = SlidingWindow()
        most, window_s, times = self._most, self._window_s, window.times
        is_exceeded = not window.try_add(most, now, window_s)
        reset_s = times[0] + window_s - now if times else 0.0
        return Allowance(most, most - len(times), reset_s, is_exceeded)

    def _forget_idle(self, now: float) -> None:
        """Forget who has asked for nothing lately; where that is nobody, half of all, who came first."""
        if len(self._windows) < _FORGET_AT:
            return
        known = {
            caller: window for caller, window in self._windows.items() if window.count(now, self._window_s)
        }
        self._windows = dict(islice(known.items(), max(len(known) - _FORGET_AT // 2, 0), None))
