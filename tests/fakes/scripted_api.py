"""An API upstream on a real socket that plays scripts, down to the bytes: it can die, stall and lie wherever it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

Step = bytes | str | asyncio.Event
"""Bytes are written; an event is waited for; ``"hang up"`` ends the connection there, ``"reset"`` breaks it."""

Api = TypeVar("Api", bound="ScriptedApi")

CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ScriptedApi:
    """Plays ``scripts`` one after the other, then the last one again; ``/models`` lists ``models``.

    Attributes:
        asked: Chat requests so far.
        left: Set when a client went away before its script was over.
    """

    url: str = ""
    scripts: list[list[Step]] = field(default_factory=list)
    models: tuple[str, ...] = ("m",)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    def plays(self, *scripts: Iterable[Step]) -> None:
        self.scripts = [list(script) for script in scripts]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            self._serving.discard(task)
            writer.close()

    async def end(self) -> None:
        """End the connections that are open."""
        ending = list(self._serving)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.scripts and self.scripts[0] == ["refuse"]:
            writer.transport.abort()
            return
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._serve_one(reader, writer):
                pass

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if method == "GET" and path.partition("?")[0].endswith("/models"):
            listed = {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
            writer.write(b"".join(step for step in answers(listed) if isinstance(step, bytes)))
            return True
        self.asked.append(Asked(method, path, headers, body))
        return await self._play(self.script_for(self.asked[-1]), reader, writer)

    def script_for(self, asked: Asked) -> list[Step]:
        """Return what is played for a request."""
        return self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]

    async def _play(
        self, script: list[Step], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        gone = asyncio.create_task(reader.read(1))
        try:
            for step in script:
                if isinstance(step, asyncio.Event):
                    waiting = asyncio.create_task(step.wait())
                    await asyncio.wait({gone, waiting}, return_when=asyncio.FIRST_COMPLETED)
                    waiting.cancel()
                elif isinstance(step, str):
                    if step == "reset":
                        writer.transport.abort()
                    return False
                else:
                    writer.write(step)
                    await writer.drain()
                if gone.done():
                    self.left.set()
                    return False
        finally:
            gone.cancel()
        # The next request of a connection that is kept would begin with what was read above.
        return False


def answers(
    document: Any, status: int = 200, headers: dict[str, str] | None = None, kind: str = "application/json"
) -> list[Step]:
    """A whole response."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    return [head.encode(), body]


def completion(text: str, **message: Any) -> dict[str, Any]:
    """A ``chat.completion``."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
    }
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
STREAM_END = b"0\r\n\r\n"


def piece(data: bytes) -> bytes:
    """One piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(document: Any) -> bytes:
    """One server-sent event in a piece of its own."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return piece(b"data: " + data + b"\n\n")


def delta(finish_reason: str | None = None, **values: Any) -> bytes:
    """One chunk of a streamed answer."""
    return event({**CHUNK, "choices": [{"index": 0, "delta": values, "finish_reason": finish_reason}]})


USAGE = event(
    {**CHUNK, "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}}
)


def streams(*texts: str) -> list[Step]:
    """A whole streamed answer of these deltas."""
    deltas = [delta(content=text) for text in texts]
    first = delta(role="assistant", content="")
    return [STREAM_HEAD, first, *deltas, delta("stop"), USAGE, event(b"[DONE]"), STREAM_END]


@asynccontextmanager
async def scripted_api() -> AsyncIterator[ScriptedApi]:
    """Serve on a free port until the block is left."""
    async with serving(ScriptedApi()) as api:
        yield api


@asynccontextmanager
async def serving(api: Api) -> AsyncIterator[Api]:
    """Serve ``api`` on a free port until the block is left."""
    server = await asyncio.start_server(api.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    api.url = f"http://127.0.0.1:{port}/v1"
    try:
        yield api
    finally:
        server.close()
        await api.end()
