"""Type aliases and helpers for ASGI 3.0 middleware. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

ALLOW_LONG_MESSAGES: Final = "allow_long_messages"
"""Key of ``scope["state"]`` of a WebSocket: what to call once its client is known; until then its messages are short."""


def header(scope: Scope, name: str) -> str | None:
    """Return the first header of this lower-case name, or None."""
    wanted = name.encode("latin-1")
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == wanted), None)


async def read_body(receive: Receive) -> bytes:
    """Return a request's whole body."""
    message = await receive()
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    pieces = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        pieces.append(message.get("body", b""))
    return b"".join(pieces)


def allow_long_messages(scope: Scope) -> None:
    """Let the client of a WebSocket send long messages, where the server holds them short until it is known."""
    allow = scope.get("state", {}).get(ALLOW_LONG_MESSAGES)
    if allow is not None:
        allow()
