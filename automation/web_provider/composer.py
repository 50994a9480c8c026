"""Puts a prompt into the page's text field, proves that it stands there unchanged, and sends it once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from automation.capture.dom_tap import DomTap
from automation.capture.pipeline import TurnCapture
from automation.errors import PromptRejectedError, PromptTooLargeError, SiteChangedError
from automation.profiles import SelectorProfile
from automation.timing import Timeouts
from automation.web_provider.page_hands import PageHands

log = logging.getLogger(__name__)

# insertText costs more with every line; above this size, and with any newline, it can hang the renderer.
_INSERT_CHARACTERS = 4096
_FIRST_PROOF_S = 3.0

Field = dict[str, Any]


class Composer:
    """Writes and sends one prompt at a time."""

    def __init__(self, dom: DomTap, hands: PageHands, profile: SelectorProfile, timeouts: Timeouts) -> None:
        self._dom = dom
        self._hands = hands
        self._profile = profile
        self._timeouts = timeouts

    async def write(self, text: str) -> None:
        """Put ``text`` into the prompt field and compare what stands there with it.

        Raises:
            PromptTooLargeError: It is longer than the page takes.
            PromptRejectedError: The page keeps it changed; nothing was sent.
            SiteChangedError: The profile's ``input`` matches nothing.
        """
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        field = await self._focus()
        text = self._fitting(text, field)
        for enter in self._ways(field["kind"], text):
            await enter(text)
            found = await self._dom.call("field", "input")
            if found is not None and same_prompt(found["text"], text):
                return
            log.info("prompt_changed_by_page", extra={"kind": field["kind"], "size_characters": len(text)})
            await self._focus()
        if (
            found is not None
            and found["text"].strip()
            and text.startswith(found["text"].rstrip("\n"))
            and len(found["text"]) < len(text)
        ):
            raise PromptTooLargeError(len(text), len(found["text"]))
        msg = "The page's input changes this prompt (characters or line ends are lost), so it was not sent."
        raise PromptRejectedError(msg)

    async def send(self, capture: TurnCapture) -> None:
        """Send what was written, and return when the page proves that it took it.

        A second try is made only when the first is proven to have done nothing: no request left, no turn appeared,
        and the prompt still stands in the field.

        Raises:
            SiteChangedError: The page did not take it.
        """
        await self._press_send()
        for last in (False, True):
            with anyio.move_on_after(self._timeouts.send_confirm_s if last else _FIRST_PROOF_S) as waiting:
                await capture.proof_of_send()
            if not waiting.cancelled_caught:
                return
            field = await self._dom.call("field", "input")
            if last or field is None or not field["text"].strip():
                continue
            log.warning("send_had_no_effect", extra={"profile": self._profile.name})
            await self._press_send()
        raise SiteChangedError(
            "send" if self._profile.send else "input", "sending: the page did not take the prompt"
        )

    async def _focus(self) -> Field:
        field: Field | None = await self._dom.call("focus", "input")
        if field is None:
            await self._hands.dismiss_dialogs()
            field = await self._dom.call("focus", "input")
        if field is None:
            raise SiteChangedError("input", "composing")
        return field

    def _fitting(self, text: str, field: Field) -> str:
        limit = self._profile.limits.prompt_characters or field.get("max")
        if limit is not None and len(text) > limit:
            raise PromptTooLargeError(len(text), limit)
        if field["kind"] == "line" and "\n" in text:
            if self._profile.single_line_input == "refuse":
                msg = "This page's input is a single line and can't keep the prompt's line ends, so it was not sent."
                raise PromptRejectedError(msg)
            text = " ".join(line.strip() for line in text.split("\n") if line.strip())
        return text

    def _ways(self, kind: str, text: str) -> list[Callable[[str], Awaitable[None]]]:
        short = len(text) <= _INSERT_CHARACTERS or "\n" not in text
        if kind == "editable" and self._profile.input_entry == "set_text":
            return [self._set_text]
        if kind == "editable":
            return [self._insert, self._paste] if short else [self._paste, self._insert]
        return [self._insert, self._assign] if short else [self._assign]

    async def _insert(self, text: str) -> None:
        await self._hands.insert(text, "composing")

    async def _assign(self, text: str) -> None:
        await self._dom.call("assign", "input", text, timeout_s=self._timeouts.compose_s)

    async def _set_text(self, text: str) -> None:
        await self._dom.call("setText", "input", text, timeout_s=self._timeouts.compose_s)

    async def _paste(self, text: str) -> None:
        await self._dom.call("pasteHtml", "input", text, timeout_s=self._timeouts.compose_s)

    async def _press_send(self) -> None:
        if not self._profile.send:
            await self._hands.press("Enter", "sending")
            return
        milliseconds = int(self._timeouts.compose_s * 1000)
        enabled = await self._dom.call(
            "until", {"send_enabled": True}, milliseconds, timeout_s=self._timeouts.compose_s + 2
        )
        if not enabled:
            raise SiteChangedError("send", "sending: no enabled send control")
        await self._hands.click("send", "sending")


def same_prompt(found: str, wanted: str) -> bool:
    """Whether the field holds the prompt: equal but for the line end that editors keep at the end."""
    return found == wanted or found.rstrip("\n") == wanted.rstrip("\n")
