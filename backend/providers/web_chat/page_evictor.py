"""Page eviction: closes the least recently used account's pages, of any endpoint, where all pages are taken."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

logger = logging.getLogger(__name__)


class EvictableSession(Protocol):
    """An account whose pages can be evicted; its next turn opens them again."""

    @property
    def id(self) -> str:
        """The account's id, for the log."""
        ...

    @property
    def can_sleep(self) -> bool:
        """Whether its pages can be evicted without disturbing anyone."""
        ...

    @property
    def idle_since_s(self) -> float:
        """When it was used last, on the clock of ``time.monotonic``."""
        ...

    async def sleep(self) -> None:
        """Close its pages, and return when they are closed."""
        ...


class PageEvictor:
    """Page evictor over the accounts of all open endpoints, which share one limit of pages."""

    def __init__(self) -> None:
        self._groups: list[Callable[[], Iterable[EvictableSession]]] = []

    @contextmanager
    def joined_by(self, members: Callable[[], Iterable[EvictableSession]]) -> Iterator[None]:
        """Include an endpoint's accounts for as long as the block lasts; ``members`` returns the present ones."""
        self._groups.append(members)
        try:
            yield
        finally:
            self._groups.remove(members)

    async def make_room(self, but: EvictableSession) -> bool:
        """Evict the pages of the least recently used account other than ``but``; False where none can be evicted."""
        idle = [one for members in self._groups for one in members() if one.can_sleep and one is not but]
        if not idle:
            return False
        chosen = min(idle, key=lambda one: one.idle_since_s)
        logger.info("account_evicted", extra={"account": chosen.id})
        await chosen.sleep()
        return True
