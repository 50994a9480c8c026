"""A kept connection that the other side has closed meanwhile: the request is sent once more, and never where it may have begun."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from automation.errors import SiteError
from backend.providers.api.client_session import open_api_session
from backend.providers.api.dialects.openai_compatible import OpenAICompatible
from backend.providers.api.place import ApiPlace
from backend.providers.api.provider import ApiProvider
from backend.wire.chat_response import CompletionHead
from tests.fakes.scripted_api import answers, completion

HEAD = CompletionHead("chatcmpl-ours", 1, "demo/m")
BODY: dict[str, object] = {"model": "m", "messages": [{"role": "user", "content": "Hello" * 200_000}]}
ANSWER = b"".join(step for step in answers(completion("fine")) if isinstance(step, bytes))


@dataclass
class KeepingApi:
    """Keeps connections, and answers each request by the next of ``plays``: bytes, behind which it may hang up.

    Attributes:
        asked: On which connection each request came, from 0.
    """

    plays: list[tuple[bytes, bool]]
    url: str = ""
    connections: int = 0
    asked: list[int] = field(default_factory=list)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.connections = self.connections, self.connections + 1
        self._open.add(writer)
        try:
            while await self._serve_one(number, reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _serve_one(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"chunked" in head:
            await reader.readuntil(b"\r\n0\r\n\r\n")
        else:
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        self.asked.append(number)
        response, is_kept = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
        writer.write(response)
        await writer.drain()
        return is_kept


@asynccontextmanager
async def opened(*plays: tuple[bytes, bool]) -> AsyncIterator[tuple[KeepingApi, ApiProvider]]:
    api = KeepingApi(list(plays))
    server = await asyncio.start_server(api.serve, "127.0.0.1", 0, limit=2**24)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        async with open_api_session() as session:
            yield api, ApiProvider(session, OpenAICompatible(), ApiPlace(url, {}))
    finally:
        server.close()


async def text(provider: ApiProvider, body: dict[str, object] = BODY) -> str:
    whole = await provider.complete(body, HEAD)
    said: str = json.loads(whole.body)["choices"][0]["message"]["content"]
    return said


@pytest.mark.parametrize("size", [1, 200_000])
async def test_a_request_on_a_connection_that_was_closed_is_sent_once_more_on_a_new_one(size):
    body = {**BODY, "messages": [{"role": "user", "content": "Hello" * size}]}
    async with opened((ANSWER, True), (b"", False), (ANSWER, True)) as (api, provider):
        first = await text(provider, body)
        second = await text(provider, body)

    assert (first, second) == ("fine", "fine")
    assert api.asked == [0, 0, 1]


async def test_it_is_sent_once_more_and_not_again():
    async with opened((ANSWER, True), (b"", False), (b"", False), (ANSWER, True)) as (api, provider):
        await text(provider)
        with pytest.raises(SiteError):
            await text(provider)

    assert api.asked == [0, 0, 1]


async def test_a_request_on_a_new_connection_is_not_sent_again():
    async with opened((b"", False), (ANSWER, True)) as (api, provider):
        with pytest.raises(SiteError):
            await text(provider)

    assert api.asked == [0]


@pytest.mark.parametrize("begun", [b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\ncontent-le", ANSWER[:-5]])
async def test_a_request_whose_response_had_begun_is_not_sent_again(begun):
    async with opened((ANSWER, True), (begun, False), (ANSWER, True)) as (api, provider):
        await text(provider)
        with pytest.raises(SiteError):
            await text(provider)

    assert api.asked == [0, 0]


async def test_a_header_longer_than_most_is_no_failure():
    long = ANSWER.replace(b"\r\n\r\n", b"\r\nx-their-own: " + b"a" * 40_000 + b"\r\n\r\n", 1)
    async with opened((long, True)) as (_, provider):
        assert await text(provider) == "fine"
