"""Finds the QR code on a page, so that a person can scan it from elsewhere, and follows it when the page renews it."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

import anyio
import anyio.to_thread
import zxingcpp
from PIL import Image

from automation.errors import PageLostError
from automation.owned_tasks import owned_tasks
from automation.page.cdp import PageChannel, Params
from automation.playwright_errors import DRIVER_ERRORS, first_line
from automation.sign_in.followed_pages import FollowedPage, FollowedPages, open_devtools_session

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
# Chromium now and then doesn't tell what it painted.
_LOOK_ANYHOW_S = 10.0
_CLOSE_S = 3.0
# A tenth of the code on each side: the light margin of four modules, without which many scanners find nothing.
_MARGIN = 0.12
_FORMATS = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
# Only tells that something was painted: small and coarse, so that it costs next to nothing.
_SIGNAL = {"format": "jpeg", "quality": 20, "maxWidth": 480, "maxHeight": 480}
_PICTURE = {"format": "png", "optimizeForSpeed": True}


@dataclass(frozen=True, slots=True)
class QrCode:
    """One QR code as a page shows it.

    Attributes:
        payload: What it says; whoever has it can sign in with it, so it is never logged.
        png: The code with its margin, cut out of the page.
    """

    payload: str = field(repr=False)
    png: bytes = field(repr=False)


async def find_qr_code(png: bytes) -> QrCode | None:
    """Return the largest QR code of a picture, or None; looks in a thread.

    Raises:
        PIL.UnidentifiedImageError: It is no picture.
    """
    return await anyio.to_thread.run_sync(_find, png)


def _find(png: bytes) -> QrCode | None:
    with Image.open(io.BytesIO(png)) as opened:
        image = opened.convert("RGB")
    found = zxingcpp.read_barcodes(image.convert("L"), formats=_FORMATS)
    boxes = [(_box(code.position), code.text) for code in found if code.valid and code.text]
    if not boxes:
        return None
    (left, top, right, bottom), payload = max(boxes, key=lambda each: each[0][2] - each[0][0])
    margin = round((right - left) * _MARGIN)
    edges = (max(0, left - margin), max(0, top - margin))
    cut = image.crop((*edges, min(image.width, right + margin), min(image.height, bottom + margin)))
    out = io.BytesIO()
    cut.save(out, "PNG")
    return QrCode(payload, out.getvalue())


def _box(position: zxingcpp.Position) -> tuple[int, int, int, int]:
    corners = (position.top_left, position.top_right, position.bottom_left, position.bottom_right)
    xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
    return min(xs), min(ys), max(xs), max(ys)


async def watch_for_qr_codes(pages: FollowedPages, tell: Callable[[QrCode | None], None]) -> None:
    """Report each new QR code of the window in front, and None when it is gone; return with the last window.

    A page that stands still is looked at every ten seconds, any other once a second.
    """
    while (front := pages.front) is not None:
        changed = pages.changed
        async with owned_tasks() as tasks:
            tasks.start_soon(_watch, front, pages, tell)
            await changed.wait()
        tell(None)


async def _watch(front: FollowedPage, pages: FollowedPages, tell: Callable[[QrCode | None], None]) -> None:
    while True:
        try:
            async with _painting(front, pages) as painted:
                await _follow(front, painted, tell)
        except PageLostError as exc:
            # It hangs, or stands still before a dialog; one that is gone is left by whoever runs this.
            logger.info("qr_code_search_failed", extra={"reason": str(exc)})
            await anyio.sleep(_LOOK_EVERY_S)


async def _follow(front: FollowedPage, painted: _Signal, tell: Callable[[QrCode | None], None]) -> None:
    shown: QrCode | None = None
    while True:
        looked_s = monotonic()
        found = await _look(front)
        if (found and found.payload) != (shown and shown.payload):
            shown = found
            tell(found)
        # On a busy machine a look takes longer than a second, and anyio refuses to sleep for less than nothing.
        await anyio.sleep(max(0.0, looked_s + _LOOK_EVERY_S - monotonic()))
        with anyio.move_on_after(_LOOK_ANYHOW_S):
            await painted.wait()


async def _look(front: FollowedPage) -> QrCode | None:
    picture = await front.channel.send("Page.captureScreenshot", _PICTURE, 15.0)
    return await find_qr_code(base64.b64decode(picture["data"]))


class _Signal:
    """Event that is set when a frame differs from the one before: a screenshot makes Chromium repeat the last."""

    def __init__(self) -> None:
        self._last = ""
        self._changed = anyio.Event()

    def take(self, data: str) -> None:
        if data != self._last:
            self._last = data
            self._changed.set()

    async def wait(self) -> None:
        await self._changed.wait()
        self._changed = anyio.Event()


@asynccontextmanager
async def _painting(front: FollowedPage, pages: FollowedPages) -> AsyncIterator[_Signal]:
    """Signal repaints, by a DevTools session of its own: a live view casts the same page otherwise."""
    signal = _Signal()
    session = await open_devtools_session(front.page)
    channel = PageChannel(session)

    def take(event: Params) -> None:
        signal.take(event["data"])
        pages.spawn(_acknowledge(channel, event["sessionId"]))

    session.on("Page.screencastFrame", take)
    try:
        await channel.send("Page.startScreencast", _SIGNAL)
        yield signal
    finally:
        session.remove_listener("Page.screencastFrame", take)
        with anyio.move_on_after(_CLOSE_S, shield=True):
            try:
                await session.detach()
            except DRIVER_ERRORS as exc:
                logger.debug("page_gone", extra={"reason": first_line(exc)})


async def _acknowledge(channel: PageChannel, number: int) -> None:
    await channel.send("Page.screencastFrameAck", {"sessionId": number})
