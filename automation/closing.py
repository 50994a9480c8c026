"""Closes pages, contexts and browsers, which may be gone already or hang."""

from __future__ import annotations

import logging
from typing import Protocol

import anyio

from automation.playwright_errors import DRIVER_ERRORS, first_line

logger = logging.getLogger(__name__)


class Closable(Protocol):
    """A page, context or browser of Playwright's."""

    async def close(self) -> None:
        """Close it.

        Raises:
            playwright.async_api.Error: It is gone already.
        """
        ...


async def close_if_alive(thing: Closable) -> None:
    """Close ``thing``; harmless where it is gone already."""
    try:
        await thing.close()
    except DRIVER_ERRORS as exc:
        logger.debug("gone_already", extra={"kind": type(thing).__name__, "reason": first_line(exc)})


async def close_within(thing: Closable, limit_s: float) -> bool:
    """Close ``thing`` also while the task is being cancelled; return False where it hangs and is not closed in time."""
    with anyio.move_on_after(limit_s, shield=True):
        await close_if_alive(thing)
        return True
    return False
