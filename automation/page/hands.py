"""Dispatches clicks and keys on a chat page as the browser's own input events, aimed by the page agent."""

from __future__ import annotations

from random import SystemRandom
from typing import Any, Protocol

from playwright.async_api import Page

from automation.errors import SiteChangedError
from automation.page.agent import PageAgent
from automation.page.cdp import CALL_S
from automation.stealth.input_devices import InputDevices
from automation.stealth.pacing import TYPED_CHARACTERS, HumanInput, HumanMotion, Point

_CLEAR_TRIES = 3
_CLEAR_MS = 2000
_GESTURE_S = 10.0
_WAY_MS = 5000


class PageActions(Protocol):
    """Acts on the elements that the profile's roles name; ``PageInput`` is the one that does."""

    async def click(self, role: str, step: str) -> None:
        """Click the role's element.

        Raises:
            SiteChangedError: There is none that can be clicked.
        """
        ...

    async def click_if_there(self, role: str, step: str) -> bool:
        """Click the role's element if there is one that is visible and uncovered; tell whether it was."""
        ...

    async def press(self, key: str, step: str) -> None:
        """Press one key."""
        ...

    async def insert(self, text: str, step: str) -> None:
        """Put text where the caret is."""
        ...


class PageInput:
    """Input on elements that the profile names; never on one that is covered, hidden or disabled.

    With ``human_input`` the pointer moves and keys are pressed at a person's ``pace``; ``typed`` also enters short prompts by
    the keyboard.
    """

    def __init__(
        self,
        page: Page,
        dom: PageAgent,
        human_input: HumanInput = "off",
        pace: HumanMotion | None = None,
        *,
        devices: InputDevices | None = None,
    ) -> None:
        self._page = page
        self._dom = dom
        self._human_input = human_input
        own_pace = None if human_input == "off" else pace or HumanMotion(SystemRandom())
        self._input = devices or InputDevices(page, _GESTURE_S, own_pace)

    def on(self, dom: PageAgent) -> PageInput:
        """Return the same hands for what another agent of the page aims at."""
        return PageInput(self._page, dom, self._human_input, devices=self._input)

    async def click(self, role: str, step: str) -> None:
        """Click the role's element in its middle, closing dialogs that cover it.

        Raises:
            SiteChangedError: Nothing visible matches, or it stays covered.
            PageLostError: The page is gone or hung.
        """
        covered_by = None
        for _ in range(_CLEAR_TRIES):
            point = await self._dom.call("point", role)
            if point is None:
                raise SiteChangedError(role, step)
            if point["clear"] and await self._click_on(role, point, step):
                return
            covered_by = point["covered_by"] or covered_by
            await self.dismiss_dialogs()
            # What covers it may be a dialog or a toast that is just going away.
            await self._dom.call(
                "until", {f"clear:{role}": True}, _CLEAR_MS, timeout_s=_CLEAR_MS / 1000 + CALL_S
            )
        raise SiteChangedError(role, f"{step} (it is covered by <{covered_by}>)")

    async def click_if_there(self, role: str, step: str) -> bool:
        """Click the role's element if one is visible and uncovered; return whether it was."""
        point = await self._dom.call("point", role)
        if point is None or not point["clear"] or not point["enabled"]:
            return False
        return await self._click_on(role, point, step)

    async def dismiss_dialogs(self) -> None:
        """Close the dialogs that the profile names, one after the other."""
        for _ in range(_CLEAR_TRIES):
            if not await self.click_if_there("dismiss", "closing a dialog"):
                return
            await self._dom.call("until", {"dismiss": False}, 1000, timeout_s=3.0)

    async def press(self, key: str, step: str) -> None:
        """Press one key."""
        await self._input.press(key, step)

    @property
    def longest_click_ms(self) -> int:
        """Milliseconds that the way to a click may take."""
        return 0 if self._human_input == "off" else _WAY_MS

    def types(self, text: str) -> bool:
        """Return whether this prompt is to be typed."""
        return self._human_input == "typed" and len(text) <= TYPED_CHARACTERS

    async def type(self, text: str, step: str) -> None:
        """Type at the pace of a person; see ``InputDevices.type``."""
        await self._input.type(text, step)

    async def insert(self, text: str, step: str) -> None:
        """Put text where the caret is, as one input event."""
        await self._input.insert(text, step)

    async def _click_on(self, role: str, found: dict[str, Any], step: str) -> bool:
        """Click on what the agent found: in its middle, or near it by way of a path; False where it went meanwhile."""
        await self._move_to(found, step)
        if self._human_input != "off":
            # The way took its time, and what is clicked may have moved since.
            now = await self._dom.call("point", role)
            if now is None or not now["clear"]:
                return False
            if any(now[side] != found[side] for side in ("x", "y", "width", "height")):
                await self._move_to(now, step)
        await self._input.click(step)
        return True

    async def _move_to(self, found: dict[str, Any], step: str) -> None:
        await self._input.move_to(await self._find_center(found), found["width"], found["height"], step)

    async def _find_center(self, found: dict[str, Any]) -> Point:
        left, top = await self._dom.frame_offset()
        return Point(found["x"] + left, found["y"] + top)
