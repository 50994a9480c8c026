"""Enters a prompt into the page's text field and verifies that it stands there unchanged, and alone."""

from __future__ import annotations

import logging
import time
from typing import Any

from automation.capture.pipeline import TurnCapture
from automation.errors import PromptRejectedError, PromptTooLargeError, SiteChangedError
from automation.page.agent import PageAgent
from automation.page.hands import PageInput
from automation.profiles.model import SelectorProfile
from automation.timing import Timeouts
from automation.web_provider.composing.entry import (
    WITH_A_VALUE,
    KnownWays,
    Way,
    length_in_page,
    may_leave_traces,
    ways_for,
)
from automation.web_provider.composing.sender import PromptSender

logger = logging.getLogger(__name__)

# Some editors take what they are given a moment later.
_SETTLES_MS = 700
# Longer than this nobody waits for keys; an editor slows down with each line.
_LINES_S = 60.0
# The second round is for editors whose keys know more than the browser: a heading stays one when it is emptied.
_CLEARING_KEYS = (("Delete",), ("ControlOrMeta+a", "Delete", "Backspace"))
_CALLS: dict[Way, str] = {
    "assign": "assign",
    "set_text": "setText",
    "paste_text": "pasteText",
    "paste_paragraphs": "pasteParagraphs",
    "paste_breaks": "pasteBreaks",
}

Field = dict[str, Any]


class PromptLeftTraces(PromptRejectedError):
    """A way of entry left something beside the field, such as a file; the page has to be loaded anew for another one."""

    def __init__(self) -> None:
        super().__init__("The page's input makes a file of this prompt, or changes it, so it was not sent.")


class Composer:
    """Writes and sends one prompt at a time."""

    def __init__(
        self, dom: PageAgent, hands: PageInput, profile: SelectorProfile, timeouts: Timeouts
    ) -> None:
        self._dom = dom
        self._hands = hands
        self._profile = profile
        self._timeouts = timeouts
        self._written = ""
        self._known = KnownWays()
        self._sender = PromptSender(dom, hands, profile, timeouts)

    @property
    def may_have_sent(self) -> bool:
        """Whether something was done that sends, since this was last set to False."""
        return self._sender.may_have_sent

    @may_have_sent.setter
    def may_have_sent(self, value: bool) -> None:
        self._sender.may_have_sent = value

    async def write(self, text: str) -> None:
        """Put ``text`` into the prompt field and compare what stands there with it.

        Line ends become line feeds; at the end of the prompt they may get lost. Where the profile has a
        ``prompt_message``, the field stays empty and ``send`` hands over the prompt.

        Raises:
            PromptTooLargeError: It is longer than the page takes.
            PromptRejectedError: The page keeps it changed; nothing was sent.
            PromptLeftTraces: The same, and beside the field stands what was not there before.
            SiteChangedError: The profile's ``input`` matches nothing.
            PageLostError: The page hangs.
        """
        field = await self._focus()
        text = self._fitting(text.replace("\r\n", "\n").replace("\r", "\n"), field)
        self._written = text
        if self._profile.prompt_message:
            return
        await self._call("watchComposer")
        await self._clear(field)
        ways: tuple[Way, ...] = ways_for(field["kind"], text, self._profile.input_entry)
        ways = ("type", *ways) if self._hands.types(text) else ways
        found: str | None = None
        for way in self._known.order(ways, text):
            is_kept, found = await self._try_way(way, text, field["kind"])
            if is_kept:
                return
        raise _refusal(text, found)

    async def send(self, capture: TurnCapture) -> None:
        """Send what was written, once, and return when the page shows that it heard it; see ``PromptSender.send``.

        Raises:
            AutomationError: See ``PromptSender.send`` and ``write``.
        """
        await self._sender.send(self._written, capture, self.write)

    async def _try_way(self, way: Way, text: str, kind: str) -> tuple[bool, str | None]:
        """Return whether the field keeps ``text`` that is entered this way, and else what it holds instead.

        Raises:
            PromptLeftTraces: Something stands beside the field that was not there before.
        """
        is_compared = may_leave_traces(way, text)
        if is_compared:
            await self._call("noteBesides")
        await self._enter(way, text)
        kept_instead = await self._call("keeps", "input", text, _SETTLES_MS)
        if kept_instead is None and not (is_compared and await self._call("hasExtras", text)):
            self._known.note_kept(way, text)
            return True, text
        found = None if kept_instead is None else kept_instead["text"]
        logger.info("prompt_changed_by_page", extra={"kind": kind, "way": way, "size_characters": len(text)})
        await self._clear(await self._focus())
        if is_compared:
            await self._empty(kind)
            if kept_instead is None or await self._call("hasTraces"):
                self._known.note_traces(way, len(text))
                raise PromptLeftTraces
        return False, found

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
        if field["kind"] in WITH_A_VALUE:
            return
        for keys in _CLEARING_KEYS:
            if not field["text"] and not field["is_formatted"]:
                return
            for key in keys:
                await self._hands.press(key, "clearing the input")
            field = await self._focus()

    async def _empty(self, kind: str) -> None:
        if kind in WITH_A_VALUE:
            await self._call("assign", "input", "")

    async def _enter(self, way: Way, text: str) -> None:
        if way == "type":
            await self._hands.type(text, "composing")
        elif way == "insert":
            await self._hands.insert(text, "composing")
        elif way == "shift_enter":
            await self._enter_lines(text)
        else:
            await self._call(_CALLS[way], "input", text)

    async def _enter_lines(self, text: str) -> None:
        first, *rest = text.split("\n")
        if first:
            await self._hands.insert(first, "composing")
        began_s = time.monotonic()
        for line in rest:
            # What is missing then, the comparison finds.
            if time.monotonic() - began_s > _LINES_S:
                return
            await self._hands.press("Shift+Enter", "composing")
            if line:
                await self._hands.insert(line, "composing")

    async def _call(self, name: str, *args: object) -> Any:
        """Call the agent; long texts take an editor time, and a hung page is noticed by the time limit."""
        return await self._dom.call(name, *args, timeout_s=self._timeouts.compose_s)


def _refusal(text: str, found: str | None) -> PromptRejectedError:
    kept = (found or "").rstrip("\n")
    if kept.strip() and len(kept) < len(text) and text.startswith(kept):
        return PromptTooLargeError(length_in_page(text), length_in_page(kept))
    msg = "The page's input changes this prompt (characters or line ends are lost), so it was not sent."
    return PromptRejectedError(msg)
