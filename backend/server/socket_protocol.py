"""One WebSocket: uvicorn's, with bounds on its messages, which are narrow until the application widens them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from backend.asgi import ALLOW_LONG_MESSAGES
from backend.server.state import BoundedServerState

if TYPE_CHECKING:
    from asyncio import BaseTransport

    from uvicorn._types import ASGISendEvent
    from uvicorn.config import Config
    from websockets.frames import Frame
    from websockets.http11 import Request

_TOO_BIG: Final = 1009
_POLICY_VIOLATION: Final = 1008
_BAD_REQUEST = STATUS_LINE[400] + b"content-length: 0\r\nconnection: close\r\n\r\n"


class BoundedSocketProtocol(WebSocketsSansIOProtocol):
    """Serves one WebSocket; the application calls ``scope["state"]["allow_long_messages"]()`` once it knows its client."""

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
        self._is_known = False
        self._first_bytes = 0
        self._most_messages = self._limits.first_messages
        self.conn.max_message_size = self._limits.first_message_bytes

    def allow_long_messages(self) -> None:
        """Let the client send messages of any length that the server takes."""
        self._waiting.forget(self)
        self._is_known = True
        self._most_messages = self._limits.most_messages
        self.conn.max_message_size = self._limits.message_bytes

    def connection_made(self, transport: BaseTransport) -> None:
        """Count as one that waits for its client, until that is known."""
        super().connection_made(transport)
        self._waiting.without_head.add(self)
        self._waiting.unknown_sockets.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._waiting.forget(self)
        super().connection_lost(exc)

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abort()

    async def send(self, message: ASGISendEvent) -> None:
        """Send it; after the last one, whether the client closes its side is not worth a place that others need."""
        await super().send(message)
        if self.close_sent and not self.transport.is_closing():
            self._waiting.without_head.add(self)

    def data_received(self, data: bytes) -> None:
        """Take what came; a handshake that can't be read is refused, for which uvicorn would wait for ever."""
        if self.handshake_initiated and not self._is_known:
            self._first_bytes += len(data)
            if self._first_bytes > self._limits.first_bytes:
                self._fail(_TOO_BIG, "too much before a ticket")
                return
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            self.transport.write(_BAD_REQUEST)
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        """Begin, and give the application the means to widen the bounds."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["state"][ALLOW_LONG_MESSAGES] = self.allow_long_messages

    def handle_cont(self, event: Frame) -> None:
        """Take one more part of a message, of which there are only so many: empty ones count for nothing else."""
        if len(self.frames) >= self._limits.most_fragments:
            self._fail(_TOO_BIG, "too many fragments")
        else:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Hand a message on, unless too many wait: reading stops only with the next read."""
        if self.queue.qsize() >= self._most_messages:
            self._fail(_POLICY_VIOLATION, "too many messages at once")
        else:
            super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answer it, unless the client doesn't read the answers to others."""
        if self.transport.is_closing():
            self.conn.data_to_send()
        elif self.writable.is_set():
            super().handle_ping()
        else:
            self.transport.abort()

    def _fail(self, code: int, reason: str) -> None:
        self.frames = []
        if self.transport.is_closing():
            return
        self.conn.fail(code, reason)
        if self.conn.close_sent is None:  # before the handshake's end there is nobody to tell a code
            self.transport.close()
        else:
            self.handle_parser_exception()
