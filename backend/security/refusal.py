"""Sends an error response before a request reaches any route."""

from __future__ import annotations

from backend.asgi import Send
from backend.wire.errors import ErrorReply


async def send_refusal(send: Send, reply: ErrorReply) -> None:
    """Send a whole HTTP response that carries ``reply``."""
    body = reply.encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(k.encode("latin-1"), v.encode("latin-1")) for k, v in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
