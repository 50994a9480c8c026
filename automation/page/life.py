"""Heartbeat of a page's renderer: detects one that hangs by its silence and its CPU time."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import anyio

from automation.browser.process_table import end_own, resident_bytes, waits_for_cpu
from automation.browser.processes import BrowserProcess, cpu_used, is_hung, renderer_pid
from automation.errors import PageLostError
from automation.page.cdp import Channel, Params

logger = logging.getLogger(__name__)

_TICK_S = 1.0
# In a turn the page itself tells of its life several times a second; so long without is worth a question.
_SILENT_IN_TURN_S = 1.0
_SILENT_AT_REST_S = 20.0
_ANSWERS_S = 10.0

Processes = Callable[[], Awaitable[tuple[BrowserProcess, ...]]]


class Asked(Protocol):
    """Protocol of a page that answers a heartbeat; see ``PageAgent``."""

    heard_s: float

    async def answers(self, timeout_s: float) -> bool:
        """Return whether it answers within this time."""
        ...


class PageLife:
    """Heartbeat of one page's renderers. ``processes`` lists those of its browser.

    Attributes:
        is_in_turn: A turn runs, in which the page is expected to tell of itself all the time.
    """

    def __init__(self, page: Asked, processes: Processes, now: Callable[[], float] = time.monotonic) -> None:
        self._page = page
        self._processes = processes
        self._now = now
        self._renderers: dict[int, int] = {}
        self.is_in_turn = False

    def attach(self, channel: Channel) -> None:
        """Learn the renderer process of a page or frame from its requests; its channel must be watching the network."""
        channel.on("Network.requestWillBeSent", lambda event: self._note(channel, event))

    def _note(self, channel: Channel, event: Params) -> None:
        pid = renderer_pid(event["requestId"])
        if pid is not None:
            self._renderers[id(channel)] = pid

    async def until_hung(self) -> None:
        """Return when the page hangs. One that is busy, however long, does not."""
        while True:
            await anyio.sleep(_TICK_S)
            may_be_silent_s = _SILENT_IN_TURN_S if self.is_in_turn else _SILENT_AT_REST_S
            if self._now() - self._page.heard_s >= may_be_silent_s and await self.hangs():
                return

    async def hangs(self) -> bool:
        """Ask the page for a sign of life, and return whether it will never give one."""
        pids = set(self.renderers)
        try:
            before, asked_s = cpu_used(pids, await self._processes()), self._now()
            if await self._page.answers(_ANSWERS_S):
                return False
            after, silent_s = cpu_used(pids, await self._processes()), self._now() - asked_s
        except PageLostError:
            # Its whole browser is gone or hangs, which the pool notices.
            return False
        spent_s = None if before is None or after is None else after - before
        hangs = is_hung(silent_s, spent_s, waits_for_cpu=any(map(waits_for_cpu, pids)))
        logger.warning(
            "page_hangs" if hangs else "page_silent",
            extra={"silent_s": round(silent_s, 1), "cpu_s": spent_s},
        )
        return hangs

    @property
    def renderers(self) -> frozenset[int]:
        """The processes that the page and its frames live in, as far as their requests told."""
        return frozenset(self._renderers.values())

    async def memory_bytes(self) -> int | None:
        """Return the memory of the page's largest renderer in bytes; None where that is unknown.

        Raises:
            PageLostError: The browser is gone, or doesn't answer.
        """
        return max(filter(None, map(resident_bytes, await self._living())), default=None)

    async def end_renderers(self) -> None:
        """Kill the processes that the page lives in: the last resort for one that can't be closed."""
        try:
            pids = await self._living()
        except PageLostError:
            return  # they ended with their browser
        for pid in pids:
            end_own(pid)

    async def _living(self) -> set[int]:
        living = {p.pid for p in await self._processes() if p.kind == "renderer"}
        return living & self.renderers
