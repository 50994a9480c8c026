"""Middleware that refuses requests whose ``Host`` is no name or address with a port (RFC 9112 3.2)."""

from __future__ import annotations

from backend.asgi import ASGIApp, Receive, Scope, Send
from backend.security.loopback import is_authority
from backend.security.refusal import send_refusal
from backend.wire.errors import ErrorReply

_MALFORMED = ErrorReply(
    400, "invalid_request", "The Host header must be one name or address, with a port or without."
)


class HostHeader:
    """ASGI middleware: 400 for a malformed ``Host``, or more than one. HTTP/1.0 may leave it out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or refuse it."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if (len(hosts) == 1 and is_authority(hosts[0].decode("latin-1"))) or (
            not hosts and scope.get("http_version") == "1.0"
        ):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "malformed Host"})
        else:
            await send_refusal(send, _MALFORMED)
