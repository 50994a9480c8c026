"""Sliding-window rate limiter for one API endpoint: a request that comes too early waits."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio

from backend.sliding_window import SlidingWindow


class Pace:
    """Rate limiter: at most ``most`` requests in any ``window_s`` seconds, in order of arrival."""

    def __init__(
        self,
        most: int,
        window_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._most = most
        self._passed = SlidingWindow()
        self._window_s = window_s
        self._clock = clock
        self._sleep = sleep
        self._turn = anyio.Lock()

    @property
    def due_in_s(self) -> float:
        """Seconds until the next request may be sent."""
        now_s = self._clock()
        return max(self._passed.free_at_s(self._most, now_s, self._window_s) - now_s, 0.0)

    async def wait(self) -> None:
        """Wait until a request may be sent, and count it; a cancelled wait is not counted."""
        async with self._turn:
            while (due_in_s := self.due_in_s) > 0:
                await self._sleep(due_in_s)
            self._passed.add(self._clock())
