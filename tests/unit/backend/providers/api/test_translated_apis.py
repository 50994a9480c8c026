"""Translated APIs over a real socket: their answers arrive, and one that is cut is never a whole one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from backend.provider_errors import ApiFailedError
from backend.providers.api.dialect import Dialect
from backend.providers.api.dialects.custom import Custom
from backend.providers.api.dialects.custom_api import parse_api
from backend.providers.api.dialects.ollama import Ollama
from backend.providers.api.place import ApiPlace
from backend.providers.api.provider import ApiProvider
from backend.wire.chat_response import CompletionHead

HEAD = CompletionHead("chatcmpl-1", 1, "e/m")
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
LINES = [
    b'{"message":{"content":"Gr\xc3',
    b'\xbc\xc3\x9fe"},"done":false}\n',
    b'{"message":{"content":""},"done":true,"done_reason":"stop"}\n',
]


def custom(**stream: Any) -> Custom:
    request = {"path": "/api/chat", "body": {"q": "{{prompt}}"}}
    return Custom(parse_api({"request": request, "response": {"text": "a"}, "stream": stream}))


@asynccontextmanager
async def opened(
    dialect: Dialect, pieces: list[bytes], content_type: str, *, is_cut: bool = False
) -> AsyncIterator[ApiProvider]:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": content_type})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        if is_cut:
            assert request.transport is not None
            request.transport.close()
        return response

    app = web.Application()
    app.router.add_post("/api/chat", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield ApiProvider(session, dialect, ApiPlace(str(server.make_url("")).rstrip("/"), {}))


async def streamed(provider: ApiProvider) -> str:
    async with provider.open_stream(BODY, HEAD, with_usage=False) as stream:
        events = b"".join([event async for event in stream]).split(b"\n\n")
    chunks = [orjson.loads(event[6:]) for event in events if event]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)


@pytest.mark.parametrize(
    ("dialect", "pieces", "content_type"),
    [
        (Ollama(), LINES, "application/x-ndjson"),
        (custom(kind="ndjson", text="message.content", finish="done_reason"), LINES, "application/json"),
        (custom(kind="ndjson", text="message.content"), LINES, "application/jsonl"),
        (
            custom(kind="sse", text="d", end="END"),
            [b'data: {"d":"Gr\xc3\xbc\xc3\x9fe"}\n\n', b"data: END\n\n"],
            "text/event-stream",
        ),
        (custom(kind="text"), [b"Gr\xc3", b"\xbc\xc3\x9fe"], "text/plain"),
        (custom(kind="none"), [b'{"a":"Gr\xc3\xbc', b'\xc3\x9fe"}'], "application/json"),
    ],
    ids=["ollama", "lines", "lines without a marker", "events", "text", "no streams"],
)
async def test_a_streamed_answer_arrives_exact(dialect, pieces, content_type):
    async with opened(dialect, pieces, content_type) as provider:
        text = await streamed(provider)

    assert text == "Grüße"


@pytest.mark.parametrize(
    ("dialect", "pieces", "content_type"),
    [
        (Ollama(), LINES[:2], "application/x-ndjson"),
        (custom(kind="ndjson", text="message.content"), LINES[:2], "application/jsonl"),
        (custom(kind="text"), [b"a"], "text/plain"),
        (custom(kind="none"), [b'{"a":"b"}'], "application/json"),
    ],
    ids=["ollama", "lines without a marker", "text", "no streams"],
)
async def test_a_connection_that_is_cut_is_an_error_also_where_nothing_marks_the_end(
    dialect, pieces, content_type
):
    async with opened(dialect, pieces, content_type, is_cut=True) as provider:
        with pytest.raises(ApiFailedError) as caught:
            await streamed(provider)

    assert "the connection broke" in str(caught.value)
