"""With authentication on, asks every request for the API key."""

from __future__ import annotations

import hmac
from collections.abc import Collection

from backend.asgi import ASGIApp, Receive, Scope, Send, header
from backend.security.refusal import send_refusal
from backend.wire.errors import ErrorReply

OWNER = "admin"  # there is one key yet
OPEN_PATHS = frozenset({"/health", "/ready"})
# A link to a live view carries a secret of its own; the other two are pages without any.
OPEN_PREFIXES = ("/live/", "/live-page/", "/sign-in/")


class ApiKeyAuth:
    """ASGI middleware: 401 ``invalid_api_key`` unless the request carries the key, compared in constant time."""

    def __init__(self, app: ASGIApp, *, key: str, open_paths: Collection[str] = OPEN_PATHS) -> None:
        self._app = app
        self._key = key.encode()
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer 401."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        is_known = self._is_known(scope)
        state = scope.setdefault("state", {})
        state["is_authenticated"] = is_known
        if is_known:
            state["owner"] = OWNER
        if is_known or scope["path"] in self._open_paths or scope["path"].startswith(OPEN_PREFIXES):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "invalid API key"})
        else:
            message = "Missing or wrong API key. Send it as 'Authorization: Bearer <key>', or as 'x-api-key: <key>'."
            headers = {"www-authenticate": "Bearer"}
            await send_refusal(send, ErrorReply(401, "invalid_api_key", message, headers=headers))

    def _is_known(self, scope: Scope) -> bool:
        kind, _, value = (header(scope, "authorization") or "").partition(" ")
        if kind.lower() != "bearer":
            value = header(scope, "x-api-key") or ""  # Anthropic's clients
        return hmac.compare_digest(value.strip().encode("latin-1", "replace"), self._key)
