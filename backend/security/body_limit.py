"""Middleware that refuses requests whose bodies are too large."""

from __future__ import annotations

from starlette.exceptions import HTTPException

from backend.asgi import ASGIApp, Message, Receive, Scope, Send, header
from backend.security.refusal import send_refusal
from backend.wire.errors import ErrorReply

_STATUS = 413


class BodyLimit:
    """ASGI middleware that refuses bodies of more than ``most_bytes`` with 413 ``prompt_too_large``."""

    def __init__(self, app: ASGIApp, *, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer 413: at once where its length says so, else as soon as it is too long."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = header(scope, "content-length") or ""
        if length.isdecimal() and int(length) > self._most_bytes:
            await send_refusal(send, ErrorReply(_STATUS, "prompt_too_large", self._words))
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most_bytes:
                raise HTTPException(_STATUS, self._words)
            return message

        await self._app(scope, counted, send)

    @property
    def _words(self) -> str:
        return f"The request's body is larger than {self._most_bytes} bytes, which MAX_REQUEST_BYTES allows."
