"""Cancels a turn whose client disconnected, without interrupting its cleanup."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio


class TurnCancellation:
    """Cancellation of a request's turn when its client disconnects.

    A page's turn tidies up behind a shield, which only a cancel scope respects; an API's request needs none.
    """

    def __init__(self) -> None:
        self._scope: anyio.CancelScope | None = None
        self._task: asyncio.Task[Any] | None = None

    @contextmanager
    def by_scope(self) -> Iterator[None]:
        """Run a page's turn in a cancel scope.

        Raises:
            CancelledError: Its client hung up.
        """
        self._scope, self._task = anyio.CancelScope(), asyncio.current_task()
        try:
            with self._scope as scope:
                yield
        finally:
            self._scope = None
        if scope.cancelled_caught:
            raise asyncio.CancelledError

    def cancel(self, task: asyncio.Task[Any] | None) -> bool:
        """Cancel the turn that runs in ``task`` if it has a scope, and return whether it had."""
        # With the cache on, a turn serves several clients, in a task of its own.
        if self._scope is None or self._task is not task:
            return False
        self._scope.cancel()
        return True
