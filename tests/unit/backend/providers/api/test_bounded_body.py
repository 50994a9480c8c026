"""What an API sends is bounded, however it is packed, cut or announced: as a whole answer, a list and a stream."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from backend.provider_errors import ApiFailedError
from backend.providers.api.bounded_body import MOST_ANSWER_BYTES, MOST_LIST_BYTES, read_bounded
from backend.providers.api.dialects.openai_compatible import OpenAICompatible
from backend.providers.api.place import ApiPlace
from backend.providers.api.provider import ApiProvider
from backend.wire.chat_response import CompletionHead

HEAD = CompletionHead("chatcmpl-1", 1, "e/m")
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
MIB = 1024 * 1024
EMPTY_DELTA = b'data: {"choices":[{"index":0,"delta":{"content":""},"x":"%s"}]}\n\n'


@dataclass
class Sender:
    """Sends pieces until they end or nobody reads any more; ``sent_bytes`` of them."""

    pieces: Iterator[bytes]
    headers: dict[str, str]
    sent_bytes: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=self.headers)
        await response.prepare(request)
        for piece in self.pieces:
            self.sent_bytes += len(piece)
            await response.write(piece)
        await response.write_eof()
        return response


@asynccontextmanager
async def sending(pieces: Iterator[bytes], **headers: str) -> AsyncIterator[tuple[Sender, str]]:
    sender = Sender(pieces, {"content-type": "application/json", **headers})
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", sender.answer)
    async with TestServer(app) as server:
        yield sender, str(server.make_url("")).rstrip("/")


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[ApiProvider]:
    async with aiohttp.ClientSession() as session:
        yield ApiProvider(session, OpenAICompatible(), ApiPlace(url, {"authorization": "Bearer key-of-e"}))


def packed(size_mib: int, encoding: str) -> Iterator[bytes]:
    """So many MiB of spaces, packed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31 if encoding == "gzip" else 15)
    for _ in range(size_mib):
        yield packer.compress(b" " * MIB)
    yield packer.flush()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_packed_body_is_given_up_where_it_becomes_too_large_and_never_held(encoding):
    pieces = list(packed(100, encoding))
    async with (
        sending(iter(pieces), **{"content-encoding": encoding}) as (_, url),
        aiohttp.ClientSession() as session,
        session.get(url) as response,
    ):
        tracemalloc.start()
        with pytest.raises(ApiFailedError, match="larger than 2 MiB"):
            await read_bounded(response, 2 * MIB)
        most_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert most_bytes < 8 * MIB


async def test_a_body_without_an_end_is_left():
    async with (
        sending(itertools.repeat(b" " * MIB)) as (sender, url),
        aiohttp.ClientSession() as session,
        session.get(url) as response,
    ):
        with pytest.raises(ApiFailedError, match="larger than 2 MiB"):
            await read_bounded(response, 2 * MIB)

    assert sender.sent_bytes < 50 * MIB


async def test_a_body_that_says_that_it_is_too_large_is_not_read():
    async with (
        sending(iter([b" " * MIB] * 3), **{"content-length": str(3 * MIB)}) as (_, url),
        aiohttp.ClientSession() as session,
        session.get(url) as response,
    ):
        with pytest.raises(ApiFailedError, match="larger than 2 MiB"):
            await read_bounded(response, 2 * MIB)


@pytest.mark.parametrize("size", [0, 1, MIB, 2 * MIB])
async def test_what_fits_is_whole(size):
    body = b"a" * size
    async with (
        sending(iter([gzip.compress(body)]), **{"content-encoding": "gzip"}) as (_, url),
        aiohttp.ClientSession() as session,
        session.get(url) as response,
    ):
        got = await read_bounded(response, 2 * MIB)

    assert got == body


async def test_answers_and_lists_of_models_have_bounds_of_their_own():
    async with sending(itertools.repeat(b" " * MIB)) as (sender, url), opened(url) as provider:
        with pytest.raises(ApiFailedError, match=f"larger than {MOST_ANSWER_BYTES // MIB} MiB"):
            await provider.complete(BODY, HEAD)
        whole = sender.sent_bytes
        health = await provider.check()
        listed = sender.sent_bytes - whole

    assert whole < MOST_ANSWER_BYTES + 50 * MIB
    assert f"larger than {MOST_LIST_BYTES // MIB} MiB" in str(health.reason)
    assert listed < MOST_LIST_BYTES + 50 * MIB


@pytest.mark.parametrize(
    "pieces",
    [
        lambda: itertools.repeat(EMPTY_DELTA % (b"a" * 100_000)),
        lambda: itertools.repeat(EMPTY_DELTA % b""),
        lambda: itertools.repeat(EMPTY_DELTA.replace(b'"content"', b'"role":"assistant","content"') % b""),
    ],
    ids=["large", "small", "role"],
)
async def test_a_stream_that_never_begins_is_given_up(pieces):
    async with (
        sending(pieces(), **{"content-type": "text/event-stream"}) as (sender, url),
        opened(url) as provider,
    ):
        with pytest.raises(ApiFailedError, match="without a beginning"):
            async with provider.open_stream({**BODY, "stream": True}, HEAD, with_usage=False):
                pass

    assert sender.sent_bytes < 20 * MIB


async def test_a_long_beginning_is_passed_on_whole():
    events = [EMPTY_DELTA % (b"a" * 100_000)] * 9
    last = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'
    async with (
        sending(iter([*events, last]), **{"content-type": "text/event-stream"}) as (_, url),
        opened(url) as provider,
        provider.open_stream({**BODY, "stream": True}, HEAD, with_usage=False) as stream,
    ):
        got = b"".join([events async for events in stream])

    assert got == b"".join([*events, last])
