"""A page that we are attached to, in memory: it is lost when the test says so."""

from contextlib import contextmanager
from typing import Any

import anyio

from automation.errors import PageLostError


class LifeModel:
    """What is known of the page's renderers."""

    def __init__(self):
        self.is_in_turn = False
        self.held_bytes = 100

    async def memory_bytes(self):
        return self.held_bytes


class ConnectionModel:
    """Stands for ``PageConnection``."""

    def __init__(self, page, network=None):
        self.page = self.agent = page
        self.network = network
        self.life = LifeModel()
        self.turn: Any = None
        self._lost = anyio.Event()
        self._reason = ""

    def lose(self, reason):
        self._reason = reason
        self._lost.set()
        if self.turn is not None:
            self.turn.lost(reason)

    def check_alive(self):
        if self._lost.is_set():
            raise PageLostError(self._reason)

    async def until_lost(self):
        await self._lost.wait()

    @contextmanager
    def telling(self, turn):
        self.turn = turn
        try:
            yield
        finally:
            self.turn = None
