"""One live view over one WebSocket: frames and events out, a person's input in, until one side is done.

Out: binary messages are frames, two unsigned 16-bit numbers (width and height of the page in CSS pixels) and a 64-bit
float (when it was painted, seconds since the epoch), all big-endian, then the JPEG; text messages are JSON with a
``kind``. In: JSON with a ``kind``, see ``automation.sign_in.live_events``, and ``complete`` and ``cancel``.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio
import orjson
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from automation.errors import AutomationError
from automation.owned_tasks import owned_tasks
from automation.sign_in.live_events import (
    DialogOpened,
    FileChooserOpened,
    Frame,
    FrameSeen,
    LiveEvent,
    PageChanged,
    SelectOpened,
    parse_input,
)
from backend.accounts.sign_ins import SignIn
from backend.api.live_sign_in.sign_ins import sign_in_document
from backend.errors import GatewayError, InvalidRequestError

if TYPE_CHECKING:  # the browser's driver is loaded by what opens pages
    from automation.sign_in.live_view import LiveView

logger = logging.getLogger(__name__)

OVER: Final = 1000
REFUSED: Final = 1008
TAKEN_OVER: Final = 4001
IDLE: Final = 4002

_HEAD = struct.Struct(">HHd")
_KINDS = {PageChanged: "page", SelectOpened: "select", FileChooserOpened: "files", DialogOpened: "dialog"}
_ENDS = {"complete", "cancel"}
_LONGEST_END = 100


def frame_message(frame: Frame) -> bytes:
    """Return the binary message that carries a frame."""
    return _HEAD.pack(frame.width, frame.height, frame.at_s) + frame.jpeg


def event_message(event: LiveEvent) -> bytes:
    """Return the JSON message for an event other than a frame."""
    return orjson.dumps({"kind": _KINDS[type(event)], **asdict(event)})


class LiveSocket:
    """Serves one person; the socket is accepted already."""

    def __init__(self, socket: WebSocket, sign_in: SignIn, idle_s: float) -> None:
        self._socket = socket
        self._sign_in = sign_in
        self._idle_s = idle_s
        self._sending = anyio.Lock()
        self._code = OVER
        self._reason = "the sign-in is over"
        self._is_gone = False
        self._active_s = anyio.current_time()

    async def serve(self) -> None:
        """Show the page and dispatch input, until the sign-in is over or the viewer leaves, idles or is replaced."""
        try:
            async with self._sign_in.seat() as seat, owned_tasks() as tasks:
                ended = anyio.Event()
                for work in (
                    partial(self._show, seat.view),
                    self._tell_status,
                    partial(self._obey, seat.view),
                    partial(self._until_taken, seat.taken),
                    self._until_idle,
                ):
                    tasks.start_soon(self._end_with, work, ended)
                await ended.wait()
        except InvalidRequestError as exc:
            self._code, self._reason = REFUSED, str(exc)
        if not self._is_gone:
            await self._say_goodbye()

    async def _end_with(self, work: Callable[[], Awaitable[None]], ended: anyio.Event) -> None:
        try:
            await work()
        except WebSocketDisconnect:
            self._is_gone = True
        ended.set()

    async def _show(self, view: LiveView) -> None:
        async for event in view.events():
            if isinstance(event, Frame):
                async with self._sending:
                    await self._socket.send_bytes(frame_message(event))
            else:
                await self._send(event_message(event))

    async def _tell_status(self) -> None:
        session = self._sign_in.session
        assert session is not None
        while True:
            news = session.news
            if self._sign_in.status.is_over:
                return
            await self._send_status()
            await news.wait()

    async def _send_status(self) -> None:
        document = sign_in_document(self._sign_in).model_dump(mode="json")
        await self._send(orjson.dumps({"kind": "status", **document}))

    async def _obey(self, view: LiveView) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                self._is_gone = True
                return
            try:
                await self._do(view, message.get("text") or "")
            except ValidationError as exc:
                await self._problem(f"That was not understood: {exc.errors()[0]['msg']}.")
            except (AutomationError, GatewayError) as exc:
                await self._problem(str(exc))
                await self._send_status()

    async def _do(self, view: LiveView, text: str) -> None:
        kind = _parse_kind(text)
        if kind in _ENDS:
            session = self._sign_in.session
            assert session is not None
            self._active_s = anyio.current_time()
            if kind == "cancel":
                session.cancel()
            else:
                await session.complete()
            return
        event = parse_input(text)
        if not isinstance(event, FrameSeen):
            self._active_s = anyio.current_time()
        await view.handle(event)

    async def _until_taken(self, taken: anyio.Event) -> None:
        await taken.wait()
        self._code, self._reason = TAKEN_OVER, "somebody else took over"

    async def _until_idle(self) -> None:
        while (left_s := self._active_s + self._idle_s - anyio.current_time()) > 0:  # noqa: ASYNC110 - time is what is waited for
            await anyio.sleep(left_s)
        self._code, self._reason = IDLE, "nobody did anything for a while"

    async def _problem(self, message: str) -> None:
        await self._send(orjson.dumps({"kind": "problem", "message": message}))

    async def _send(self, message: bytes) -> None:
        async with self._sending:
            await self._socket.send_text(message.decode())

    async def _say_goodbye(self) -> None:
        try:
            await self._send_status()
            await self._socket.close(self._code, self._reason[:100])
        except (WebSocketDisconnect, RuntimeError) as exc:
            # It hung up in this moment; starlette tells that by either of them.
            logger.debug("live_view_disconnected", extra={"reason": type(exc).__name__})


def _parse_kind(text: str) -> str | None:
    if len(text) > _LONGEST_END:
        return None
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    kind = document.get("kind") if isinstance(document, dict) and len(document) == 1 else None
    return kind if isinstance(kind, str) else None
