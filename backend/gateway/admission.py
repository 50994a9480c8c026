"""Admission control of an endpoint: a semaphore for turns at once, a limit per minute, and a bounded fair queue."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from backend.errors import QueueFullError, RateExceededError
from backend.sliding_window import SlidingWindow

MOST_WAITING = 64
MOST_WAIT_S = 120.0
_WINDOW_S = 60.0
_QUEUE_RETRY_S = 5.0


class Admission:
    """Admission control of one endpoint. Limits are arguments, because an operator may change them at any time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running = 0
        # By caller, in the order in which they are served next.
        self._waiting: dict[str, deque[anyio.Event]] = {}
        self._starts = SlidingWindow()
        self._next_start = 0.0  # where requests are kept apart

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(map(len, self._waiting.values()))

    async def acquire(
        self,
        slug: str,
        most_at_once: int,
        most_per_minute: int | None,
        owner: str = "",
        min_delay_s: float = 0.0,
    ) -> None:
        """Acquire a slot, waiting in the queue if necessary; release it with ``release``.

        Callers are served in turn, each one's requests in the order of arrival: who sends many delays the others by one.
        ``owner`` tells callers apart, by the ids of their principals; without it, all are one. ``min_delay_s`` lies between two
        requests at least.

        Raises:
            RateExceededError: ``most_per_minute`` requests were admitted within the last minute.
            QueueFullError: Too many wait already, or none left within two minutes.
        """
        self._count_start(slug, most_per_minute)
        if min_delay_s:
            await self._until_due(slug, min_delay_s)
        if self._running < most_at_once and not self._waiting:
            self._running += 1
            return
        if self.waiting >= MOST_WAITING:
            msg = f"{self.waiting} requests wait for endpoint {slug!r} already."
            raise QueueFullError(msg, _QUEUE_RETRY_S)
        await self._wait(slug, owner)

    def release(self, most_at_once: int) -> None:
        """Release a slot: to the caller whose turn it is, there to the request that waits longest."""
        self._running -= 1
        while self._waiting and self._running < most_at_once:
            self._running += 1
            self._next().set()

    def _next(self) -> anyio.Event:
        owner = next(iter(self._waiting))
        line = self._waiting.pop(owner)
        turn = line.popleft()
        if line:
            self._waiting[owner] = line  # behind all others
        return turn

    async def _wait(self, slug: str, owner: str) -> None:
        turn = anyio.Event()
        self._waiting.setdefault(owner, deque()).append(turn)
        with self._given_up(turn, owner), anyio.move_on_after(MOST_WAIT_S):
            await turn.wait()
        if not turn.is_set():
            msg = f"No place became free at endpoint {slug!r} within {MOST_WAIT_S:g} s."
            raise QueueFullError(msg, _QUEUE_RETRY_S)

    @contextmanager
    def _given_up(self, turn: anyio.Event, owner: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if turn.is_set():  # the place came in the same moment as the cancellation
                self.release(self._running)
            raise
        finally:
            self._leave_line(turn, owner)

    def _leave_line(self, turn: anyio.Event, owner: str) -> None:
        line = self._waiting.get(owner)
        if line is not None and turn in line:
            line.remove(turn)
            if not line:
                del self._waiting[owner]

    async def _until_due(self, slug: str, min_delay_s: float) -> None:
        now = self._clock()
        due = max(now, self._next_start)
        if due - now > MOST_WAIT_S:
            msg = f"Endpoint {slug!r} takes a request every {min_delay_s:g} s, and more wait than fit into {MOST_WAIT_S:g} s."
            raise QueueFullError(msg, due - now - MOST_WAIT_S)
        self._next_start = due + min_delay_s
        await anyio.sleep(due - now)

    def _count_start(self, slug: str, most_per_minute: int | None) -> None:
        if most_per_minute is None:
            return
        now = self._clock()
        if not self._starts.try_add(most_per_minute, now, _WINDOW_S):
            msg = f"Endpoint {slug!r} takes {most_per_minute} requests a minute."
            raise RateExceededError(msg, self._starts.free_at_s(most_per_minute, now, _WINDOW_S) - now)
