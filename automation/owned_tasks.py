"""Task group for a resource: its tasks end with the block, and the block's own error comes out unwrapped."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import TaskGroup

from automation.errors import PageLostError

logger = logging.getLogger(__name__)


@asynccontextmanager
async def owned_tasks() -> AsyncIterator[TaskGroup]:
    """Run tasks beside the block and cancel them at its end.

    Raises:
        Exception: What the block raised, as it is; a plain task group would wrap it.
    """
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        try:
            yield tasks
        except Exception as exc:  # noqa: BLE001 - raised again outside the group
            failure = exc
        finally:
            tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure


def page_work(tasks: TaskGroup) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Return a function that runs side work of a page in ``tasks`` and ignores the page's loss, which others report."""

    async def until_lost(work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except PageLostError as exc:
            logger.debug("page_gone", extra={"reason": str(exc)})

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        tasks.start_soon(until_lost, work)

    return spawn
