"""Attaches files to the page before the prompt is sent, and waits until each of them is ready."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import PurePath
from typing import Any

from playwright.async_api import FilePayload, Page

from automation.capture.site_errors import error_of_words
from automation.errors import (
    AttachmentRejectedError,
    PageLostError,
    PromptTooLargeError,
    SiteChangedError,
    SiteError,
)
from automation.page.agent import PageAgent
from automation.page.hands import PageInput
from automation.playwright_errors import DRIVER_TIMEOUTS, page_calls
from automation.profiles.model import AttachmentRules, SelectorProfile
from automation.timing import Timeouts
from automation.turn import Attachment, Prompt
from automation.web_provider.composing.composer import Composer

logger = logging.getLogger(__name__)

PROMPT_FILE = "prompt.txt"
PROMPT_FILE_NOTE = "prompt-sent-as-file"

# A multiple of three, so that pieces in base64 need no joining; small enough for one message to the browser.
_PIECE_BYTES = 3 * 1024 * 1024
_APPEARS_MS = 3000
_CLEAR_TRIES = 20
_GONE_MS = 1000


class Attachments:
    """Attaches the files of one turn at a time."""

    def __init__(
        self, page: Page, dom: PageAgent, hands: PageInput, profile: SelectorProfile, timeouts: Timeouts
    ) -> None:
        self._page = page
        self._dom = dom
        self._hands = hands
        self._profile = profile
        self._timeouts = timeouts

    async def write_prompt(self, composer: Composer, text: str, files: Sequence[Attachment]) -> str:
        """Attach ``files``, write ``text``, and return what the field then contains.

        That is ``text``, unless it is too long and the profile says that it goes as a file then.

        Raises:
            AttachmentRejectedError: The page does not take one of the files; it was not touched.
            AutomationError: See ``upload`` and ``Composer.write``.
        """
        await self.upload(files)
        try:
            await composer.write(text)
        except PromptTooLargeError:
            prompt = Attachment(PROMPT_FILE, "text/plain", text.encode())
            rules, limits = self._profile.attachments, self._profile.limits
            if limits.over_limit == "refuse" or _refusal([*files, prompt], rules):
                raise
            logger.info("prompt_sent_as_file", extra={"size_characters": len(text)})
            await self._give([prompt], beside=len(files))
            await composer.write(limits.file_message)
            return limits.file_message
        return text

    async def upload(self, files: Sequence[Attachment]) -> None:
        """Put ``files`` beside the prompt's field and wait for their upload's end. Without any, see that none is there.

        Raises:
            AttachmentRejectedError: The page does not take one of them; it was not touched.
            SiteError: The page said why it took one not, or an upload did not end in time.
            SiteChangedError: The page has no place for files, or none appeared.
            PageLostError: The page is gone, or keeps a file of an earlier turn.
        """
        check_files(files, self._profile.attachments)
        if self._profile.attachments is None:
            return
        await self._take_away_leftovers()
        if files:
            await self._give(under_own_names(files), beside=0)

    async def _give(self, files: Sequence[Attachment], *, beside: int) -> None:
        """Give the page ``files``, all at once or as many as it takes at a time, where ``beside`` stand already."""
        assert self._profile.attachments is not None
        await self._dom.call("uploads")
        rules = self._profile.attachments
        if rules.method == "input" and not rules.input:
            await self._choose(files, beside)
            return
        try:
            await self._hold(files)
            left = len(files)
            while left:
                given = await self._hand_over(rules, left)
                left -= given
                beside += given
                await self._until_uploaded(beside)
        finally:
            # Only what could not be given is still held; bytes of one turn must not stay for the next.
            if not self._page.is_closed():
                await self._dom.call("dropHeld")

    async def _hold(self, files: Sequence[Attachment]) -> None:
        await self._dom.call("dropHeld")
        for file in files:
            await self._dom.call("holdFile", file.name, file.media_type)
            for start in range(0, len(file.data), _PIECE_BYTES):
                piece = base64.b64encode(file.data[start : start + _PIECE_BYTES]).decode()
                await self._dom.call("holdBytes", piece, timeout_s=self._timeouts.upload_s)

    async def _hand_over(self, rules: AttachmentRules, left: int) -> int:
        if rules.opener:
            await self._hands.click("attachments.opener", "attaching a file")
        given = await self._dom.call("giveFiles", rules.method, left, _APPEARS_MS, timeout_s=15.0)
        if not given:
            place = {"input": "attachments.input", "drop": "attachments.drop_target", "paste": "input"}
            raise SiteChangedError(place[rules.method], "attaching a file")
        return int(given)

    async def _choose(self, files: Sequence[Attachment], beside: int) -> None:
        """Answer the file chooser that the page opens when its control is clicked."""
        left = [FilePayload(name=f.name, mimeType=f.media_type, buffer=f.data) for f in files]
        while left:
            given = await self._answer_chooser(left)
            left = left[given:]
            beside += given
            await self._until_uploaded(beside)

    async def _answer_chooser(self, payloads: list[FilePayload]) -> int:
        try:
            limit_ms = _APPEARS_MS + self._hands.longest_click_ms
            async with self._page.expect_file_chooser(timeout=limit_ms) as opened:
                await self._hands.click("attachments.opener", "attaching a file")
            chooser = await opened.value
        except DRIVER_TIMEOUTS as exc:
            raise SiteChangedError("attachments.opener", "opening the file chooser") from exc
        given = payloads if chooser.is_multiple() else payloads[:1]
        with page_calls("giving files to the page"):
            await chooser.set_files(given, timeout=self._timeouts.upload_s * 1000)
        return len(given)

    async def _until_uploaded(self, wanted: int) -> None:
        limit_s = self._timeouts.upload_s
        end = await self._dom.call("uploadEnd", wanted, int(limit_s * 1000), timeout_s=limit_s + 5)
        if end["failed"]:
            raise error_of_words(end["failed"], self._profile.site_words)
        if end["ready"]:
            return
        if not end["uploading"] and end["uploaded"] < wanted:
            raise SiteChangedError("attachments.uploaded", "waiting for the upload's end")
        msg = f"a file was still being uploaded after {limit_s:g} s"
        raise SiteError(msg)

    async def _take_away_leftovers(self) -> None:
        """Remove files of an earlier turn: pages keep drafts, even over a reload."""
        for _ in range(_CLEAR_TRIES):
            there: dict[str, Any] = await self._dom.call("uploads")
            if not there["uploaded"]:
                return
            if not await self._hands.click_if_there("attachments.remove", "taking a file away"):
                break
            await self._dom.call(
                "until",
                {"attachments.uploaded": False},
                _GONE_MS if there["uploaded"] == 1 else 0,
                timeout_s=6.0,
            )
        msg = "The page keeps a file of an earlier turn."
        raise PageLostError(msg)


def check_files(files: Sequence[Attachment], rules: AttachmentRules | None) -> None:
    """Refuse what the page would not take.

    Raises:
        AttachmentRejectedError: It names the first file at fault and the reason.
    """
    refusal = _refusal(files, rules)
    if refusal is not None:
        raise refusal


def _refusal(files: Sequence[Attachment], rules: AttachmentRules | None) -> AttachmentRejectedError | None:
    for number, file in enumerate(files, 1):
        reason = _reason(number, file, rules)
        if reason:
            return AttachmentRejectedError(file.name, file.part, reason)
    return None


def _reason(number: int, file: Attachment, rules: AttachmentRules | None) -> str | None:
    if rules is None:
        return "this endpoint's page takes no files"
    if not rules.takes(file.media_type):
        return f"this page takes {', '.join(rules.accept)}, not {file.media_type}"
    if rules.max_bytes is not None and len(file.data) > rules.max_bytes:
        return f"it has {len(file.data)} bytes; this page takes {rules.max_bytes}"
    if rules.max_files is not None and number > rules.max_files:
        return f"this page takes {rules.max_files} files at a time"
    return None


def new_files(prompt: Prompt) -> list[Attachment]:
    """Return the files of the messages that go into the page in any case: those that its chat does not have yet."""
    return [file for message in prompt.messages[prompt.said :] for file in message.attachments]


def under_own_names(files: Iterable[Attachment]) -> list[Attachment]:
    """Return the files, each under a name of its own: pages tell files apart by it."""
    taken: set[str] = set()
    return [_renamed(file, taken) for file in files]


def _renamed(file: Attachment, taken: set[str]) -> Attachment:
    path = PurePath(file.name)
    names: Iterator[str] = (f"{path.stem}-{n}{path.suffix}" for n in count(2))
    name = file.name
    while name.lower() in taken:
        name = next(names)
    taken.add(name.lower())
    return file if name == file.name else replace(file, name=name)
