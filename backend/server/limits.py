"""Bounds on what a connection may send before anyone has looked at it, and for how long it may take. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Bounds of one server.

    Attributes:
        most_connections: Open at once, WebSockets among them.
        head_bytes: Of a request's line and headers together; also of what comes between the pieces of a body.
        head_s: From the connection, or from the first byte of another request, to the end of its head.
        body_s: Every so often, a body must have gone on by ``body_s * body_bytes_a_second``.
        linger_s: For how long the rest of a body is read whose request was answered already.
        unread_s: For how long a client may take nothing of what it was sent.
        most_pipelined: Requests that wait for the answer to one before them on their connection.
        most_unknown_sockets: WebSockets whose client the application doesn't know yet.
        first_bytes: All that an unknown WebSocket may send, whatever it is: parsing small frames takes long.
        first_message_bytes: Of a WebSocket's messages until the application lets it send longer ones.
        message_bytes: Of each one after that.
        first_messages: Messages of a WebSocket that may wait until then.
        most_messages: Likewise after that.
        most_fragments: Of one message.
    """

    most_connections: int = 10_000
    head_bytes: int = 64 * 1024
    head_s: float = 10.0
    body_s: float = 20.0
    body_bytes_a_second: int = 500
    linger_s: float = 10.0
    unread_s: float = 120.0
    most_pipelined: int = 16
    most_unknown_sockets: int = 64
    first_bytes: int = 4096
    first_message_bytes: int = 1024
    message_bytes: int = 16 * 1024 * 1024
    first_messages: int = 4
    most_messages: int = 1000
    most_fragments: int = 1000
