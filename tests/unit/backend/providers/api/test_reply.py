"""An API's answer to a chat request: whose body it is asked with, and for how long it keeps its place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from automation.errors import SiteError
from backend.errors import QueueFullError
from backend.providers.api.dialect import WholeCompletion
from backend.providers.api.reply import open_api_reply
from backend.providers.chat_call import ChatCall
from backend.providers.target import Target
from backend.wire.chat_response import CompletionHead
from backend.wire.door import DoorName, TranslatedRequest
from backend.wire.usage import TokenUsage

TARGET = Target("demo", "two", "two")


@dataclass
class Api:
    """A ``ChatApi`` that notes what is done with it.

    Attributes:
        failure: Raised instead of an answer.
    """

    steps: list[str] = field(default_factory=list)
    bodies: list[Mapping[str, Any]] = field(default_factory=list)
    heads: list[CompletionHead] = field(default_factory=list)
    failure: Exception | None = None

    def ignored(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(name for name in body if name == "seed")

    def refused(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(name for name in body if name == "verbosity")

    async def complete(self, body: Mapping[str, Any], head: CompletionHead) -> WholeCompletion:
        self._begin(body, head)
        return WholeCompletion(b"whole", TokenUsage(1, 2))

    @asynccontextmanager
    async def open_stream(
        self, body: Mapping[str, Any], head: CompletionHead, *, with_usage: bool
    ) -> AsyncIterator[_Stream]:
        self._begin(body, head)
        try:
            yield _Stream(with_usage=with_usage)
        finally:
            self.steps.append("left")

    def _begin(self, body: Mapping[str, Any], head: CompletionHead) -> None:
        self.steps.append("asked")
        self.bodies.append(body)
        self.heads.append(head)
        if self.failure is not None:
            raise self.failure

    @asynccontextmanager
    async def place(self, refusal: Exception | None = None) -> AsyncIterator[None]:
        """Be the place among those that are asked at once."""
        if refusal is not None:
            raise refusal
        self.steps.append("place")
        try:
            yield
        finally:
            self.steps.append("place left")


class _Stream:
    usage = TokenUsage(3, 4)

    def __init__(self, *, with_usage: bool) -> None:
        self._events = [b"event", *([b"usage"] if with_usage else [])]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._events:
            raise StopAsyncIteration
        return self._events.pop(0)


def parse_chat_call(*, is_streamed: bool = False, with_usage: bool = False, **fields: object) -> ChatCall:
    body = {"model": "demo/two", "messages": [], **fields}
    return ChatCall("demo/two", body, is_streamed, with_usage)


async def test_a_whole_answer_gives_its_place_back_before_it_is_handed_out():
    api = Api()

    async with open_api_reply(api, parse_chat_call(), TARGET, api.place()) as reply:
        before = list(api.steps)

    assert before == ["place", "asked", "place left"]
    assert (reply.body, reply.usage) == (b"whole", TokenUsage(1, 2))


async def test_a_streamed_answer_keeps_its_place_until_it_is_left():
    api = Api()

    async with open_api_reply(api, parse_chat_call(is_streamed=True), TARGET, api.place()) as reply:
        before = list(api.steps)
        events = [events async for events in reply]

    assert before == ["place", "asked"]
    assert api.steps == ["place", "asked", "left", "place left"]
    assert (events, reply.usage) == ([b"event"], TokenUsage(3, 4))


@pytest.mark.parametrize("with_usage", [True, False])
async def test_usage_is_streamed_to_who_asked_for_it(with_usage):
    api = Api()
    call = parse_chat_call(is_streamed=True, with_usage=with_usage)

    async with open_api_reply(api, call, TARGET, api.place()) as reply:
        assert (b"usage" in [events async for events in reply]) is with_usage


@pytest.mark.parametrize(
    ("target", "asked", "told"),
    [
        (Target("demo", "two", "two"), "two", "two"),
        (Target("demo", None, None), "demo/two", "demo"),
    ],
    ids=["the model that was resolved", "as the client named it, where nothing was"],
)
@pytest.mark.parametrize("is_streamed", [True, False])
async def test_it_is_asked_for(target, asked, told, is_streamed):
    api = Api()

    async with open_api_reply(api, parse_chat_call(is_streamed=is_streamed), target, api.place()):
        pass

    assert (api.bodies[0]["model"], api.heads[0].model) == (asked, told)


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_fields_that_only_the_gateway_understands_stay_here_and_ineffective_ones_are_named(is_streamed):
    api = Api()
    call = parse_chat_call(is_streamed=is_streamed, conversation="new", seed=1)

    async with open_api_reply(api, call, TARGET, api.place()) as reply:
        headers = dict(reply.headers)

    assert "conversation" not in api.bodies[0]
    assert headers == {"x-gateway-endpoint": "demo", "x-gateway-ignored-params": "seed"}


class _Door:
    name: DoorName = "messages"
    query = ""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self.headers: Mapping[str, str] = {}

    def pass_on(self, model: str | None) -> bytes:
        raise AssertionError(model)

    def translate(self) -> TranslatedRequest:
        return TranslatedRequest(self.body)


@pytest.mark.parametrize("is_translated", [True, False])
async def test_what_an_api_would_refuse_is_left_out_and_named_where_we_translated_it(is_translated):
    api = Api()
    call = parse_chat_call(verbosity="low")
    call.door = _Door(call.body) if is_translated else None

    async with open_api_reply(api, call, TARGET, api.place()) as reply:
        named = reply.headers.get("x-gateway-ignored-params")

    assert ("verbosity" in api.bodies[0], named) == ((False, "verbosity") if is_translated else (True, None))


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_a_failure_gives_the_place_back(is_streamed):
    api = Api(failure=SiteError("HTTP 500"))

    with pytest.raises(SiteError):
        async with open_api_reply(api, parse_chat_call(is_streamed=is_streamed), TARGET, api.place()):
            pytest.fail("there was an answer")

    assert api.steps == ["place", "asked", "place left"]


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_without_a_place_nothing_is_asked(is_streamed):
    api = Api()
    refusal = QueueFullError("64 requests wait already.", 5.0)

    with pytest.raises(QueueFullError) as raised:
        async with open_api_reply(api, parse_chat_call(is_streamed=is_streamed), TARGET, api.place(refusal)):
            pytest.fail("there was an answer")

    assert raised.value is refusal
    assert api.steps == []
