"""A page in memory that notes the input events it gets, in place of Playwright's."""

import asyncio

from automation.stealth.pacing import HumanMotion


class InputPage:
    """Mouse and keyboard in one; ``error`` is raised by the next event, and with ``hangs`` none is ever answered."""

    def __init__(self):
        self.events = []
        self.error = None
        self.hangs = False
        self.mouse = self
        self.keyboard = self

    async def _take(self, *event):
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.events.append(event)

    async def move(self, x, y):
        await self._take("move", x, y)

    async def click(self, x, y, delay=0.0):
        await self._take("click", x, y, delay)

    async def press(self, key, delay=0.0):
        await self._take("press", key, delay)

    async def insert_text(self, text):
        await self._take("insert", text)


class QuickPace(HumanMotion):
    """A person's hand without its pauses."""

    def move_s(self):
        return 0.0

    def key_gap_s(self):
        return 0.0
