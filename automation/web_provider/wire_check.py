"""Compares what a page shows of an answer with what its traffic told: where they differ, the decoder needs to be looked at."""

from __future__ import annotations

import logging

from automation.account.config import WebChatConfig
from automation.capture.agreement import difference
from automation.page.agent import PageAgent
from automation.page.waits import until_at_rest

logger = logging.getLogger(__name__)


class WireCheck:
    """Checks one answer at a time, once, when the page is at rest after its turn."""

    def __init__(self, agent: PageAgent, config: WebChatConfig) -> None:
        self._agent = agent
        self._config = config
        self._told: str | None = None

    def expect(self, told: str | None) -> None:
        """Note the answer as the wire told it; None where there is nothing to compare."""
        self._told = told

    async def compare(self) -> None:
        """Log a warning where the page shows more than was told.

        Raises:
            PageLostError: The page is gone, or hung.
        """
        told, self._told = self._told, None
        if told is None or not await until_at_rest(self._agent, self._config.timeouts.stop_s):
            return
        shown = await self._agent.call("readTurn")
        found = difference(told, shown["markdown"]) if shown else None
        if found:
            logger.warning(
                "wire_and_page_differ",
                extra={
                    "endpoint": self._config.name,
                    "profile": self._config.profile.name,
                    "missing_words": found.missing_words,
                    "page_words": found.page_words,
                },
            )
