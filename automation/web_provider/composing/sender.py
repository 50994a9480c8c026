"""Sends the prompt that stands in the page's field: once, whatever the page does, and not while another text stands there."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from random import SystemRandom
from typing import Any, Literal

import anyio

from automation.capture.pipeline import TurnCapture
from automation.capture.send_effects import Landing
from automation.errors import (
    ChallengeRequiredError,
    PromptRejectedError,
    SendUnconfirmedError,
    SentState,
    SiteChangedError,
)
from automation.page.agent import PageAgent
from automation.page.hands import PageInput
from automation.profiles.model import SelectorProfile
from automation.timing import Timeouts

logger = logging.getLogger(__name__)

_FIRST_PROOF_S = 3.0
_ENABLED_MS = 500
_MENU_GONE_MS = 500
# Tabs of one account that share a draft overwrite each other's text a moment after each change.
_MOST_ENTRIES = 8
_BETWEEN_ENTRIES_S = 0.4

Gesture = Literal["click", "enter_on_control", "enter"]


class PromptSender:
    """Clicks on Send, or presses Enter, and tells whether the page heard it.

    Attributes:
        may_have_sent: Since it was last set to False, something was done that sends.
    """

    def __init__(
        self, dom: PageAgent, hands: PageInput, profile: SelectorProfile, timeouts: Timeouts
    ) -> None:
        self._dom = dom
        self._hands = hands
        self._profile = profile
        self._timeouts = timeouts
        self._role = "send" if profile.send else "input"
        self._chance = SystemRandom()
        self.may_have_sent = False

    async def send(self, text: str, capture: TurnCapture, write: Callable[[str], Awaitable[None]]) -> None:
        """Send ``text`` and return when the page shows that it heard it.

        A second click is made only where the first is proven to have done nothing: another element heard it, and
        nothing happened; or it was kept from the page. ``write`` enters the text again where the page changed it.

        Raises:
            PromptRejectedError: The page keeps changing the prompt after it was written; nothing was sent.
            SiteChangedError: The control can't be clicked; nothing was sent.
            SendUnconfirmedError: Nothing shows whether it was sent.
            ChallengeRequiredError: A check for a person stands around the chat.
        """
        if self._profile.prompt_message:
            await self._tell(text, capture)
            return
        misses = 0
        while misses < 2:
            await self._press_where_it_stands(text, capture, write)
            with anyio.move_on_after(_FIRST_PROOF_S):
                await capture.until_effect()
                return
            if not capture.effects.may_click_again:
                await self._wait(capture)
                return
            self.may_have_sent = False
            misses += 1
            logger.warning("send_had_no_effect", extra={"profile": self._profile.name})
        raise SiteChangedError(self._role, "sending (another element takes the click)")

    async def _tell(self, text: str, capture: TurnCapture) -> None:
        message = {
            key: value.replace("{prompt}", text) for key, value in self._profile.prompt_message.items()
        }
        await capture.expect(text)
        self.may_have_sent = True
        await self._call("tell", message)
        await self._wait(capture)

    # -- the click ----------------------------------------------------------------------------------------------------

    async def _press_where_it_stands(
        self, text: str, capture: TurnCapture, write: Callable[[str], Awaitable[None]]
    ) -> None:
        """Click once the field holds the text and the control takes a click; enter it again where it was changed."""
        for entries in range(_MOST_ENTRIES):
            if await self._is_standing():
                gesture = await self._find_gesture(may_escape=entries == 0)
                if gesture is not None and await self._press(gesture, text, capture):
                    return
            logger.info("prompt_entered_again", extra={"profile": self._profile.name})
            if entries:
                await anyio.sleep(_BETWEEN_ENTRIES_S * entries * self._chance.random())
            await write(text)
        msg = "The page changed this prompt after it was entered, so it was not sent."
        raise PromptRejectedError(msg)

    async def _is_standing(self) -> bool:
        """Whether the field holds the prompt, once the send control is enabled."""
        for _ in range(int(self._timeouts.compose_s * 1000) // _ENABLED_MS):
            is_enabled = not self._profile.send or await self._until({"send_enabled": True}, _ENABLED_MS)
            if not await self._call("holds", "input"):
                return False
            if is_enabled:
                return True
        raise SiteChangedError("send", "sending: no enabled send control")

    async def _find_gesture(self, *, may_escape: bool) -> Gesture | None:
        """Return how to send past a menu that the prompt opened; None where closing it changed the prompt."""
        if self._profile.send and await self._is_send_clear():
            return "click"
        if self._profile.dismiss:
            # A dialog is no menu: behind it the page takes no key either.
            await self._hands.dismiss_dialogs()
            if self._profile.send and await self._is_send_clear():
                return "click"
        if not await self._call("menus"):
            return "click" if self._profile.send else "enter"
        if may_escape:
            await self._call("refocus", "input")
            await self._hands.press("Escape", "closing a menu")
            if not await self._call("holds", "input"):
                return None
        if not self._profile.send:
            return await self._enter_past_menu()
        if may_escape and await self._until({"clear:send": True}, _MENU_GONE_MS):
            return "click"
        # Whatever lies over it, the keyboard reaches a control.
        return "enter_on_control" if await self._call("focusControl", "send") else "click"

    async def _enter_past_menu(self) -> Gesture:
        for _ in range(_MENU_GONE_MS // 50):
            if not await self._call("menus"):
                await self._call("refocus", "input")
                return "enter"
            await anyio.sleep(0.05)
        msg = (
            "This prompt opens a menu of the page that takes Enter, so it was not sent. "
            "Name the page's send control as 'send' in the profile."
        )
        raise PromptRejectedError(msg)

    async def _is_send_clear(self) -> bool:
        point = await self._call("point", "send")
        return bool(point and point["clear"])

    async def _press(self, gesture: Gesture, text: str, capture: TurnCapture) -> bool:
        """Send by this gesture; False where it was kept from the page, as the field held another text by then."""
        had_sent = self.may_have_sent
        await capture.expect(text)
        await self._call("watchSend", self._role)
        self.may_have_sent = True
        try:
            await self._dispatch(gesture)
        except SiteChangedError:
            self.may_have_sent = had_sent  # it could not be clicked
            raise
        told = await self._call("sendFacts")
        is_blocked = bool(told) and told["landing"] == "blocked"
        if is_blocked:
            self.may_have_sent = had_sent
        return not is_blocked

    async def _dispatch(self, gesture: Gesture) -> None:
        if gesture == "click":
            if await self._hands.click_if_there("send", "sending"):
                return
            # What came over it meanwhile: a menu that took its time, or a dialog.
            gesture = await self._find_gesture(may_escape=False) or gesture
        if gesture == "click":
            await self._hands.click("send", "sending")
        else:
            await self._hands.press("Enter", "sending")

    # -- the wait -----------------------------------------------------------------------------------------------------

    async def _wait(self, capture: TurnCapture) -> None:
        """Wait for an effect of the click, as long as for an answer's beginning."""
        limit_s = self._timeouts.first_token_s
        first_s = (
            self._timeouts.send_confirm_s if limit_s is None else min(limit_s, self._timeouts.send_confirm_s)
        )
        with anyio.move_on_after(first_s):
            await capture.until_effect()
            return
        if await self._dom.shows_check_around():
            raise ChallengeRequiredError("captcha")
        with anyio.move_on_after(None if limit_s is None else limit_s - first_s):
            await capture.until_effect()
            return
        error = SendUnconfirmedError(self._describe(capture), limit_s or 0.0)
        error.sent = SentState.MAYBE
        raise error

    def _describe(self, capture: TurnCapture) -> str:
        done = {"send": "the click on 'send'", "input": "Enter in 'input'"}[self._role]
        if self._profile.prompt_message:
            done = "the page's message"
        heard = "" if capture.effects.landing is not Landing.ON_CONTROL else " reached it, and"
        return f"{done}:{heard} no request left, no turn appeared, and neither the controls nor the field changed"

    async def _until(self, want: dict[str, bool], milliseconds: int) -> bool:
        limit_s = milliseconds / 1000 + self._timeouts.compose_s
        return bool(await self._dom.call("until", want, milliseconds, timeout_s=limit_s))

    async def _call(self, name: str, *args: object) -> Any:
        return await self._dom.call(name, *args, timeout_s=self._timeouts.compose_s)
