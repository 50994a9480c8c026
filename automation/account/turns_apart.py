"""Takes the turns of one account one after the other where nothing on its wire tells them apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from automation.errors import PoolFullError
from automation.profiles.wire_format import Wire


class TurnsApart:
    """Lets one turn at a time through, or any number where the wire tells whose text it carries.

    Attributes:
        may_hear_last: The turn before this one was left before its end: what still comes of it may be heard in this one.
    """

    def __init__(self, wire: Wire | None) -> None:
        self._lock = anyio.Semaphore(1) if wire is not None and wire.is_anonymous else None
        self.may_hear_last = False

    @asynccontextmanager
    async def turn(self, timeout_s: float | None) -> AsyncIterator[None]:
        """Hold the account for one turn.

        Raises:
            PoolFullError: Others held it for so long.
        """
        if self._lock is None:
            yield
            return
        with anyio.move_on_after(timeout_s) as waiting:
            await self._lock.acquire()
        if waiting.cancelled_caught:
            raise PoolFullError(timeout_s or 0.0)
        was_finished = False
        try:
            yield
            was_finished = True
        finally:
            self.may_hear_last = not was_finished
            self._lock.release()
