"""Asks an HTTP server one question again and again over kept connections, and times each answer. For a process of its own."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import anyio
import httptools
import uvloop

_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Question:
    """A server on loopback, and a whole HTTP request to it as it goes over the wire."""

    port: int
    request: bytes


@dataclass(slots=True)
class _Answer:
    """What the parser reports of one response."""

    body: bytes = b""
    is_whole: bool = False

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self.is_whole = True


def build_question(port: int, key: str, body: bytes) -> Question:
    """Return a chat request with this JSON ``body``."""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return Question(port, head.encode("ascii") + body)


def ask(question: Question, at_once: int, seconds: float) -> list[float]:
    """Return the milliseconds of each answer; every one of ``at_once`` connections asks again when it is answered.

    Raises:
        ExceptionGroup: An answer was no HTTP 200, or did not come.
    """
    return uvloop.run(_ask_at_once(question, at_once, seconds))


async def _ask_at_once(question: Question, at_once: int, seconds: float) -> list[float]:
    took_ms: list[float] = []
    end_s = time.perf_counter() + seconds
    async with anyio.create_task_group() as tasks:
        for _ in range(at_once):
            tasks.start_soon(_keep_asking, question, end_s, took_ms)
    return took_ms


async def _keep_asking(question: Question, end_s: float, took_ms: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", question.port)
    started_s = time.perf_counter()
    while started_s < end_s:
        writer.write(question.request)
        await _read_answer(reader)
        ended_s = time.perf_counter()
        took_ms.append((ended_s - started_s) * 1000)
        started_s = ended_s
    writer.close()
    await writer.wait_closed()


async def _read_answer(reader: asyncio.StreamReader) -> None:
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    while not answer.is_whole:
        data = await reader.read(_READ_BYTES)
        if not data:
            raise ConnectionResetError("The server closed the connection in place of an answer.")
        parser.feed_data(data)
    if parser.get_status_code() != 200:
        raise RuntimeError(f"HTTP {parser.get_status_code()}: {answer.body[:500]!r}")
