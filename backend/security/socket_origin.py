"""Middleware that refuses WebSockets from foreign web pages; browsers let any page open them, and send its origin."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from backend.asgi import ASGIApp, Receive, Scope, Send, header


class SocketOrigin:
    """ASGI middleware that closes WebSockets whose ``Origin`` is neither this gateway's own nor in ``cors_origins``.

    Only the host is compared, not the scheme: behind a proxy that speaks TLS the gateway doesn't know its own.
    """

    def __init__(self, app: ASGIApp, *, cors_origins: Collection[str]) -> None:
        self._app = app
        self._cors_origins = {origin.rstrip("/").lower() for origin in cors_origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or close it."""
        if scope["type"] != "websocket" or self._is_allowed(scope):
            await self._app(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "foreign origin"})

    def _is_allowed(self, scope: Scope) -> bool:
        origin = header(scope, "origin")
        if origin is None or "*" in self._cors_origins or origin.rstrip("/").lower() in self._cors_origins:
            return True
        try:
            return urlsplit(origin).netloc.lower() == (header(scope, "host") or "").lower()
        except ValueError:
            return False
