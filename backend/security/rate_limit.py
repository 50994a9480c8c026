"""How many requests each caller may send: a sliding window in memory. Pure but for its clock."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

_FORGET_AT = 10_000


class Allowance(NamedTuple):
    """What a caller has left.

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
    """Counts the requests of each caller within ``window_s`` seconds; a refused one doesn't count."""

    def __init__(self, most: int, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._window_s = window_s
        self._clock = clock
        self._times: dict[str, deque[float]] = {}

    def count(self, caller: str) -> Allowance:
        """Count a request, and return what is left."""
        now = self._clock()
        times = self._times.get(caller)
        if times is None:
            self._forget_idle(now)
            times = self._times[caller] = deque()
        begin = now - self._window_s
        while times and times[0] <= begin:
            times.popleft()
        is_exceeded = len(times) >= self._most
        if not is_exceeded:
            times.append(now)
        reset_s = times[0] + self._window_s - now if times else 0.0
        return Allowance(self._most, self._most - len(times), reset_s, is_exceeded)

    def _forget_idle(self, now: float) -> None:
        if len(self._times) >= _FORGET_AT:
            begin = now - self._window_s
            self._times = {caller: times for caller, times in self._times.items() if times[-1] > begin}
