"""Waits for what a page shows, by the agent in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import anyio

from automation.page.cdp import CALL_S

_LOOK_S = 0.1
# An answer that is typed out has come to its end when it stands for so long.
_WRITTEN_S = 0.6


class AgentCaller(Protocol):
    """The agent in a page; see ``PageAgent``."""

    async def call(self, name: str, *args: object, timeout_s: float = ...) -> Any:
        """Return the result of one of the agent's functions."""
        ...


async def until_shown(agent: AgentCaller, want: Mapping[str, Any], milliseconds: int) -> bool:
    """Return True as soon as the page shows all of ``want``, or False when it doesn't in time.

    Raises:
        PageLostError: The page is gone, or hung.
    """
    return bool(await agent.call("until", want, milliseconds, timeout_s=milliseconds / 1000 + CALL_S))


async def until_at_rest(agent: AgentCaller, limit_s: float) -> bool:
    """Return whether the page generates nothing and its prompt field is ready within this time.

    Raises:
        PageLostError: The page is gone, or hung.
    """
    return await until_shown(agent, {"stop": False, "input_ready": True}, int(limit_s * 1000))


async def until_written(agent: AgentCaller, limit_s: float) -> None:
    """Return when the page's last answer stands still, at the latest after this time: a page may type it out.

    Raises:
        PageLostError: The page is gone, or hung.
    """
    answer, since_s = "", anyio.current_time()
    with anyio.move_on_after(limit_s):
        while anyio.current_time() - since_s < _WRITTEN_S:
            shown = (await agent.call("lastAsked", None))["answer"]
            if shown != answer:
                answer, since_s = shown, anyio.current_time()
            await anyio.sleep(_LOOK_S)
