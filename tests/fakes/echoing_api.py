"""An API that repeats what it was sent, its key among it, in every error; in the words of each dialect."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

from aiohttp import web
from aiohttp.test_utils import TestServer

Where = Literal["status", "refused", "body", "stream", "late", "line", "cut", "redirect"]
"""Where the error is: an HTTP error, a refusal of the key, a body under HTTP 200, a stream before and behind its first delta, the status line,
a message that is cut to a length behind the beginning of the key, an address that it leads to."""

ERRORS: Mapping[str, Callable[[str], Any]] = {
    "openai": lambda words: {"error": {"message": words, "type": "x", "code": words, "param": words}},
    "anthropic": lambda words: {"type": "error", "error": {"type": "api_error", "message": words}},
    "google": lambda words: {"error": {"code": 500, "message": words, "status": "INTERNAL"}},
    "ollama": lambda words: {"error": words},
    "custom": lambda words: {"problem": {"message": words}},
    "codegen": lambda words: {"id": 1, "status": "failed", "result": words, "error": {"message": words}},
}
FIRST: Mapping[str, list[Any]] = {
    "openai": [{"choices": [{"index": 0, "delta": {"content": "Hi"}}]}],
    "anthropic": [
        {"type": "message_start", "message": {"usage": {"input_tokens": 1, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
    ],
    "google": [{"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}],
    "ollama": [{"message": {"content": "Hi"}, "done": False}],
    "custom": [{"text": "Hi"}],
}
CUSTOM = {
    "request": {"path": "/ask", "body": {"q": "{{prompt}}"}},
    "response": {"text": "text", "error": "problem"},
    "stream": {"kind": "sse", "text": "text", "error": "problem", "end": "[DONE]"},
}


@asynccontextmanager
async def echoing_api(dialect: str, where: Where) -> AsyncIterator[str]:
    """Serve on a free port until the block is left, and hand out the address."""

    async def answer(request: web.Request) -> web.StreamResponse:
        words = echo(request, where)
        error = ERRORS[dialect](words)
        if where == "line":
            return web.Response(status=500, reason=words.replace("\n", " ")[:4000], text="")
        if where == "redirect":
            return web.Response(status=302, headers={"location": f"/elsewhere?{words}"})
        if where in {"stream", "late"}:
            return await stream(request, [*(FIRST[dialect] if where == "late" else []), error], dialect)
        statuses = {"status": 500, "cut": 500, "refused": 401}
        return web.json_response(error, status=statuses.get(where, 200))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


def echo(request: web.Request, where: Where) -> str:
    """All headers in several spellings."""
    values = dict(request.headers)
    said = f"{values} {json.dumps(values)} " + " ".join(values.values())
    if where != "cut":
        return said
    secret = next(value for value in values.values() if "secret-key" in value)
    key = secret.rpartition(" ")[2]
    return "a" * (1000 - len(key) + 5) + key + key


async def stream(request: web.Request, documents: list[Any], dialect: str) -> web.StreamResponse:
    kind = "application/x-ndjson" if dialect == "ollama" else "text/event-stream"
    response = web.StreamResponse(headers={"content-type": kind})
    await response.prepare(request)
    for document in documents:
        data = json.dumps(document).encode()
        name = b"event: %s\n" % document.get("type", "x").encode() if dialect == "anthropic" else b""
        await response.write(data + b"\n" if dialect == "ollama" else name + b"data: " + data + b"\n\n")
    await response.write_eof()
    return response
