"""An API provider over a real socket: what it asks, what it makes of the answer, and what it leaves open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import anyio
import pytest

from automation.errors import (
    FirstTokenTimeout,
    IdleTimeout,
    RateLimitedError,
    SignInRequiredError,
    SiteError,
    UnreachableError,
)
from backend.errors import InvalidRequestError, ProviderRefusedError
from backend.providers.api.dialects.anthropic import Anthropic
from backend.providers.api.dialects.openai_compatible import OpenAICompatible
from backend.providers.api.place import ApiPlace, ApiTimeouts
from backend.providers.api.provider import ApiProvider, StreamedCompletion
from backend.wire.chat_response import CompletionHead
from backend.wire.usage import TokenUsage
from tests.fakes.scripted_api import (
    STREAM_HEAD,
    ScriptedApi,
    answers,
    completion,
    delta,
    event,
    scripted_api,
    streams,
)

HEAD = CompletionHead("chatcmpl-ours", 1, "demo/m")
BODY = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
KEY = "sk-secret-key"


@pytest.fixture
async def api():
    async with scripted_api() as running:
        yield running


@asynccontextmanager
async def opened(
    url: str, *, models: tuple[str, ...] = (), timeouts: ApiTimeouts | None = None
) -> AsyncIterator[ApiProvider]:
    async with aiohttp.ClientSession() as session:
        headers = {"authorization": f"Bearer {KEY}"}
        place = ApiPlace(url, headers, models, timeouts or ApiTimeouts())
        yield ApiProvider(session, OpenAICompatible(), place)


def streamed(provider: ApiProvider) -> AbstractAsyncContextManager[StreamedCompletion]:
    return provider.open_stream({**BODY, "stream": True}, HEAD, with_usage=False)


async def read(provider: ApiProvider) -> bytes:
    """Return the events of a streamed answer."""
    async with streamed(provider) as stream:
        return b"".join([events async for events in stream])


async def test_a_whole_answer_of_openais_dialect_is_passed_on_with_its_tokens(api: ScriptedApi):
    api.plays(answers(completion("Hi")))

    async with opened(api.url) as provider:
        whole = await provider.complete(BODY, HEAD)

    document = json.loads(whole.body)
    assert document == completion("Hi")
    assert whole.usage == TokenUsage(7, 5)
    assert api.asked[0].json["messages"] == BODY["messages"]
    assert api.asked[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_streamed_answer_is_told_as_it_comes(api: ScriptedApi):
    held = asyncio.Event()
    api.plays([STREAM_HEAD, delta(content="Hel"), held, *streams("lo")[2:]])

    async with opened(api.url) as provider, streamed(provider) as stream:
        first = await anext(stream)
        held.set()
        rest = b"".join([events async for events in stream])

    assert b"Hel" in first
    assert b"lo" in rest
    assert stream.usage == TokenUsage(7, 5)


async def test_leaving_a_streamed_answer_early_ends_it_at_the_provider(api: ScriptedApi):
    api.plays([STREAM_HEAD, delta(content="Hel"), asyncio.Event()])

    async with opened(api.url) as provider:
        async with streamed(provider) as stream:
            await anext(stream)

        with anyio.fail_after(200):
            await api.left.wait()

    assert api.left.is_set()


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (answers({"error": {"message": "no such key"}}, 401), SignInRequiredError),
        (answers({"error": {"message": "slow down"}}, 429, {"retry-after": "7"}), RateLimitedError),
        (answers({"error": {"message": "no such model"}}, 404), ProviderRefusedError),
        (answers({"error": {"message": "overloaded"}}, 503), SiteError),
        (answers(b"<html>", kind="text/html"), SiteError),
        (answers({}, 302, {"location": "http://127.0.0.1:1/"}), UnreachableError),
        (["hang up"], SiteError),
    ],
    ids=["401", "429", "404", "503", "a web page", "a redirection", "a connection that ends"],
)
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_what_is_no_answer_is_an_error_before_anything_is_told(
    api: ScriptedApi, script, error, is_streamed
):
    api.plays(script)

    async with opened(api.url) as provider:
        with pytest.raises(error) as raised:
            await (read(provider) if is_streamed else provider.complete(BODY, HEAD))

    if error is RateLimitedError:
        assert raised.value.retry_after_s == 7.0


async def test_a_key_that_the_provider_repeats_in_its_words_is_not_told(api: ScriptedApi):
    api.plays(answers({"error": {"message": f"Incorrect API key provided: {KEY}."}}, 401))

    async with opened(api.url) as provider:
        with pytest.raises(SignInRequiredError) as raised:
            await provider.complete(BODY, HEAD)

    assert "Incorrect API key provided" in str(raised.value)
    assert KEY not in str(raised.value)


async def test_nobody_at_the_address_is_unreachable():
    async with opened("http://127.0.0.1:1/v1") as provider:
        with pytest.raises(UnreachableError):
            await provider.complete(BODY, HEAD)


async def test_an_error_in_the_midst_of_an_answer_comes_after_what_was_told_before(api: ScriptedApi):
    failed = event({"error": {"message": "overloaded", "type": "server_error", "code": None}})
    api.plays([STREAM_HEAD, delta(content="Hel"), failed])

    async with opened(api.url) as provider, streamed(provider) as stream:
        first = await anext(stream)
        with pytest.raises(SiteError):
            await anext(stream)

    assert b"Hel" in first


@pytest.mark.parametrize(
    ("script", "timeouts", "error"),
    [
        ([asyncio.Event()], ApiTimeouts(first_token_s=0.05), FirstTokenTimeout),
        (
            [STREAM_HEAD, delta(role="assistant"), asyncio.Event()],
            ApiTimeouts(first_token_s=0.05),
            FirstTokenTimeout,
        ),
        ([STREAM_HEAD, delta(content="x"), asyncio.Event()], ApiTimeouts(idle_s=0.05), IdleTimeout),
    ],
    ids=["no headers", "no delta", "no more deltas"],
)
async def test_a_silent_provider_is_given_up(api: ScriptedApi, script, timeouts, error):
    api.plays(script)

    async with opened(api.url, timeouts=timeouts) as provider:
        with pytest.raises(error):
            await read(provider)


async def test_models_are_the_operators_list_or_the_providers(api: ScriptedApi):
    api.models = ("a", "b")

    async with opened(api.url) as provider, opened(api.url, models=("mine",)) as listed:
        assert await provider.models() == ["a", "b"]
        assert await listed.models() == ["mine"]


async def test_a_provider_that_is_down_has_no_models_and_is_not_healthy():
    async with opened("http://127.0.0.1:1/v1") as provider:
        assert await provider.models() == []
        health = await provider.check()

    assert not health.is_healthy
    assert health.reason


async def test_a_healthy_check_learns_models_that_came_since(api: ScriptedApi):
    async with opened(api.url) as provider:
        before = await provider.models()
        api.models = ("m", "new")
        health = await provider.check()

        assert health.is_healthy
        assert (before, await provider.models()) == (["m"], ["m", "new"])


async def test_embeddings_are_passed_on_as_they_are(api: ScriptedApi):
    api.plays(answers({"object": "list", "model": "e", "data": [], "usage": {"prompt_tokens": 1}}))

    async with opened(api.url) as provider:
        document = json.loads(await provider.embed({"model": "e", "input": "a"}, "demo/e"))

    assert (document["model"], document["data"]) == ("e", [])
    assert api.asked[0].path.endswith("/embeddings")


async def test_a_dialect_without_embeddings_asks_nobody_for_any(api: ScriptedApi):
    async with aiohttp.ClientSession() as session:
        provider = ApiProvider(session, Anthropic(), ApiPlace(api.url, {}))
        with pytest.raises(InvalidRequestError) as refused:
            await provider.embed({"model": "e", "input": "a"}, "demo/e")

    assert (refused.value.param, api.asked) == ("model", [])


async def test_it_has_no_accounts_and_no_chats():
    async with opened("http://127.0.0.1:1/v1") as provider:
        assert (provider.accounts, provider.problem) == (None, None)
