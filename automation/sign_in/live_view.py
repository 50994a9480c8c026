"""Live view: screencast of the page in front for a person, and the person's input for the page.

Frames come from Chromium's screencast, which sends one when the page was painted and none while it stands still. Every
frame is acknowledged at once: Chromium throws away what it paints while acknowledgements are missing, and the last
frame before a page comes to rest would be among it. What the person gets is the newest frame, as often as the budget of
bytes and the person's own line allow.
"""

from __future__ import annotations

import base64
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import anyio

from automation.errors import PageLostError
from automation.owned_tasks import owned_tasks
from automation.page.cdp import Params
from automation.playwright_errors import DRIVER_ERRORS, first_line, page_calls
from automation.sign_in.followed_pages import FollowedPage, FollowedPages
from automation.sign_in.frame_pace import FramePace
from automation.sign_in.live_events import AnswerDialog, Frame, FrameSeen, InputEvent, LiveEvent, Pointer
from automation.sign_in.live_input import dispatch

logger = logging.getLogger(__name__)

_CAST = {"format": "jpeg", "quality": 60, "maxWidth": 1280, "maxHeight": 800}
_MOST_UNSEEN = 2
_MOST_TOLD = 100
_RETRY_S = 1.0
_FIRST_FRAME_S = 1.0
_MOST_FIRST_FRAME_S = 8.0
_CLOSE_S = 3.0


class LiveView:
    """Live view of one person. Its opener sees to it that there is one at a time on the same pages."""

    def __init__(self, pages: FollowedPages) -> None:
        self._pages = pages
        self._pace = FramePace(monotonic())
        self._told: deque[LiveEvent] = deque(maxlen=_MOST_TOLD)
        self._frame: Frame | None = None
        self._unseen = 0
        self._is_over = False
        self._news = anyio.Event()

    async def events(self) -> AsyncIterator[LiveEvent]:
        """Yield what there is to show, until the last window is gone.

        After two frames no other comes before ``FrameSeen`` was handled: a slow line gets fewer of them, never older ones.
        """
        while (event := await self._next()) is not None:
            yield event

    async def handle(self, event: InputEvent) -> None:
        """Dispatch a person's input; dropped where its window has just closed or does not respond."""
        if isinstance(event, FrameSeen):
            self._unseen = max(0, self._unseen - 1)
            self._news.set()
            return
        front = self._pages.front
        if front is None:
            return
        if not (isinstance(event, Pointer) and event.action == "move"):
            self._pace.acted(monotonic())
            self._news.set()
        try:
            if isinstance(event, AnswerDialog):
                await dispatch(front, event)
            elif not front.dialogs:
                await _unless_it_stands_still(front, event)
        except PageLostError as exc:
            # A click often closes its window before the browser could say that the click arrived.
            logger.info("live_input_lost", extra={"kind": event.kind, "reason": str(exc)})

    async def _next(self) -> LiveEvent | None:
        while True:
            self._news = anyio.Event()
            if self._told:
                return self._told.popleft()
            if self._is_over:
                return None
            wait_s: float | None = None
            if self._frame is not None and self._unseen < _MOST_UNSEEN:
                wait_s = self._pace.wait_s(monotonic())
                if wait_s == 0:
                    return self._send_frame(self._frame)
            with anyio.move_on_after(wait_s):
                await self._news.wait()

    def _send_frame(self, frame: Frame) -> Frame:
        self._frame = None
        self._unseen += 1
        self._pace.sent(len(frame.jpeg), monotonic())
        return frame

    def tell(self, event: LiveEvent) -> None:
        """Queue an event before the frames that wait."""
        self._told.append(event)
        self._news.set()

    async def follow(self) -> None:
        """Show whichever window is in front, until there is none."""
        while (front := self._pages.front) is not None:
            changed = self._pages.changed
            self._pages.spawn(self._tell_where(front))
            try:
                async with self._cast(front):
                    await changed.wait()
            except PageLostError as exc:
                logger.info("screencast_failed", extra={"reason": str(exc)})
                # It is closing, or hangs and is asked again.
                with anyio.move_on_after(_RETRY_S):
                    await changed.wait()
        self._is_over = True
        self._news.set()

    async def _tell_where(self, front: FollowedPage) -> None:
        self.tell(await front.where(self._pages.depth))

    @asynccontextmanager
    async def _cast(self, front: FollowedPage) -> AsyncIterator[None]:
        first = anyio.Event()

        def take(event: Params) -> None:
            number = {"sessionId": event["sessionId"]}
            self._pages.spawn(_acknowledge(front, number))
            self._frame = _frame(event)
            self._news.set()
            first.set()

        front.session.on("Page.screencastFrame", take)
        try:
            await front.channel.send("Page.startScreencast", _CAST)
            async with owned_tasks() as tasks:
                tasks.start_soon(_insist, front, first)
                yield
        finally:
            front.session.remove_listener("Page.screencastFrame", take)
            self._frame = None
            with anyio.move_on_after(_CLOSE_S, shield=True):
                try:
                    await front.session.send("Page.stopScreencast")
                except DRIVER_ERRORS as exc:
                    logger.debug("page_gone", extra={"reason": first_line(exc)})


async def _insist(front: FollowedPage, first: anyio.Event) -> None:
    """Restart the screencast until its first frame arrives: for a static page it is sometimes missing."""
    wait_s = _FIRST_FRAME_S
    while True:
        with anyio.move_on_after(wait_s):
            await first.wait()
            return
        logger.info("screencast_restarted")
        wait_s = min(2 * wait_s, _MOST_FIRST_FRAME_S)
        try:
            await front.channel.send("Page.stopScreencast")
            await front.channel.send("Page.startScreencast", _CAST)
        except PageLostError as exc:
            logger.info("screencast_failed", extra={"reason": str(exc)})


async def _unless_it_stands_still(front: FollowedPage, event: InputEvent) -> None:
    """Dispatch an input, but don't wait for one that opens a dialog: the browser confirms it only after that."""
    with anyio.CancelScope() as waiting:

        async def stop() -> None:
            await front.stands_still.wait()
            waiting.cancel()

        async with owned_tasks() as tasks:
            tasks.start_soon(stop)
            await dispatch(front, event)


def _frame(event: Params) -> Frame:
    seen = event["metadata"]
    jpeg = base64.b64decode(event["data"])
    return Frame(jpeg, round(seen["deviceWidth"]), round(seen["deviceHeight"]), float(seen["timestamp"]))


async def _acknowledge(front: FollowedPage, number: Params) -> None:
    with page_calls("acknowledging a frame"):
        await front.session.send("Page.screencastFrameAck", number)


@asynccontextmanager
async def open_live_view(pages: FollowedPages) -> AsyncIterator[LiveView]:
    """Show the pages to one person until the block is left."""
    view = LiveView(pages)
    async with owned_tasks() as tasks:
        pages.listen(view.tell)
        tasks.start_soon(view.follow)
        try:
            yield view
        finally:
            pages.listen(None)
