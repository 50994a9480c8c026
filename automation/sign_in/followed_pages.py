"""Follows a page and the windows that it opens: the one in front, its dialogs and its position."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
from playwright.async_api import CDPSession, Dialog, FileChooser, FilePayload, Frame, Page

from automation.closing import close_if_alive
from automation.errors import PageLostError
from automation.owned_tasks import owned_tasks, page_work
from automation.page.cdp import PageChannel, Spawn, TargetTree
from automation.playwright_errors import page_calls
from automation.sign_in.live_events import (
    DialogOpened,
    FileChooserOpened,
    GivenFile,
    PageChanged,
    SelectOpened,
)
from automation.sign_in.select_lists import SelectLists

_MOST_WINDOWS = 8
_CLOSE_S = 3.0
_ATTACH_S = 10.0

Asked = SelectOpened | FileChooserOpened | DialogOpened | PageChanged
_MOST_WORDS = 2000


class FollowedPage:
    """One window: its DevTools session, its lists, file choosers and dialogs.

    Attributes:
        stands_still: Set when a dialog opens: until it is answered the window answers no input.
    """

    def __init__(self, page: Page, session: CDPSession, lists: SelectLists, spawn: Spawn) -> None:
        self.page = page
        self.session = session
        self.channel = PageChannel(session)
        self.lists = lists
        self.choosers: dict[int, FileChooser] = {}
        self.dialogs: dict[int, Dialog] = {}
        self.stands_still = anyio.Event()
        self._targets = TargetTree(self.channel, lists.attach, spawn)

    async def attach(self) -> None:
        """Receive the events of the window and its frames.

        Raises:
            PageLostError: It is gone already.
        """
        await self._targets.start()

    def close(self, reason: str) -> None:
        """End the calls that wait for a window that is gone."""
        self._targets.close(reason)

    async def give_files(self, number: int, given: tuple[GivenFile, ...]) -> None:
        """Fill the chooser; without files it stays unanswered, as one that a person closed.

        Raises:
            PageLostError: The page that asked is gone.
        """
        chooser = self.choosers.pop(number, None)
        if chooser is None or not given:
            return
        payloads = [FilePayload(name=f.name, mimeType=f.media_type, buffer=f.data) for f in given]
        with page_calls("giving files to the page"):
            await chooser.set_files(payloads if chooser.is_multiple() else payloads[:1])

    def opened(self, number: int, dialog: Dialog) -> None:
        """Note a dialog, which ends every input that still waits for the window."""
        self.dialogs[number] = dialog
        self.stands_still.set()

    async def answer(self, number: int, *, accept: bool, text: str = "") -> None:
        """Close a dialog with OK or Cancel.

        Raises:
            PageLostError: The window is gone.
        """
        dialog = self.dialogs.pop(number, None)
        if dialog is None:
            return
        if not self.dialogs:
            self.stands_still = anyio.Event()
        with page_calls("answering a dialog"):
            await (dialog.accept(text or None) if accept else dialog.dismiss())

    async def answer_all(self) -> None:
        """Dismiss every dialog: accept leaving a page, decline everything else.

        Raises:
            PageLostError: The window is gone.
        """
        for number, dialog in list(self.dialogs.items()):
            await self.answer(number, accept=dialog.type == "beforeunload")

    async def where(self, depth: int) -> PageChanged:
        """Return the page's address and title without running anything in it.

        Raises:
            PageLostError: The page is gone.
        """
        history = await self.channel.send("Page.getNavigationHistory")
        entry = history["entries"][history["currentIndex"]]
        parts = urlsplit(entry["url"])
        shown = f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else parts.scheme + ":"
        return PageChanged(shown, entry["title"], depth)


class FollowedPages:
    """The stack of windows; the last one opened is in front, and closing it brings back its opener.

    Attributes:
        changed: Set when another window comes to the front or the last one is gone; a new one takes its place then.
    """

    def __init__(self, spawn: Spawn) -> None:
        self.changed = anyio.Event()
        self.lost_reason = ""
        self._spawn = spawn
        self._is_closed = False
        self._stack: list[FollowedPage] = []
        self._sink: Callable[[Asked], None] | None = None
        self._numbers = itertools.count(1)

    @property
    def front(self) -> FollowedPage | None:
        """The window in front; None when the last one is gone, with the cause in ``lost_reason``."""
        return self._stack[-1] if self._stack else None

    @property
    def depth(self) -> int:
        """How many windows there are."""
        return len(self._stack)

    def listen(self, sink: Callable[[Asked], None] | None) -> None:
        """Send the windows' events to ``sink``, or to nobody: then dialogs are declined."""
        self._sink = sink
        if sink is None:
            for followed in self._stack:
                self.spawn(followed.answer_all())

    async def follow(self, page: Page) -> None:
        """Put the page in front and follow every window that it opens.

        Raises:
            PageLostError: It is gone already.
        """
        session = await open_devtools_session(page)
        lists = SelectLists(self._tell, self._numbers.__next__, self.spawn)
        followed = FollowedPage(page, session, lists, self.spawn)
        page.on("close", lambda _: self._gone(followed, "The page was closed."))
        page.on("crash", lambda _: self._gone(followed, "The page's renderer crashed."))
        page.on("popup", self._opened)
        page.on("filechooser", lambda chooser: self._asked_for_files(followed, chooser))
        page.on("dialog", lambda dialog: self._asked_something(followed, dialog))
        page.on("framenavigated", lambda frame: self._navigated(followed, frame))
        page.on("domcontentloaded", lambda _: self.spawn(self._tell_where(followed)))
        await followed.attach()
        if page.is_closed():
            msg = "The page was closed."
            raise PageLostError(msg)
        self._stack.append(followed)
        self._change()

    def _opened(self, page: Page) -> None:
        if len(self._stack) < _MOST_WINDOWS:
            self.spawn(self.follow(page))

    def _gone(self, followed: FollowedPage, reason: str) -> None:
        if followed not in self._stack:
            return
        self._stack.remove(followed)
        followed.close(reason)
        self.lost_reason = "" if self._stack else reason
        self._change()

    def _change(self) -> None:
        changed, self.changed = self.changed, anyio.Event()
        changed.set()

    def _asked_for_files(self, followed: FollowedPage, chooser: FileChooser) -> None:
        number = next(self._numbers)
        followed.choosers = {number: chooser}
        self._tell(FileChooserOpened(number, chooser.is_multiple()))

    def _asked_something(self, followed: FollowedPage, dialog: Dialog) -> None:
        number = next(self._numbers)
        followed.opened(number, dialog)
        if self._sink is None or followed not in self._stack:
            self.spawn(followed.answer_all())
        else:
            words = dialog.message[:_MOST_WORDS]
            self._tell(DialogOpened(number, dialog.type, words, dialog.default_value[:_MOST_WORDS]))

    def _navigated(self, followed: FollowedPage, frame: Frame) -> None:
        if frame.parent_frame is None:
            self.spawn(self._tell_where(followed))

    async def _tell_where(self, followed: FollowedPage) -> None:
        if self._sink is not None and followed is self.front:
            self._tell(await followed.where(self.depth))

    def _tell(self, asked: Asked) -> None:
        if self._sink is not None:
            self._sink(asked)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run side work of the windows, which ends with them."""
        if self._is_closed:
            # A window may still tell something while it closes.
            work.close()
        else:
            self._spawn(work)

    async def close(self) -> None:
        """Close the windows that the page opened, and leave the page itself."""
        self._is_closed = True
        for followed in reversed(self._stack[1:]):
            await close_if_alive(followed.page)


async def open_devtools_session(page: Page) -> CDPSession:
    """Return a new DevTools session of the page.

    Raises:
        PageLostError: The page is gone, or doesn't answer in time.
    """
    try:
        with page_calls("attaching to the page"):
            async with asyncio.timeout(_ATTACH_S):
                return await page.context.new_cdp_session(page)
    except TimeoutError as exc:
        msg = f"The page did not let us attach to it within {_ATTACH_S:g} s."
        raise PageLostError(msg) from exc


@asynccontextmanager
async def open_followed_pages(page: Page) -> AsyncIterator[FollowedPages]:
    """Follow ``page`` and its windows until the block is left; windows that it opened are closed then.

    Raises:
        PageLostError: The page is gone.
    """
    async with owned_tasks() as tasks:
        pages = FollowedPages(page_work(tasks))
        await pages.follow(page)
        try:
            yield pages
        finally:
            with anyio.move_on_after(_CLOSE_S, shield=True):
                await pages.close()
