"""Enters a prompt into the page's text field, verifies that it stands there unchanged, and sends it once."""

from __future__ import annotations

import logging
from typing import Any

import anyio

from automation.capture.pipeline import TurnCapture
from automation.errors import PromptRejectedError, PromptTooLargeError, SiteChangedError
from automation.page.agent import PageAgent
from automation.page.hands import PageInput
from automation.profiles.model import SelectorProfile
from automation.timing import Timeouts
from automation.web_provider.entry import Way, length_in_page, ways_for

logger = logging.getLogger(__name__)

_FIRST_PROOF_S = 3.0
# Some editors take what they are given a moment later.
_SETTLES_MS = 700
# The second round is for editors whose keys know more than the browser: a heading stays one when it is emptied.
_CLEARING_KEYS = (("Delete",), ("ControlOrMeta+a", "Delete", "Backspace"))
_CALLS: dict[Way, str] = {
    "assign": "assign",
    "set_text": "setText",
    "paste_text": "pasteText",
    "paste_paragraphs": "pasteParagraphs",
}

Field = dict[str, Any]


class Composer:
    """Writes and sends one prompt at a time.

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
        self._written = ""
        self.may_have_sent = False

    async def write(self, text: str) -> None:
        """Put ``text`` into the prompt field and compare what stands there with it.

        Line ends become line feeds; at the end of the prompt they may get lost. Where the profile has a
        ``prompt_message``, the field stays empty and ``send`` hands over the prompt.

        Raises:
            PromptTooLargeError: It is longer than the page takes.
            PromptRejectedError: The page keeps it changed; nothing was sent.
            SiteChangedError: The profile's ``input`` matches nothing.
            PageLostError: The page hangs.
        """
        field = await self._focus()
        text = self._fitting(text.replace("\r\n", "\n").replace("\r", "\n"), field)
        self._written = text
        if self._profile.prompt_message:
            return
        await self._clear(field)
        found: str | None = None
        ways = ways_for(field["kind"], text, self._profile.input_entry)
        for way in ("type", *ways) if self._hands.types(text) else ways:
            await self._enter(way, text)
            kept_instead = await self._call("keeps", "input", text, _SETTLES_MS)
            if kept_instead is None:
                return
            found = kept_instead["text"]
            logger.info(
                "prompt_changed_by_page",
                extra={"kind": field["kind"], "way": way, "size_characters": len(text)},
            )
            await self._clear(await self._focus())
        raise _refusal(text, found)

    async def send(self, capture: TurnCapture) -> None:
        """Send what was written, and return when the page proves that it took it.

        A second try is made only when the first is proven to have done nothing: no request left, no turn appeared,
        and the prompt still stands in the field.

        Raises:
            PromptRejectedError: The page changed the prompt after it was written; nothing was sent.
            SiteChangedError: The page did not take it.
        """
        capture.expect(self._written)
        if self._profile.prompt_message:
            await self._send_as_message(capture)
            return
        await self._press_send()
        for last in (False, True):
            with anyio.move_on_after(self._timeouts.send_confirm_s if last else _FIRST_PROOF_S) as waiting:
                await capture.proof_of_send()
            if not waiting.cancelled_caught:
                return
            if last or not await self._call("holds", "input"):
                continue
            logger.warning("send_had_no_effect", extra={"profile": self._profile.name})
            await self._press_send()
        raise SiteChangedError(
            "send" if self._profile.send else "input", "sending: the page did not take the prompt"
        )

    async def _focus(self) -> Field:
        field: Field | None = await self._call("focus", "input")
        if field is None:
            await self._hands.dismiss_dialogs()
            field = await self._call("focus", "input")
        if field is None:
            raise SiteChangedError("input", "composing")
        return field

    def _fitting(self, text: str, field: Field) -> str:
        if field["kind"] == "line" and "\n" in text:
            if self._profile.single_line_input == "refuse":
                msg = "This page's input is a single line and can't keep the prompt's line ends, so it was not sent."
                raise PromptRejectedError(msg)
            text = " ".join(line.strip() for line in text.split("\n") if line.strip())
        limit = self._profile.limits.prompt_characters or field["max"]
        size = length_in_page(text)
        if limit is not None and size > limit:
            raise PromptTooLargeError(size, limit)
        return text

    async def _clear(self, field: Field) -> None:
        """Empty an editor of its text and its formatting; the other fields are emptied by whatever is entered."""
        if field["kind"] in {"textarea", "line"}:
            return
        for keys in _CLEARING_KEYS:
            if not field["text"] and not field["is_formatted"]:
                return
            for key in keys:
                await self._hands.press(key, "clearing the input")
            field = await self._focus()

    async def _enter(self, way: Way, text: str) -> None:
        if way == "type":
            await self._hands.type(text, "composing")
        elif way == "insert":
            await self._hands.insert(text, "composing")
        else:
            await self._call(_CALLS[way], "input", text)

    async def _call(self, name: str, *args: object) -> Any:
        """Call the agent; long texts take an editor time, and a hung page is noticed by the time limit."""
        return await self._dom.call(name, *args, timeout_s=self._timeouts.compose_s)

    async def _send_as_message(self, capture: TurnCapture) -> None:
        message = {
            key: value.replace("{prompt}", self._written)
            for key, value in self._profile.prompt_message.items()
        }
        self.may_have_sent = True
        await self._call("tell", message)
        with anyio.move_on_after(self._timeouts.send_confirm_s) as waiting:
            await capture.proof_of_send()
        if waiting.cancelled_caught:
            raise SiteChangedError("prompt_message", "sending: the page did not take the prompt")

    async def _press_send(self) -> None:
        if self._profile.send:
            milliseconds = int(self._timeouts.compose_s * 1000)
            enabled = await self._dom.call(
                "until", {"send_enabled": True}, milliseconds, timeout_s=self._timeouts.compose_s + 2
            )
            if not enabled:
                raise SiteChangedError("send", "sending: no enabled send control")
        if not await self._call("holds", "input"):
            msg = "The page changed this prompt after it was entered, so it was not sent."
            raise PromptRejectedError(msg)
        self.may_have_sent = True
        if self._profile.send:
            await self._hands.click("send", "sending")
        else:
            await self._hands.press("Enter", "sending")


def _refusal(text: str, found: str | None) -> PromptRejectedError:
    kept = (found or "").rstrip("\n")
    if kept.strip() and len(kept) < len(text) and text.startswith(kept):
        return PromptTooLargeError(length_in_page(text), length_in_page(kept))
    msg = "The page's input changes this prompt (characters or line ends are lost), so it was not sent."
    return PromptRejectedError(msg)
