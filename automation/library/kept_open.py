"""Holds a context manager open in a task of its own, so that it can be entered in one task and left in another.

What we open owns task groups, which only the task that entered them may leave. A program that uses a library calls
``initialize`` and ``cleanup`` wherever it likes, and drops generators half read.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class KeptOpen(Generic[T]):
    """One context manager, entered once and left once; an error inside the block is not passed to its exit."""

    def __init__(self, context: AbstractAsyncContextManager[T]) -> None:
        self._context = context
        self._task: asyncio.Task[None] | None = None
        self._is_ready = asyncio.Event()
        self._may_leave = asyncio.Event()
        self._values: list[T] = []

    async def open(self) -> T:
        """Enter the context and return what it hands out; raises what it raises."""
        # Whoever called this owns it, and no block of theirs is around both this and `close`.
        task = self._task = asyncio.create_task(self._keep())  # noqa: TID251
        try:
            await self._is_ready.wait()
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
        if not self._values:
            await task
        return self._values[0]

    async def close(self) -> None:
        """Leave the context; raises what leaving it raises. Harmless where it is left already."""
        self._may_leave.set()
        task, self._task = self._task, None
        if task is not None:
            await task

    async def _keep(self) -> None:
        try:
            async with self._context as value:
                self._values.append(value)
                self._is_ready.set()
                await self._may_leave.wait()
        finally:
            self._is_ready.set()

    async def __aenter__(self) -> T:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
