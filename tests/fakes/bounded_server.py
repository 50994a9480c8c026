"""The gateway's HTTP server before a small ASGI application, with bounds that a test chooses; and clients that mean no good."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from backend.asgi import ASGIApp, allow_long_messages, read_body
from backend.server.limits import ConnectionLimits
from backend.server.server import GatewayServer, build_server_config

GET = b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n"
UPGRADE = (
    b"GET /socket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@dataclass
class EchoApp:
    """Answers each request, those to ``/held`` once they are ``released``, and each message of a socket.

    A socket to ``/deaf`` is not read, one to ``/bye`` is closed at once.

    Attributes:
        sizes: Of the bodies so far.
        messages: What WebSockets said; one that says ``known`` may send long messages from then on.
        told: Set with each message.
    """

    sizes: list[int] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    body: bytes = b"ok"

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        if scope["path"] == "/held":
            self.held.set()
            await self.released.wait()
        if scope["path"] != "/early":
            self.sizes.append(len(await read_body(receive)))
        length = str(len(self.body)).encode()
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}
        await send(start)
        await send({"type": "http.response.body", "body": self.body})

    async def _socket(self, scope, receive, send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        if scope["path"] == "/bye":
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["path"] == "/deaf":
            await self.released.wait()
        while (message := await receive())["type"] != "websocket.disconnect":
            self.messages.append(message.get("text") or message.get("bytes"))
            if message.get("text") == "known":
                allow_long_messages(scope)
            await send({"type": "websocket.send", "text": "heard"})
        self.messages.append(message["code"])


@dataclass
class Client:
    """One connection, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        """Send it, unless the server has closed."""
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    def stop_reading(self) -> None:
        """Take nothing more of what the server sends."""
        cast("asyncio.Transport", self.writer.transport).pause_reading()

    async def rest(self) -> bytes:
        """Return everything until the server closes."""
        got = b""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(60):
                while data := await self.reader.read(65_536):
                    got += data
        return got

    async def head(self) -> bytes:
        """Return the next head."""
        async with asyncio.timeout(60):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def answer(self) -> bytes:
        """Return the next answer of the application, whole."""
        head = await self.head()
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        async with asyncio.timeout(60):
            return head + await self.reader.readexactly(length)


@dataclass
class Serving:
    """A server that listens on ``port``."""

    server: GatewayServer
    port: int
    clients: list[Client] = field(default_factory=list)

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def exchange(self, *sent: bytes) -> bytes:
        """Send it all, and return everything until the server closes."""
        client = await self.connect()
        for data in sent:
            await client.say(data)
        return await client.rest()

    @property
    def open_now(self) -> int:
        return len(self.server.server_state.connections)


class _QuietServer(GatewayServer):
    """Leaves the test runner's signal handlers alone."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


@asynccontextmanager
async def serve_bounded(app: ASGIApp, **limits: Any) -> AsyncIterator[Serving]:
    """Serve ``app`` on a free port until the block is left; ``limits`` are other ones than usual."""
    config = build_server_config(app, "127.0.0.1", 0)
    config.lifespan, config.timeout_graceful_shutdown = "off", 1
    server = _QuietServer(config, ConnectionLimits(**limits))
    listener = config.bind_socket()
    listener.listen(100)
    serving = asyncio.create_task(server.serve([listener]))
    running = Serving(server, listener.getsockname()[1])
    try:
        yield running
    finally:
        for client in running.clients:
            client.writer.close()
        server.should_exit = True
        await serving
