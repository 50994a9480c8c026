"""HTTP responses that own a turn: a client that disconnects, streaming or not, cancels it and stops the page."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Protocol

from backend.api.errors import describe_error
from backend.asgi import Receive, Scope, Send
from backend.ending import SCOPE_KEY, Ending
from backend.errors import ShuttingDownError
from backend.providers.chat_call import ChatCall
from backend.providers.replies import Reply, with_ignored
from backend.wire.chat_response import DONE
from backend.wire.errors import ErrorReply

logger = logging.getLogger(__name__)

KEEP_ALIVE_S = 15.0
# Nobody hangs up on purpose so soon; and a task for each request takes a tenth of all that one costs.
_WATCH_AFTER_S = 0.02
EVENT_STREAM = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}

OpenReply = Callable[[], AbstractAsyncContextManager[Reply]]
BeforeEnd = Callable[[], Awaitable[None]]
"""Is awaited once an answer is whole, before the client is sent its end: what follows from it is there then."""


class _Sender:
    """The sending side of one HTTP exchange: knows what has gone out, one message at a time."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_begun = False
        self.is_complete = False
        self.is_gone = False
        self.sent_at = 0.0

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status and the headers, unless an answer has begun already."""
        if self.is_begun:
            return
        raw = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
        self.is_begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, body: bytes, *, is_last: bool = False) -> None:
        """Send more of the body; nothing is sent after the last of it."""
        if self.is_complete:
            return
        # Set before sending: once the last byte is out, the server reports the client as gone.
        self.is_complete = is_last
        self.sent_at = time.monotonic()
        # A comment of `keep_alive` may be sent meanwhile: the server takes each message whole before it waits.
        await self._send({"type": "http.response.body", "body": body, "more_body": not is_last})

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a whole response of JSON."""
        length = {"content-length": str(len(body)), "content-type": "application/json"}
        await self.begin(status, {**length, **headers})
        await self.write(body, is_last=True)

    async def keep_alive(self, every_s: float) -> None:
        """Send a comment whenever nothing was sent for so long; for ever."""
        while True:
            await asyncio.sleep(max(self.sent_at + every_s - time.monotonic(), 0.01))
            if time.monotonic() - self.sent_at >= every_s:
                await self.write(b": ping\n\n")


class ResponseEncoder(Protocol):
    """Encodes answers, which come in OpenAI's chat form, for one of our APIs."""

    @property
    def end(self) -> bytes:
        """What comes after the last event of a streamed answer."""
        ...

    def events(self, events: bytes) -> bytes:
        """Return this API's events for OpenAI's events."""
        ...

    def whole(self, completion: bytes) -> bytes:
        """Return this API's document for a ``chat.completion``."""
        ...

    def failure(self, error: ErrorReply) -> bytes:
        """Return the events of an error within a streamed answer."""
        ...


class ChatEncoder:
    """Encoder of OpenAI's chat completions, which are passed on as they are."""

    end = DONE

    def events(self, events: bytes) -> bytes:
        """Return the events as they are."""
        return events

    def whole(self, completion: bytes) -> bytes:
        """Return the document as it is."""
        return completion

    def failure(self, error: ErrorReply) -> bytes:
        """Return an event that carries the error; no ``[DONE]`` follows."""
        return b"data: " + error.encode() + b"\n\n"


class AnswerDoor(Protocol):
    """The answers and errors of one of our APIs, of which no word is sent yet."""

    def encoder(self, *, is_native: bool) -> ResponseEncoder:
        """Return the writer of an answer, which comes as a chat completion, or in this API's own words."""
        ...

    def refusal(self, error: ErrorReply) -> bytes:
        """Return the body of an error before anything was sent."""
        ...


class ChatDoor:
    """The answers and errors of OpenAI's chat completions."""

    def encoder(self, *, is_native: bool) -> ChatEncoder:  # noqa: ARG002  they are one
        """Return what passes an answer on."""
        return ChatEncoder()

    def refusal(self, error: ErrorReply) -> bytes:
        """Return ``{"error": …}``."""
        return error.encode()


_CHAT = ChatDoor()


class ReplyResponse:
    """An ASGI response that opens a turn when it is sent, and answers with it.

    A failure before the first delta is an error body with its own status. After it, every delta goes out at once as
    events of its own, and a late failure ends them with an error event.
    """

    def __init__(
        self,
        call: ChatCall,
        open_reply: OpenReply,
        door: AnswerDoor = _CHAT,
        before_end: BeforeEnd | None = None,
    ) -> None:
        self._before_end = before_end
        self._call = call
        self._open_reply = open_reply
        self._door = door
        self._encoder: ResponseEncoder | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request; a client that disconnects cancels the turn."""
        sender = _Sender(send)
        hang_up = _HangUp(self._call, receive, sender)
        watching = _Aside(_WATCH_AFTER_S, hang_up.end_turn)
        ending: Ending = scope[SCOPE_KEY]
        cut = _Cut(partial(self._cut_short, sender, hang_up))
        ending.add(cut.begin)
        try:
            await self._answer(sender)
        except asyncio.CancelledError:
            if not hang_up.is_over():
                raise
        finally:
            ending.discard(cut.begin)
            watching.end()
        if sender.is_gone:
            logger.info("turn_cancelled_by_client")

    async def _answer(self, sender: _Sender) -> None:
        try:
            async with self._open_reply() as reply:
                encoder = self._encoder = self._door.encoder(is_native=reply.is_native)
                headers = reply.headers
                if self._call.door is not None and not reply.is_native:
                    headers = with_ignored(headers, self._call.translated.ignored)
                if self._call.is_streamed:
                    await self._send_stream(reply, sender, encoder, headers)
                else:
                    document = encoder.whole(reply.body)
                    if self._before_end is not None:
                        await self._before_end()
                    await sender.whole(200, headers, document)
        except Exception as exc:  # noqa: BLE001  the outermost boundary of a turn: every failure is told
            await self._send_failure(exc, sender)

    async def _send_stream(
        self, reply: Reply, sender: _Sender, encoder: ResponseEncoder, headers: Mapping[str, str]
    ) -> None:
        await sender.begin(200, {**EVENT_STREAM, **headers})
        keeping_alive = _Aside(KEEP_ALIVE_S, partial(sender.keep_alive, KEEP_ALIVE_S))
        try:
            async for events in reply:
                if written := encoder.events(events):
                    await sender.write(written)
            end = encoder.end
            if self._before_end is not None:
                await self._before_end()
            await sender.write(end, is_last=True)
        finally:
            keeping_alive.end()

    async def _cut_short(self, sender: _Sender, hang_up: _HangUp) -> None:
        """Tell the client that the gateway stops, and only then end the turn: a page takes a while to be stopped."""
        await self._send_failure(ShuttingDownError(), sender)
        hang_up.cancel()

    async def _send_failure(self, exc: Exception, sender: _Sender) -> None:
        error = describe_error(exc)
        facts = {"code": error.code, "status": error.status, "answer_sent": sender.is_complete}
        logger.warning("turn_failed", extra=facts)
        if not sender.is_begun:
            asked = {"x-gateway-endpoint": self._call.asked[-1]} if self._call.asked else {}
            await sender.whole(error.status, {**asked, **error.headers}, self._door.refusal(error))
        elif not sender.is_complete and self._encoder is not None:
            await sender.write(self._encoder.failure(error), is_last=True)


class _HangUp:
    """Cancels the turn of the task that made it when its client disconnects."""

    def __init__(self, call: ChatCall, receive: Receive, sender: _Sender) -> None:
        self._call = call
        self._receive = receive
        self._sender = sender
        self._task = asyncio.current_task()
        self._has_cancelled = False
        self._is_ended = False

    async def end_turn(self) -> None:
        """Wait for the client to disconnect before the answer is complete, and cancel the turn."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._sender.is_complete or self._task is None:
            return
        self._sender.is_gone = True
        self.cancel()

    def cancel(self) -> None:
        """Cancel the turn, once."""
        if self._task is None or self._is_ended:
            return
        self._is_ended = True
        if not self._call.cancellation.cancel(self._task):
            self._has_cancelled = True
            self._task.cancel()

    def is_over(self) -> bool:
        """Whether a cancellation that left the turn is this one, and no other is to follow."""
        if self._has_cancelled and self._task is not None:
            return self._task.uncancel() == 0
        return self._is_ended


class _Cut:
    """Ends an answer from outside of its task."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin to, if it hasn't."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())


class _Aside:
    """Background task of a request that starts only after ``after_s``, since most requests are over by then."""

    def __init__(self, after_s: float, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._run = run
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(after_s, self._start)

    def _start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    def end(self) -> None:
        """End it."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
