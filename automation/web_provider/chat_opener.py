"""Brings a chat into view that a page hides: clicks launcher bubbles and cards until its prompt field shows."""

from __future__ import annotations

from collections.abc import Mapping

import anyio

from automation.page.agent import PageAgent
from automation.page.hands import PageInput
from automation.page.waits import AgentCaller
from automation.profiles.model import SelectorProfile

# How long a click may take to show, and how often it is tried.
_SHOWS_S = 3.0
_MOST_CLICKS = 3

Outcomes = Mapping[str, Mapping[str, bool]]


class ChatOpener:
    """Clicks what the profile's ``open`` names, each only while the chat doesn't show."""

    def __init__(self, profile: SelectorProfile, dom: PageAgent, hands: PageInput) -> None:
        self._roles = [f"open_{number}" for number in range(len(profile.open))]
        self._has_frame = bool(profile.frame)
        self._dom = dom
        self._hands = hands

    async def show_frame(self, limit_s: float) -> None:
        """Have the page show the frame that its chat is in, where it has one: a bubble may stand around it."""
        if self._has_frame and self._roles:
            outside = self._dom.outside()
            await self._click_until(
                outside, self._hands.on(outside), {"there": {"frame": True}}, "frame", limit_s
            )

    async def wait_first(self, outcomes: Outcomes, limit_s: float) -> str | None:
        """Return which outcome the page shows first, None where none does in time."""
        return await self._click_until(self._dom, self._hands, outcomes, "input", limit_s)

    async def _click_until(
        self, dom: AgentCaller, hands: PageInput, outcomes: Outcomes, hidden: str, limit_s: float
    ) -> str | None:
        """Of several controls that show, click the one that leads furthest.

        One that had no effect is tried again after a while: a page may show it before it works.
        """
        tries = dict.fromkeys(reversed(self._roles), 0)
        last: str | None = None
        deadline_s = anyio.current_time() + limit_s
        while (left_s := deadline_s - anyio.current_time()) > 0:
            ways = {
                role: {f"still:{role}": True, hidden: False}
                for role, times in tries.items()
                if role != last and times < _MOST_CLICKS
            }
            wait_s = min(left_s, _SHOWS_S) if last else left_s
            state = await dom.call("first", {**outcomes, **ways}, int(wait_s * 1000), timeout_s=wait_s + 5)
            if state in ways:
                tries[state] += 1
                last = state
                await hands.click_if_there(state, "opening the chat")
            elif state is None and last is not None:
                last = None
            else:
                return str(state) if state else None
        return None
