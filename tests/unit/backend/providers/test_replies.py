"""What a client is told besides an answer, and answers that are passed on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from backend.providers.replies import PassedReply, reply_headers, with_ignored
from backend.wire.usage import TokenUsage


class Pieces:
    """A streamed answer whose tokens are known at its end."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)
        self.usage: TokenUsage | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            self.usage = TokenUsage(3, 2)
            raise StopAsyncIteration
        return self._pieces.pop(0)


@pytest.mark.parametrize(
    ("ignored", "header"),
    [
        ((), None),
        (("seed", "user"), "seed, user"),
        (("größe",), "gr\\xf6\\xdfe"),
        (("a\r\nset-cookie: x",), "a??set-cookie: x"),
    ],
    ids=["none", "two", "a name that is not ASCII", "a name that would end the header"],
)
def test_a_header_names_what_has_no_effect(ignored, header):
    headers = reply_headers("demo", ignored)

    assert headers["x-gateway-endpoint"] == "demo"
    assert headers.get("x-gateway-ignored-params") == header


@pytest.mark.parametrize(
    ("known", "more", "header"),
    [
        (("seed",), ("top_k",), "seed, top_k"),
        ((), ("top_k",), "top_k"),
        (("seed",), (), "seed"),
        ((), (), None),
    ],
)
def test_what_got_lost_on_the_way_is_named_behind_what_has_no_effect(known, more, header):
    headers = with_ignored(reply_headers("demo", known), more)

    assert headers.get("x-gateway-ignored-params") == header


async def test_a_whole_answer_has_a_body_and_no_events():
    reply = PassedReply({}, b"{}", TokenUsage(1, 2))

    assert (reply.body, reply.usage, reply.is_usage_estimated) == (b"{}", TokenUsage(1, 2), False)
    assert [events async for events in reply] == []


async def test_a_streamed_answer_has_events_and_its_tokens_at_the_end():
    reply = PassedReply({}, stream=Pieces(b"a", b"b"))

    before = reply.usage
    events = [events async for events in reply]

    assert (reply.body, before, events) == (b"", None, [b"a", b"b"])
    assert reply.usage == TokenUsage(3, 2)


async def test_a_streamed_answer_may_be_read_piece_by_piece():
    reply = PassedReply({}, stream=Pieces(b"a", b"b"))

    assert await anext(reply) == b"a"
    assert [events async for events in reply] == [b"b"]
