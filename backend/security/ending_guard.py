"""Middleware that refuses new requests while the gateway ends: 503, but for the probes that ask how it is."""

from __future__ import annotations

from typing import Final

from backend.asgi import ASGIApp, Receive, Scope, Send
from backend.ending import SCOPE_KEY, Ending
from backend.security.refusal import send_refusal
from backend.wire.errors import ErrorReply, retry_after

_PROBES = frozenset({"/health", "/ready", "/metrics"})
_SERVICE_RESTART: Final = 1012
_REFUSAL = ErrorReply(
    503,
    "shutting_down",
    "The gateway is shutting down and takes no new requests.",
    headers={**retry_after(5), "connection": "close"},
)


class EndingGuard:
    """ASGI middleware: tells each request of the end, and refuses those that come once it has begun."""

    def __init__(self, app: ASGIApp, ending: Ending) -> None:
        self._app = app
        self._ending = ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or refuse it."""
        scope[SCOPE_KEY] = self._ending
        if not self._ending.is_begun or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _SERVICE_RESTART, "reason": "shutting down"})
        else:
            await send_refusal(send, _REFUSAL)
