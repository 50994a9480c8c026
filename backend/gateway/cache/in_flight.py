"""Request coalescing (single-flight): identical requests that arrive together share one answer while it streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

from automation.errors import RetryableError
from automation.owned_tasks import owned_tasks
from backend.gateway.cache.cached_answer import CachedAnswer


class Flight:
    """An answer in progress, shared by any number of readers; each reads all of it, from its beginning.

    Attributes:
        headers: Those of the answer; complete once its first chunk was written.
        is_native: As in ``Reply``.
    """

    def __init__(self) -> None:
        self.headers: Mapping[str, str] = {}
        self.is_native = False
        self._chunks: list[bytes] = []
        self._is_over = False
        self._failure: Exception | None = None
        self._news = anyio.Event()

    def write(self, chunk: bytes) -> None:
        """Send the readers more of the answer."""
        self._chunks.append(chunk)
        self._tell()

    async def read(self) -> AsyncGenerator[bytes]:
        """Yield the chunks, those that are there already at once.

        Raises:
            Exception: What the answer ended with, after the chunks that came before.
        """
        at = 0
        while True:
            news = self._news
            while at < len(self._chunks):
                yield self._chunks[at]
                at += 1
            if self._is_over:
                break
            await news.wait()
        if self._failure is not None:
            raise self._failure.with_traceback(None)

    def answer(self) -> CachedAnswer:
        """Return the answer so far, to be cached once it is complete."""
        return CachedAnswer(tuple(self._chunks), dict(self.headers), self.is_native)

    def end(self, failure: Exception | None = None) -> None:
        """End the answer for its readers, with an error if there was one."""
        self._is_over, self._failure = True, failure
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = anyio.Event()


Produce = Callable[[Flight], Awaitable[None]]


class InFlight:
    """Single-flight registry: answers in progress, by cache key.

    No request owns an answer that several wait for: it is written by a task of its own, which goes on when the first
    of them hangs up, and is cancelled when the last one does.
    """

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._flights: dict[str, _Shared] = {}

    def __len__(self) -> int:
        return len(self._flights)

    @asynccontextmanager
    async def join(self, key: str, produce: Produce) -> AsyncIterator[Flight]:
        """Join the answer in progress under ``key``; without one, start one that ``produce`` writes.

        What ``produce`` raises is raised by ``Flight.read`` of every reader.
        """
        shared = self._flights.get(key)
        if shared is None:
            shared = self._flights[key] = _Shared()
            self._tasks.start_soon(self._tell, key, shared, produce)
        shared.readers += 1
        try:
            yield shared.flight
        finally:
            shared.readers -= 1
            if not shared.readers:
                self._forget(key, shared)
                shared.scope.cancel()

    async def _tell(self, key: str, shared: _Shared, produce: Produce) -> None:
        with shared.scope:
            try:
                await produce(shared.flight)
            except Exception as exc:  # noqa: BLE001  every reader is told, and other answers go on
                self._forget(key, shared)
                shared.flight.end(exc)
            except BaseException:
                self._forget(key, shared)
                shared.flight.end(RetryableError("The gateway is being stopped."))
                raise
            else:
                self._forget(key, shared)
                shared.flight.end()

    def _forget(self, key: str, shared: _Shared) -> None:
        if self._flights.get(key) is shared:
            del self._flights[key]


class _Shared:
    """A flight, the number of its readers, and its cancellation."""

    def __init__(self) -> None:
        self.flight = Flight()
        self.readers = 0
        self.scope = anyio.CancelScope()


@asynccontextmanager
async def open_in_flight() -> AsyncIterator[InFlight]:
    """Hand out the registry; answers that are left at the end are cancelled."""
    async with owned_tasks() as tasks:
        yield InFlight(tasks)
