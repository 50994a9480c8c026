"""The floor of API requests, and the upstream behind it: the least that a gateway can do, and an API that costs next to nothing.

``python -m tests.benchmarks.pass_through floor --port 9001 --upstream http://127.0.0.1:9000/v1``
``python -m tests.benchmarks.pass_through upstream --port 9000``

The floor checks a key, reads the request, passes it on by a kept connection, reads the usage of the answer and passes that back. What serves
it is set as the gateway's: uvicorn with httptools and uvloop, no access log, rare garbage collection; aiohttp asks the upstream.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import hmac
from typing import cast

import aiohttp
import httptools
import orjson
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

KEY = "sk-bench"
_COMMON = {"id": "chatcmpl-bench", "created": 1_700_000_000, "model": "bench-model"}
_MESSAGE = {"role": "assistant", "content": " ".join(["A river is water that moves."] * 6)}
_CHOICE = {"index": 0, "message": _MESSAGE, "logprobs": None, "finish_reason": "stop"}
_USAGE = {"prompt_tokens": 40, "completion_tokens": 42, "total_tokens": 82}
_COMPLETION = {**_COMMON, "object": "chat.completion", "choices": [_CHOICE], "usage": _USAGE}
_MODEL = {"id": "bench-model", "object": "model", "created": 1, "owned_by": "bench"}


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=("floor", "upstream"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", help="base URL of an OpenAI-compatible API")
    arguments = parser.parse_args()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    if arguments.role == "floor":
        uvloop.run(_serve_floor(arguments.port, arguments.upstream))
    else:
        uvloop.run(_serve_upstream(arguments.port))


# -- the floor ---------------------------------------------------------------------------------------------------------


class PassThrough:
    """An ASGI application that passes chat requests on."""

    def __init__(self, session: aiohttp.ClientSession, upstream: str) -> None:
        self._session = session
        self._url = f"{upstream}/chat/completions"
        self._key = hashlib.sha256(f"Bearer {KEY}".encode()).digest()
        self.tokens = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] == "/health":
            await _send(send, 200, b"{}")
        elif not self._is_allowed(dict(scope["headers"])):
            await _send(send, 401, b"{}")
        else:
            await self._pass_on(await _read(receive), send)

    def _is_allowed(self, headers: dict[bytes, bytes]) -> bool:
        given = hashlib.sha256(headers.get(b"authorization", b"")).digest()
        return hmac.compare_digest(given, self._key)

    async def _pass_on(self, body: bytes, send: Send) -> None:
        asked = orjson.dumps(orjson.loads(body))
        headers = {"content-type": "application/json", "authorization": "Bearer up-key"}
        async with self._session.post(self._url, data=asked, headers=headers) as response:
            answer = await response.read()
        self.tokens += orjson.loads(answer)["usage"]["total_tokens"]
        await _send(send, response.status, answer)


async def _read(receive: Receive) -> bytes:
    body, goes_on = b"", True
    while goes_on:
        message = await receive()
        body += message.get("body", b"")
        goes_on = message.get("more_body", False)
    return body


async def _send(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _serve_floor(port: int, upstream: str) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        config = uvicorn.Config(
            PassThrough(session, upstream),
            port=port,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        await uvicorn.Server(config).serve()


# -- the upstream ------------------------------------------------------------------------------------------------------


class _Upstream(asyncio.Protocol):
    """Answers every request of a connection by the same completion, or by the list of models."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_message_complete(self) -> None:
        self._transport.write(_MODELS if self._url.endswith(b"/models") else _ANSWER)


def _response(document: object) -> bytes:
    body = orjson.dumps(document)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


_ANSWER = _response(_COMPLETION)
_MODELS = _response({"object": "list", "data": [_MODEL]})


async def _serve_upstream(port: int) -> None:
    loop = asyncio.get_running_loop()
    async with await loop.create_server(_Upstream, "127.0.0.1", port, backlog=1024) as server:
        await server.serve_forever()


if __name__ == "__main__":
    main()
