"""Collects endpoints' state changes without blocking, and sends notices about them to the channels."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio

from automation.owned_tasks import owned_tasks
from backend.alerts.channels import AlertChannel
from backend.alerts.notices import Notice, NoticeBook
from backend.endpoints.states import StateChange
from backend.gateway.routing.breaker import Change

logger = logging.getLogger(__name__)


class Alerts:
    """Receives changes from endpoints and routing; reporting never waits and never fails."""

    def __init__(
        self,
        channels: Sequence[AlertChannel],
        min_interval_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channels = channels
        self._book = NoticeBook(min_interval_s)
        self._clock = clock
        self._news = anyio.Event()

    def on_state(self, slug: str, change: StateChange) -> None:
        """Take an endpoint's new state."""
        if self._channels:
            self._book.note_state(slug, change)
            self._news.set()

    def on_breaker(self, slug: str, change: Change, reason: str) -> None:
        """Take a change of an endpoint's circuit breaker: it disabled the endpoint, or closed again."""
        if self._channels:
            self._book.note_breaker(slug, change, reason)
            self._news.set()

    async def run(self) -> None:
        """Send notices when they are due; runs for ever."""
        while True:
            self._news = anyio.Event()
            for notice in self._book.take_due(self._clock()):
                await self._tell(notice)
            left_s = self._book.next_due() - self._clock()
            with anyio.move_on_after(None if left_s == math.inf else max(left_s, 0.0)):
                await self._news.wait()

    async def _tell(self, notice: Notice) -> None:
        logger.warning(
            "alert", extra={"endpoint": notice.endpoint, "kind": notice.kind, "reason": notice.reason}
        )
        async with anyio.create_task_group() as sending:
            for channel in self._channels:
                sending.start_soon(channel.send, notice)


@asynccontextmanager
async def open_alerts(channels: Sequence[AlertChannel], min_interval_s: float) -> AsyncIterator[Alerts]:
    """Hand out the alerts; what is not told at the end of the block is dropped."""
    alerts = Alerts(channels, min_interval_s)
    async with owned_tasks() as tasks:
        tasks.start_soon(alerts.run)
        yield alerts
