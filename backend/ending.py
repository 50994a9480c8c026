"""The end of the gateway in steps: nothing new is begun, answers that run are let finish, and the rest is cut. Pure but for its events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import anyio

SCOPE_KEY: Final = "ending"
"""Key of a request's scope that holds the gateway's ``Ending``."""


class Ending:
    """How far the end has come, and what still runs.

    Attributes:
        is_begun: New answers are refused from now on.
        is_cut: Answers that run are ended from now on.
        running: Answers that are being given.
    """

    def __init__(self) -> None:
        self.is_begun = False
        self.is_cut = False
        self.running = 0
        self._cuts: set[Callable[[], None]] = set()
        self._changed = anyio.Event()

    def begin(self) -> None:
        """Refuse what is new."""
        self.is_begun = True

    def cut(self) -> None:
        """End what runs."""
        self.is_begun = self.is_cut = True
        for end in list(self._cuts):
            end()
        self._changed.set()

    def enter(self) -> None:
        """Count an answer that begins."""
        self.running += 1

    def leave(self) -> None:
        """Count it as over."""
        self.running -= 1
        if self.is_begun and not self.running:
            self._changed.set()

    def add(self, end: Callable[[], None]) -> None:
        """Have this called when what runs is to be ended."""
        self._cuts.add(end)

    def discard(self, end: Callable[[], None]) -> None:
        """Don't have it called any more."""
        self._cuts.discard(end)

    async def until_idle_or_cut(self) -> None:
        """Return when no answer runs any more, or what runs is being ended."""
        while self.running and not self.is_cut:
            await self._wait()

    async def until_idle(self) -> None:
        """Return when no answer runs any more."""
        while self.running:
            await self._wait()

    async def _wait(self) -> None:
        if self._changed.is_set():
            self._changed = anyio.Event()
        await self._changed.wait()
