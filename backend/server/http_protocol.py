"""HTTP/1.1 on one connection: uvicorn's, with bounds on what a client sends and on the time it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from backend.server.state import BoundedServerState
from backend.wire.errors import ErrorReply

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

# Between two requests, in a request's head, or in its body. Plain numbers: an Enum's members take longer to look up.
_REST, _HEAD, _BODY = range(3)
_NO_HTTP = ErrorReply(400, "invalid_request", "This is no HTTP request that can be read.")
_PIPELINED = ErrorReply(400, "invalid_request", "Too many requests wait on one connection.")
_HEAD_TOO_LARGE = ErrorReply(431, "invalid_request", "The request's line and headers are too large.")
_TOO_SLOW = ErrorReply(408, "request_timeout", "The request did not come in time.")
_FULL = ErrorReply(503, "too_many_connections", "The gateway has as many connections as it can.")
_CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"cookie"})  # the application looks at them at once
_LINE_BYTES = 4  # a colon, a space and the line's end
_HEADERS = b"content-type: application/json\r\nx-content-type-options: nosniff\r\nconnection: close\r\n"


class _RefusedRequest(Exception):
    """The parser is to stop: the request is refused."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Serves one connection; ``ConnectionLimits`` says within what bounds.

    What comes within one read is parsed as a whole before it is looked at, so that a head, say, may be larger than
    its limit by as much as one read, and is refused then.
    """

    server_state: BoundedServerState

    def __init__(
        self,
        config: Config,
        server_state: BoundedServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = server_state.limits
        self._waiting = server_state.waiting
        self._phase = _REST
        self._begun = 0  # requests that began within the present read
        self._came = 0  # bytes of the present read
        self._goes_on = False  # the present read had the end of a head, or bytes of a body
        self._size = 0  # bytes of an incomplete head, or of what came since the last byte of a body
        self._body_bytes = self._body_bytes_then = 0
        self._timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._refusal = _NO_HTTP

    # -- the connection ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Begin to wait for a request, if the connection may be served at all."""
        super().connection_made(transport)
        if self._waiting.admit(len(self.connections)):
            self._waiting.without_head.add(self)
            self._start_timer(self._limits.head_s, self._end_slow_head)
        else:
            self._refuse(_FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._forget()
        super().connection_lost(exc)

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse what came, and refuse what is too large."""
        phase = self._phase
        self._begun, self._came, self._goes_on = 0, len(data), False
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._phase == _BODY:
            self._count_body()
        elif self._phase == _HEAD:
            # Where something else came before it in the same read, its size within it isn't known.
            if self._begun == 0 or (self._begun == 1 and phase == _REST):
                self._size += len(data)
            if self._size > self._limits.head_bytes:
                self._refuse(_HEAD_TOO_LARGE)
        if self._phase != _BODY and self._timer is None and self._is_idle():
            self._start_timer(self._limits.head_s, self._end_slow_head)

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the WebSocket, unless too many are open whose clients nobody knows."""
        self._forget()
        if any(name in _CREDENTIALS for name, _ in self.headers) or self._waiting.admit_socket():
            super().handle_websocket_upgrade()
        else:
            self._refuse(_FULL)

    def pause_writing(self) -> None:
        """Let the application wait, and the client not for ever."""
        super().pause_writing()
        self._waiting.unread.add(self)
        self._unread_timer = self.loop.call_later(self._limits.unread_s, self.abort)

    def resume_writing(self) -> None:
        """Let the application go on."""
        super().resume_writing()
        self._forget_unread()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  ours says more
        """Refuse what the parser stopped at."""
        self._refuse(self._refusal)

    # -- the parser's events ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._phase = _HEAD
        self._begun += 1
        self._size = 0

    def on_headers_complete(self) -> None:
        """Hand the request on, unless its head is too large or too many wait before it."""
        if self._size + self._came > self._limits.head_bytes and self._head_bytes() > self._limits.head_bytes:
            self._stop_parser(_HEAD_TOO_LARGE)
        if len(self.pipeline) >= self._limits.most_pipelined:
            self._stop_parser(_PIPELINED)
        self._phase, self._goes_on = _BODY, True
        self._size = self._body_bytes = self._body_bytes_then = 0
        self._waiting.without_head.discard(self)
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hand more of the body on."""
        self._body_bytes += len(body)
        self._goes_on = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        super().on_message_complete()
        self._phase = _REST
        if self._timer is not None:
            self._stop_timer()
            self._waiting.without_body.discard(self)

    def on_response_complete(self) -> None:
        """Wait for the next request; the rest of a body that nobody reads any more, only for a while."""
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if self._phase == _BODY:
            self._start_timer(self._limits.linger_s, self.transport.close)
        elif self.timeout_keep_alive_task is not None:
            self._waiting.without_head.add(self)

    # -- bounds -----------------------------------------------------------------------------------------------------

    def _is_idle(self) -> bool:
        """Whether no request is being answered, and uvicorn doesn't count down the time between two of them."""
        return not self._is_answering() and self.timeout_keep_alive_task is None

    def _is_answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # uvicorn's begin as None
        return cycle is not None and not cycle.response_complete

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + _LINE_BYTES for name, value in self.headers)

    def _count_body(self) -> None:
        """Count what doesn't bring the body forward: sizes of its pieces with extensions, or headers behind it."""
        self._size = 0 if self._goes_on else self._size + self._came
        if self._size > self._limits.head_bytes:
            self._refuse(_HEAD_TOO_LARGE)
        elif self._timer is None:
            self._waiting.without_body.add(self)
            self._start_timer(self._limits.body_s, self._check_body)

    def _check_body(self) -> None:
        """Refuse a body that goes on too slowly, unless it is the application that doesn't read."""
        went_on = self._body_bytes - self._body_bytes_then
        least = self._limits.body_s * self._limits.body_bytes_a_second
        if went_on < least and not self.flow.read_paused:
            self._refuse(_TOO_SLOW)
            return
        self._body_bytes_then = self._body_bytes
        self._start_timer(self._limits.body_s, self._check_body)

    def _end_slow_head(self) -> None:
        """Answer a client that began a request; one that never did has nothing to be told."""
        if self._phase == _HEAD:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()

    def _stop_parser(self, reply: ErrorReply) -> None:
        self._refusal = reply
        raise _RefusedRequest

    def _refuse(self, reply: ErrorReply) -> None:
        """Send the error where nothing else is being sent, and close the connection."""
        if self.transport.is_closing():
            return
        if self._may_write():
            body = reply.encode()
            dates = [b"%s: %s\r\n" % header for header in self.server_state.default_headers]
            length = b"content-length: %d\r\n\r\n" % len(body)
            self.transport.write(b"".join([STATUS_LINE[reply.status], *dates, _HEADERS, length, body]))
        self.transport.close()

    def _may_write(self) -> bool:
        is_next = self._phase == _BODY and not self.pipeline
        return not self._is_answering() or (is_next and not self.cycle.response_started)

    def _start_timer(self, after_s: float, then: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(after_s, then)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget_unread(self) -> None:
        self._waiting.unread.discard(self)
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _forget(self) -> None:
        self._stop_timer()
        self._forget_unread()
        self._waiting.forget(self)
